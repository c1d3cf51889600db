/** Characters of a URI that the log shows. */
const MAX_SHOWN = 1_000;

/**
 * A URI as it may be shown in the log: without its userinfo, which is a password, and without the query, where many
 * put theirs. At most 1000 characters of it.
 * @param query whether the query is shown
 */
export function publicUri(uri: string, query = false): string {
  const shown = uri.length > MAX_SHOWN ? uri.slice(0, MAX_SHOWN) : uri;
  const start = authorityStart(shown);
  let authorityEnd = shown.length;
  let end = shown.length;
  for (let i = start; i < shown.length; i++) {
    const char = shown.charCodeAt(i);
    const ends = char === 0x3f || char === 0x23;
    // RFC 3986 §3.2: the authority ends where the path, the query or the fragment begins. Some take a backslash for a slash.
    if (authorityEnd === shown.length && (ends || char === 0x2f || char === 0x5c)) authorityEnd = i;
    if (!ends) continue;
    if (!query) end = i;
    break;
  }
  // RFC 3986 §3.2.1. The last one, because there are those who do not encode it within a password.
  const at = shown.lastIndexOf('@', authorityEnd - 1);
  if (at >= start) return shown.slice(0, start) + shown.slice(at + 1, end);
  // An authority that was cut off may end in the middle of a password.
  if (authorityEnd === MAX_SHOWN && uri.length > MAX_SHOWN) return shown.slice(0, start);
  return end === uri.length ? uri : shown.slice(0, end);
}

/** Index after `scheme://`; 0 if it does not begin so. */
function authorityStart(uri: string): number {
  let i = 0;
  while (i < uri.length && isLetter(uri.charCodeAt(i))) i++;
  return i > 0 && uri.startsWith('://', i) ? i + 3 : 0;
}

function isLetter(char: number): boolean {
  const lower = char | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
