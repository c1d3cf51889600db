/** The host of an authority, in lower case (RFC 9110 §4.2.3) and without the port. An IPv6 address keeps its brackets (RFC 3986 §3.2.2). */
export function hostOf(authority: string): string {
  const bracket = authority.charCodeAt(0) === 0x5b ? authority.indexOf(']') : -1;
  const colon = authority.indexOf(':', bracket + 1);
  return (colon < 0 ? authority : authority.slice(0, colon)).toLowerCase();
}
