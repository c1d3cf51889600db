const REASONS: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'no local port is left for it',
  EAI_AGAIN: 'its name cannot be resolved at present',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to the host',
  EMFILE: 'too many open files here',
  ENETUNREACH: 'no route to its network',
  ENOTFOUND: 'its name is not known',
  EPIPE: 'connection reset',
  ETIMEDOUT: 'connection timed out',
};

/** What happened to a socket, in words; `error` is what its `error` event brought. */
export function socketReason(error: Error): string {
  const codes = socketErrorCodes(error);
  if (codes.length === 0) return error.message === '' ? 'connection failed' : error.message;
  return codes.map((code) => REASONS[code] ?? `connection failed with ${code}`).join(', ');
}

/** The system's codes for what happened, each once: several when several addresses of a name were tried in vain. */
export function socketErrorCodes(error: Error): string[] {
  const errors: Error[] = error instanceof AggregateError ? error.errors : [error];
  const codes = new Set<string>();
  for (const { code } of errors as NodeJS.ErrnoException[]) {
    if (code !== undefined) codes.add(code);
  }
  return [...codes];
}
