import { Http1Error } from '../codec/http1/index.ts';

const REASONS: Readonly<Record<string, string>> = {
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  EPIPE: 'connection reset',
  ETIMEDOUT: 'connection timed out',
};

/** What happened to an open connection, in words; `error` comes from the socket's `error` event. */
export function socketReason(error: NodeJS.ErrnoException): string {
  const { code } = error;
  if (code === undefined) return error.message === '' ? 'connection failed' : error.message;
  if (isTlsError(error)) return `TLS failed: ${opensslReason(error)}`;
  return REASONS[code] ?? `connection failed with ${code}`;
}

/** Like `socketReason`; null for a connection that ended in order. */
export function lossReason(error: Error | null): string {
  return error === null ? 'connection closed' : socketReason(error);
}

/**
 * Why a body whose connection ended is incomplete, in words; null if it is complete.
 * @param lostBy the error of the connection; null for an orderly end
 */
export function truncation(body: { end(): void }, lostBy: Error | null): string | null {
  // RFC 9112 §8: a body that ends with the connection is complete only if that was closed in order.
  if (lostBy !== null) return `${socketReason(lostBy)} in the response body`;
  try {
    body.end();
    return null;
  } catch (cause) {
    if (!(cause instanceof Http1Error)) throw cause;
    return cause.message;
  }
}

/** Whether TLS failed, not the connection below it. */
export function isTlsError(error: NodeJS.ErrnoException): boolean {
  return error.code?.startsWith('ERR_SSL_') === true;
}

function opensslReason(error: NodeJS.ErrnoException): string {
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : String(error.code);
}
