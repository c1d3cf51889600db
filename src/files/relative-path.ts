/** Characters of a longer path are not looked at: no system opens it. */
const MAX_PATH = 4_096;

const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * The path of a file below its folder, for the path of a request as the client sent it: without slashes at the beginning and repeated ones, and decoded.
 * What ends in a slash keeps it.
 * @param from where the part begins that is looked up in the folder
 * @returns null for what no file of the folder can be: `.` and `..` in any disguise, encoded slashes, NUL, backslashes, drive letters, and what
 *   is not UTF-8
 */
export function relativePath(path: string, from: number): string | null {
  if (path.length - from > MAX_PATH) return null;
  let start = from;
  while (path.charCodeAt(start) === SLASH) start++;
  return isPlain(path, start) ? path.slice(start) : decoded(path.slice(start));
}

/** Whether nothing has to be decoded, left out or refused. Most paths are like this. */
function isPlain(path: string, start: number): boolean {
  let previous = SLASH;
  for (let i = start; i < path.length; i++) {
    const code = path.charCodeAt(i);
    // At the beginning of a name.
    if (previous === SLASH && (code === SLASH || code === DOT)) return false;
    // % \ : and what no request target has
    if (code === 0x25 || code === 0x5c || code === 0x3a || code <= 0x20 || code >= 0x7f) return false;
    previous = code;
  }
  return true;
}

function decoded(path: string): string | null {
  const names: string[] = [];
  const parts = path.split('/');
  for (const part of parts) {
    const name = decodedName(part);
    if (name === null) return null;
    if (name !== '') names.push(name);
  }
  // `C:` would be another root for some systems.
  if (/^[A-Za-z]:/.test(names[0] ?? '')) return null;
  if (names.length > 0 && parts.at(-1) === '') names.push('');
  return names.join('/');
}

function decodedName(part: string): string | null {
  let name: string;
  try {
    // It throws for bytes that are not UTF-8: so no dot or slash can be written in two ways.
    name = decodeURIComponent(part);
  } catch {
    return null;
  }
  return name === '.' || name === '..' || /[/\\\0]/.test(name) ? null : name;
}
