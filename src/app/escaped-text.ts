/** How a format writes each of the 256 characters of latin1; empty for one that stands for itself. */
type Escapes = readonly string[];

function escapesOf(isPlain: (code: number) => boolean, written: (hex: string) => string): Escapes {
  return Array.from({ length: 256 }, (_, code) => (isPlain(code) ? '' : written(code.toString(16).padStart(2, '0'))));
}

const isText = (code: number): boolean => code >= 0x20 && code < 0x7f && code !== 0x22 && code !== 0x5c;

const JSON_ESCAPES = escapesOf(isText, (hex) => `\\u00${hex}`);
const LOG_ESCAPES = escapesOf(isText, (hex) => `\\x${hex.toUpperCase()}`);

/** Text for a JSON string, in ASCII (RFC 8259 §7). */
export function jsonText(text: string): string {
  return escaped(text, JSON_ESCAPES);
}

/** Text between the quotes of the Combined Log Format, as nginx writes it: `\xHH` for all that is not plain ASCII. */
export function quotedText(text: string): string {
  return escaped(text, LOG_ESCAPES);
}

/** A value of logfmt: as it is, or in quotes where it has spaces, quotes or signs that mean something. */
export function logfmtValue(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f || code === 0x22 || code === 0x3d || code === 0x5c) return `"${jsonText(text)}"`;
  }
  return text === '' ? '""' : text;
}

/** Most texts have nothing to escape, and come back as they are. */
function escaped(text: string, escapes: Escapes): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff || escapes[code] !== '') return escapedFrom(text, i, escapes);
  }
  return text;
}

function escapedFrom(text: string, start: number, escapes: Escapes): string {
  let result = text.slice(0, start);
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // Names in the configuration may have any character; what clients send has one byte each.
    if (code > 0xff) result += escapes === JSON_ESCAPES ? `\\u${code.toString(16).padStart(4, '0')}` : '?';
    else result += escapes[code] || text[i];
  }
  return result;
}
