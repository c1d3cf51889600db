import { isUtf8 } from 'node:buffer';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Latin1 text, one character per byte, as the content of a JSON string in a message of bytes. Quotation mark, backslash and control characters are
 * escaped. Bytes from 0x80 on stay as they are where the text is UTF-8, which is what handlers know from Mongrel2. In any other text each
 * of them is one character of latin1, written as `\u00XX`: so the message is JSON whatever a client sends (RFC 8259 §7, §8.1).
 */
export function jsonText(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code >= 0x80 || code === QUOTE || code === BACKSLASH) return escaped(text);
  }
  return text;
}

function escaped(text: string): string {
  const keepsBytes = isUtf8(Buffer.from(text, 'latin1'));
  let written = '';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE || code === BACKSLASH) written += `\\${text[i]}`;
    else if (code < 0x20 || (code >= 0x80 && !keepsBytes))
      written += `\\u00${code < 0x10 ? '0' : ''}${code.toString(16)}`;
    else written += text[i];
  }
  return written;
}
