import { isIP } from 'node:net';
import { type ProxyHeader, ProxyHeaderError } from './proxy-header.ts';

const START = 'PROXY ';

/** Bytes of the longest header of version 1, with its CRLF (§2.1). */
const MAX_LENGTH = 107;

/** Whether `bytes` may be the beginning of a header of version 1. */
export function isTextStart(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, START.length);
  return bytes.toString('latin1', 0, length) === START.slice(0, length);
}

/** Reads a header of version 1 (§2.1): one line, such as `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`. Null if more bytes are needed. */
export function textHeader(bytes: Buffer): ProxyHeader | null {
  const end = bytes.indexOf('\r\n');
  if (end === -1 && bytes.length < MAX_LENGTH) return null;
  if (end === -1 || end + 2 > MAX_LENGTH) throw new ProxyHeaderError('the PROXY line is longer than 107 bytes');
  const length = end + 2;
  const [, protocol, source = '', destination = '', port = '', ownPort = '', ...more] = bytes
    .toString('latin1', 0, end)
    .split(' ');
  // What follows UNKNOWN is to be ignored.
  if (protocol === 'UNKNOWN') return { length, source: null };
  const family = protocol === 'TCP4' ? 4 : protocol === 'TCP6' ? 6 : 0;
  const isValid =
    family !== 0 &&
    more.length === 0 &&
    isIP(source) === family &&
    isIP(destination) === family &&
    isPort(port) &&
    isPort(ownPort);
  if (!isValid) throw new ProxyHeaderError('the PROXY line is malformed');
  return { length, source: { address: source, port: Number(port) } };
}

/** A port in decimal, without leading zeros. */
function isPort(text: string): boolean {
  return /^(?:0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65_535;
}
