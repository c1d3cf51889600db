import { createReadStream, fstatSync, openSync } from 'node:fs';
import { RequestPacket } from '../codec/zhttp/index.ts';
import type { HostPort } from '../config/index.ts';
import { systemErrorText } from '../exchange/index.ts';
import { CliError, USAGE } from './cli-error.ts';

/** Bytes of a response that may arrive before the first ones are written. */
const CREDITS = 262_144;

/** The options of a request. */
export interface RequestOptions {
  readonly request?: string;
  readonly header?: readonly (readonly [name: string, value: string])[];
  readonly data?: string;
  readonly follow?: boolean;
  /** Seconds. */
  readonly timeout?: number;
  readonly insecure?: boolean;
  readonly connectHost?: HostPort;
}

/** The body of a request. */
export interface Upload {
  /** Null if the size is not known. */
  readonly length: number | null;
  readonly chunks: AsyncIterable<Buffer> | Iterable<Buffer>;
}

/** Whether a URL is that of a WebSocket. */
export function isWebSocket(url: string): boolean {
  return /^wss?:/i.test(url);
}

/**
 * The URL, with `http://` in front if it has no scheme. The responder reports other errors in it.
 * @throws CliError for an unsupported scheme
 */
export function fetchUrl(text: string): string {
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? [];
  if (scheme === undefined) return `http://${text}`;
  if (!/^(https?|wss?)$/i.test(scheme)) {
    throw new CliError(`unsupported scheme ${JSON.stringify(scheme)}: expected http, https, ws or wss`, USAGE);
  }
  return text;
}

/**
 * The body given by `--data`: `@FILE` is the content of the file, `@-` standard input, anything else the text itself.
 * @throws CliError when the file cannot be read
 */
export function uploadOf(data: string): Upload {
  if (!data.startsWith('@')) {
    const bytes = Buffer.from(data);
    return { length: bytes.length, chunks: [bytes] };
  }
  if (data === '@-') return { length: null, chunks: process.stdin };
  try {
    const fd = openSync(data.slice(1), 'r');
    const stat = fstatSync(fd);
    return { length: stat.isFile() ? stat.size : null, chunks: createReadStream('', { fd }) };
  } catch (error) {
    throw new CliError(`cannot read ${data.slice(1)}: ${systemErrorText(error)}`);
  }
}

/** The first packet of a session, without body. */
export function firstPacket(url: string, options: RequestOptions): RequestPacket {
  const packet = new RequestPacket();
  packet.uri = wire(url);
  if (!isWebSocket(url)) packet.method = wire(options.request ?? (options.data === undefined ? 'GET' : 'POST'));
  packet.headers = (options.header ?? []).flat().map(wire);
  packet.credits = CREDITS;
  packet.followRedirects = options.follow ?? false;
  packet.ignoreTlsErrors = options.insecure ?? false;
  if (options.timeout !== undefined) packet.timeout = Math.round(options.timeout * 1000);
  if (options.connectHost !== undefined) {
    packet.connectHost = options.connectHost.host;
    packet.connectPort = options.connectHost.port;
  }
  return packet;
}

/** UTF-8 text as it is in packets: one character for each byte. */
function wire(text: string): string {
  return Buffer.from(text).toString('latin1');
}
