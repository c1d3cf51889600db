/** Slots of a cache, a power of two. */
const SLOTS = 64;

/** Longer texts are not kept, so a cache holds at most 4 KiB of text. */
const MAX_LENGTH = 64;

/**
 * Repeated texts: while a text is the last one in its slot, its string is found by its bytes instead of being made again, which takes several
 * times as long.
 */
export class TextCache {
  readonly #texts: string[] = new Array(SLOTS).fill('');

  /** The bytes of `buffer` from `start` to `end` as latin1 text. */
  text(buffer: Buffer, start: number, end: number): string {
    if (start === end) return '';
    if (end - start > MAX_LENGTH) return buffer.toString('latin1', start, end);
    const slot = ((end - start) * 5 + (buffer[start] as number) * 3 + (buffer[end - 1] as number) * 7) % SLOTS;
    const known = this.#texts[slot] as string;
    if (equal(known, buffer, start, end)) return known;
    const text = buffer.toString('latin1', start, end);
    this.#texts[slot] = text;
    return text;
  }
}

function equal(text: string, buffer: Buffer, start: number, end: number): boolean {
  const { length } = text;
  if (length !== end - start) return false;
  for (let i = 0; i < length; i++) {
    if (text.charCodeAt(i) !== buffer[start + i]) return false;
  }
  return true;
}
