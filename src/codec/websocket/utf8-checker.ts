import { isUtf8 } from 'node:buffer';

/** From this many bytes on, the platform's check is faster than the steps here. */
const BULK_FROM = 64;

/**
 * Checks one text after the other for UTF-8 (RFC 3629 §4), however split: every byte is judged as it comes, so that a fault shows at the same byte
 * for every split.
 */
export class Utf8Checker {
  /** Bytes still missing from the character. */
  #left = 0;
  /** Bounds of the next byte. */
  #low = 0x80;
  #high = 0xbf;

  /**
   * Takes the next bytes of the text.
   * @param last whether the text ends with them; the next call starts a new one
   * @returns index of the first invalid byte, or -1. A text that ends within a character is invalid at its last
   *   byte (index 0 if `data` is empty). Nothing can be checked after it.
   */
  check(data: Buffer, last: boolean): number {
    let i = 0;
    while (this.#left > 0 && i < data.length) {
      if (!this.#step(data[i] as number)) return i;
      i++;
    }
    const end = lastBoundary(data, i);
    if (end - i >= BULK_FROM && isUtf8(data.subarray(i, end))) i = end;
    for (; i < data.length; i++) {
      const byte = data[i] as number;
      if ((byte >= 0x80 || this.#left > 0) && !this.#step(byte)) return i;
    }
    return last && this.#left > 0 ? Math.max(0, data.length - 1) : -1;
  }

  /** Takes one byte; false if it is invalid here. The rows are those of RFC 3629 §4. */
  #step(byte: number): boolean {
    if (this.#left > 0) {
      if (byte < this.#low || byte > this.#high) return false;
      return this.#expect(this.#left - 1, 0x80, 0xbf);
    }
    if (byte < 0x80) return true;
    if (byte >= 0xc2 && byte <= 0xdf) return this.#expect(1, 0x80, 0xbf);
    // E0 80 to E0 9F and F0 80 to F0 8F have shorter forms; ED A0 to ED BF are surrogates.
    if (byte >= 0xe0 && byte <= 0xef) return this.#expect(2, byte === 0xe0 ? 0xa0 : 0x80, byte === 0xed ? 0x9f : 0xbf);
    // There is nothing above F4 8F.
    if (byte >= 0xf0 && byte <= 0xf4) return this.#expect(3, byte === 0xf0 ? 0x90 : 0x80, byte === 0xf4 ? 0x8f : 0xbf);
    return false;
  }

  #expect(left: number, low: number, high: number): true {
    this.#left = left;
    this.#low = low;
    this.#high = high;
    return true;
  }
}

/** Where the last, possibly incomplete, character of `data` starts: at one of the last three bytes, or after all. */
function lastBoundary(data: Buffer, from: number): number {
  for (let i = data.length - 1; i >= from && i >= data.length - 3; i--) {
    const byte = data[i] as number;
    if (byte >= 0xc0) return i;
    if (byte < 0x80) return i + 1;
  }
  return data.length;
}
