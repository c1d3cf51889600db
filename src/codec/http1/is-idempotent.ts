/** RFC 9110 §9.2.2: PUT, DELETE and the safe methods of §9.2.1. Method names are case-sensitive (§9.1). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/**
 * Whether a request of this method has the same effect on the server however often it is sent, so that it may be sent again where nobody
 * knows whether it was processed (RFC 9110 §9.2.2). An unknown method does not count as one.
 */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}
