import { MAX_PROXY_HEADER, type ProxyHeader, ProxyHeaderError } from './proxy-header.ts';

/** The first twelve bytes of every header of version 2. */
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** Bytes before the addresses: the signature, version and command, family and protocol, and the length of what follows. */
const HEAD = 16;

const LOCAL = 0x20;
const PROXY = 0x21;

const TCP4 = 0x11;
const TCP6 = 0x21;

/** Whether `bytes` may be the beginning of a header of version 2. */
export function isBinaryStart(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, SIGNATURE.length);
  return bytes.subarray(0, length).equals(SIGNATURE.subarray(0, length));
}

/** Reads a header of version 2 (§2.2). Null if more bytes are needed. */
export function binaryHeader(bytes: Buffer): ProxyHeader | null {
  if (bytes.length < HEAD) return null;
  const command = bytes[12] as number;
  if (command !== LOCAL && command !== PROXY)
    throw new ProxyHeaderError('the version or command of the PROXY header is unknown');
  const length = HEAD + bytes.readUInt16BE(14);
  if (length > MAX_PROXY_HEADER)
    throw new ProxyHeaderError(`the PROXY header is longer than ${MAX_PROXY_HEADER} bytes`);
  if (bytes.length < length) return null;
  // A health check of the proxy itself. Its addresses are to be ignored.
  if (command === LOCAL) return { length, source: null };
  const kind = bytes[13] as number;
  // Other families and protocols have no address that means anything here: the connection's own one is used.
  if (kind !== TCP4 && kind !== TCP6) return { length, source: null };
  const size = kind === TCP4 ? 4 : 16;
  if (length < HEAD + 2 * size + 4) throw new ProxyHeaderError('the addresses of the PROXY header are incomplete');
  const address = bytes.subarray(HEAD, HEAD + size);
  const port = bytes.readUInt16BE(HEAD + 2 * size);
  return { length, source: { address: size === 4 ? address.join('.') : ipv6Text(address), port } };
}

/** RFC 5952 §4. */
function ipv6Text(address: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => address.readUInt16BE(2 * index).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
