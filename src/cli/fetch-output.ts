import type { ResponsePacket } from '../codec/zhttp/index.ts';
import { CliError } from './cli-error.ts';
import { printable } from './show-packet.ts';

/** Where an answer goes. */
export interface FetchOutput {
  /** The head of the answer; nothing happens unless it is wanted. */
  head(packet: ResponsePacket): void;
  /** @param taken called when the system has taken the bytes */
  body(bytes: Buffer, taken: () => void): void;
}

/** Writes answers to standard output. `include`: the heads as well. */
export function standardOutput(include: boolean): FetchOutput {
  return {
    head: (packet) => {
      if (include) process.stdout.write(headText(packet));
    },
    body: (bytes, taken) => {
      if (bytes.length === 0) taken();
      else process.stdout.write(bytes, taken);
    },
  };
}

/** The head of an answer as HTTP has it. Which version the origin spoke is not known. */
export function headText({ code, reason, headers }: ResponsePacket): string {
  const lines = [`HTTP ${code} ${reason}`.trimEnd()];
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  // Fields are bytes, of which nobody knows the encoding; many are UTF-8.
  return `${lines.map((line) => printable(Buffer.from(line, 'latin1').toString())).join('\n')}\n\n`;
}

/** The failure that an error packet tells of. */
export function failureOf({ condition, code, reason }: ResponsePacket): CliError {
  if (condition !== 'rejected') return new CliError(printable(condition || 'undefined-condition'));
  return new CliError(printable(`rejected: the origin answered ${code} ${reason}`.trimEnd()));
}
