/** Members of a list (W3C Trace Context §3.3.1.1). */
const MAX_MEMBERS = 32;

/** Characters that have to be passed on (§3.3.1.5); longer lists are dropped here. */
const MAX_LENGTH = 512;

/** Characters of a key or value (§3.3.1.3). */
const MAX_PART = 256;

/** Characters of the two parts of a key `tenant@vendor`. */
const MAX_TENANT = 241;
const MAX_VENDOR = 14;

const KEY_CHARS = charSet('abcdefghijklmnopqrstuvwxyz0123456789_-*/');

/**
 * Whether fields `tracestate` are together a valid list (§3.3). A list that is not is dropped (§4.3).
 * @param values of all fields with this name, in their order
 */
export function isTracestate(values: readonly string[]): boolean {
  let length = values.length - 1;
  for (const value of values) length += value.length;
  if (length > MAX_LENGTH) return false;
  const keys: string[] = [];
  for (const value of values) if (!readMembers(value, keys)) return false;
  return keys.length <= MAX_MEMBERS;
}

/** Reads the members of one field, and adds their keys. Returns whether all are valid, and no key is there twice. */
function readMembers(list: string, keys: string[]): boolean {
  for (let start = 0; start <= list.length; ) {
    const comma = list.indexOf(',', start);
    const end = comma < 0 ? list.length : comma;
    const from = skipSpace(list, start, end);
    const to = skipSpaceBack(list, from, end);
    start = end + 1;
    // §3.3.1.2: empty members are allowed.
    if (from === to) continue;
    const equals = list.indexOf('=', from);
    if (equals < 0 || equals >= to || !isKey(list, from, equals) || !isValue(list, equals + 1, to)) return false;
    const key = list.slice(from, equals);
    if (keys.includes(key)) return false;
    keys.push(key);
  }
  return true;
}

/** §3.3.1.3.1: `vendor`, or `tenant@vendor`; a tenant may begin with a digit. */
function isKey(text: string, from: number, to: number): boolean {
  const at = text.indexOf('@', from);
  if (at < 0 || at >= to) return to - from <= MAX_PART && isLetter(text, from) && areKeyChars(text, from, to);
  return (
    at > from &&
    at - from <= MAX_TENANT &&
    (isLetter(text, from) || isDigit(text, from)) &&
    areKeyChars(text, from, at) &&
    to - at - 1 <= MAX_VENDOR &&
    at + 1 < to &&
    isLetter(text, at + 1) &&
    areKeyChars(text, at + 1, to)
  );
}

/** §3.3.1.3.2: printable ASCII without comma and equals sign. The space at its end has been taken off. */
function isValue(text: string, from: number, to: number): boolean {
  if (from === to || to - from > MAX_PART) return false;
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === 0x3d) return false;
  }
  return true;
}

function areKeyChars(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (KEY_CHARS[text.charCodeAt(i)] !== 1) return false;
  return true;
}

function isLetter(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x61 && code <= 0x7a;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function skipSpace(text: string, from: number, to: number): number {
  let at = from;
  while (at < to && isSpace(text.charCodeAt(at))) at++;
  return at;
}

function skipSpaceBack(text: string, from: number, to: number): number {
  let at = to;
  while (at > from && isSpace(text.charCodeAt(at - 1))) at--;
  return at;
}

function charSet(chars: string): Uint8Array {
  const set = new Uint8Array(256);
  for (const char of chars) set[char.charCodeAt(0)] = 1;
  return set;
}
