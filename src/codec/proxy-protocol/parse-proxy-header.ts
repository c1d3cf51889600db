import { binaryHeader, isBinaryStart } from './binary-header.ts';
import { type ProxyHeader, ProxyHeaderError } from './proxy-header.ts';
import { isTextStart, textHeader } from './text-header.ts';

/**
 * Reads the PROXY header, version 1 or 2, that a connection begins with.
 * @returns null if more bytes are needed
 * @throws ProxyHeaderError
 * @see https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | null {
  if (isBinaryStart(bytes)) return binaryHeader(bytes);
  if (isTextStart(bytes)) return textHeader(bytes);
  throw new ProxyHeaderError('does not begin with a PROXY header');
}
