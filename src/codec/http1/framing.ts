import { listMembers } from '../fields/index.ts';
import { Http1Error } from './http1-error.ts';

/** A supported version of HTTP/1. */
export type Http1Version = '1.0' | '1.1';

/** Length of a body that is chunked. */
export const CHUNKED = -1;
/** Length of a response body that ends with the connection. */
export const UNTIL_CLOSE = -2;

/**
 * The value of a Content-Length field.
 * @throws Http1Error `malformed` for anything but digits, or more than a safe integer
 */
export function parseContentLength(value: string): number {
  if (value.length === 0 || value.length > 16) throw new Http1Error('malformed', 'invalid Content-Length');
  let length = 0;
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) throw new Http1Error('malformed', 'invalid Content-Length');
    length = length * 10 + digit;
  }
  if (length > Number.MAX_SAFE_INTEGER) throw new Http1Error('malformed', 'invalid Content-Length');
  return length;
}

/**
 * Checks that the transfer codings are `chunked` and nothing else (RFC 9112 §6.1, §7).
 * @throws Http1Error `transfer-coding` for unsupported codings, `malformed` unless chunked is last and appears once
 */
export function checkChunked(transferEncoding: string): void {
  if (transferEncoding === 'chunked') return;
  const codings = listMembers([transferEncoding]).map((coding) => coding.toLowerCase());
  if (codings.length === 1 && codings[0] === 'chunked') return;
  const last = codings.at(-1);
  const repeated = codings.indexOf('chunked') !== codings.length - 1;
  if (last !== 'chunked' || repeated) throw new Http1Error('malformed', 'transfer codings do not end in one chunked');
  throw new Http1Error('transfer-coding', `transfer coding ${codings[0]} is not supported`);
}

/**
 * Whether the connection may carry another message after this one (RFC 9112 §9.3).
 * @param connection the Connection values joined by commas, null when absent
 */
export function isPersistent(version: Http1Version, connection: string | null): boolean {
  if (connection === null) return version === '1.1';
  // The usual value if there is one.
  if (connection === 'keep-alive') return true;
  if (connection === 'close') return false;
  const options = listMembers([connection]).map((option) => option.toLowerCase());
  if (options.includes('close')) return false;
  return version === '1.1' || options.includes('keep-alive');
}
