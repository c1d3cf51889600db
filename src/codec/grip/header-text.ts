/**
 * Field values travel as latin1 strings, one character a byte (RFC 9110 §5.5). GRIP puts names and ids into them that may hold any
 * character, as UTF-8: these two functions go between.
 */

/** The text whose UTF-8 bytes the latin1 string `value` holds; bytes that are no UTF-8 become U+FFFD. */
export function decodeHeaderText(value: string): string {
  return isAscii(value) ? value : Buffer.from(value, 'latin1').toString();
}

/** `text` as the latin1 string of its UTF-8 bytes. */
export function encodeHeaderText(text: string): string {
  return isAscii(text) ? text : Buffer.from(text).toString('latin1');
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return false;
  }
  return true;
}
