/** Whether something is of no use any more. @param expires when that begins, in milliseconds since 1970; 0 for never */
export function hasExpired(expires: number): boolean {
  return expires !== 0 && Date.now() >= expires;
}
