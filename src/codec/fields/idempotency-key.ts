/**
 * Reads the value of an Idempotency-Key field: a string of RFC 8941 (§3.3.3), as draft-ietf-httpapi-idempotency-key-header has it (§2.1), or the same without
 * quotes, as many clients send it.
 * @returns null for anything else, and for an empty key
 */
export function parseIdempotencyKey(value: string): string | null {
  if (/^[!#-+\--[\]-~]+$/.test(value)) return value;
  if (!/^"(?:[ !#-[\]-~]|\\["\\])+"$/.test(value)) return null;
  return value.slice(1, -1).replace(/\\(.)/g, '$1');
}
