const REASONS: Readonly<Record<string, string>> = {
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to its network',
  EPIPE: 'connection reset',
  ETIMEDOUT: 'connection timed out',
};

/** What happened to a connection that stood, in words; `error` is what its socket's `error` event brought. */
export function socketReason(error: NodeJS.ErrnoException): string {
  const { code } = error;
  if (code === undefined) return error.message === '' ? 'connection failed' : error.message;
  if (isTlsError(error)) return `TLS failed: ${opensslReason(error)}`;
  return REASONS[code] ?? `connection failed with ${code}`;
}

/** Whether it is TLS that has failed, not the connection below it. */
export function isTlsError(error: NodeJS.ErrnoException): boolean {
  return error.code?.startsWith('ERR_SSL_') === true;
}

function opensslReason(error: NodeJS.ErrnoException): string {
  return 'reason' in error && typeof error.reason === 'string' ? error.reason : String(error.code);
}
