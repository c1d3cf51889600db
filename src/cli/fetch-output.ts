import type { ResponsePacket } from '../codec/zhttp/index.ts';
import { CliError } from './cli-error.ts';
import { printable } from './show-packet.ts';

/** The output for a response. */
export interface FetchOutput {
  /** Writes the head of the response if it was requested. */
  head(packet: ResponsePacket): void;
  /** @param taken called when the system has taken the bytes */
  body(bytes: Buffer, taken: () => void): void;
}

/** Writes responses to standard output; with `include`, their heads too. */
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

/** The head of a response in HTTP's form. The origin's version is not known. */
export function headText({ code, reason, headers }: ResponsePacket): string {
  const lines = [`HTTP ${code} ${reason}`.trimEnd()];
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  // Fields are bytes in an unknown encoding, often UTF-8.
  return `${lines.map((line) => printable(Buffer.from(line, 'latin1').toString())).join('\n')}\n\n`;
}

/** The failure that an error packet reports. */
export function failureOf({ condition, code, reason }: ResponsePacket): CliError {
  if (condition !== 'rejected') return new CliError(printable(condition || 'undefined-condition'));
  return new CliError(printable(`rejected: the origin responded with ${code} ${reason}`.trimEnd()));
}
