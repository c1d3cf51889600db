import { isUtf8 } from 'node:buffer';

/**
 * Levels of arrays and objects in a JSON text from outside. `JSON.parse` takes 100 ms and more for a few hundred thousand.
 * @bound json-depth
 */
const MAX_DEPTH = 1_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * The value of a JSON text (RFC 8259), which is UTF-8 (§8.1).
 * @returns undefined if `text` is not JSON, or is nested more than 1,000 levels deep
 */
export function parseJson(text: Buffer): unknown {
  if (!isUtf8(text) || isTooDeep(text)) return undefined;
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}

/** Whether a text is a JSON object or array, nested no deeper than `parseJson` takes. */
export function isJsonContainer(text: Buffer): boolean {
  let at = 0;
  // RFC 8259 §2: white space.
  while (text[at] === 0x20 || text[at] === 0x0a || text[at] === 0x0d || text[at] === 0x09) at++;
  const first = text[at];
  return (first === 0x7b || first === 0x5b) && parseJson(text) !== undefined;
}

function isTooDeep(text: Buffer): boolean {
  // Each level has at least one byte.
  if (text.length <= MAX_DEPTH) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] as number;
    if (byte === QUOTE) {
      at = endOfString(text, at);
      // In ASCII `{` and `[` differ in one bit, and so do `}` and `]`.
    } else if ((byte | 0x20) === 0x7b) {
      if (++depth > MAX_DEPTH) return true;
    } else if ((byte | 0x20) === 0x7d) {
      depth--;
    }
  }
  return false;
}

/** The position of the quotation mark that ends the string which begins at `start`; the end of the text without one. */
function endOfString(text: Buffer, start: number): number {
  for (let at = text.indexOf(QUOTE, start + 1); at !== -1; at = text.indexOf(QUOTE, at + 1)) {
    let escapes = 0;
    while (text[at - 1 - escapes] === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at;
  }
  return text.length;
}
