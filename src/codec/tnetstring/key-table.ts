/**
 * The keys that a reader of maps knows, found by their bytes: no string is made for them, and an unknown key costs one comparison.
 */
export class KeyTable<K extends string> {
  readonly #mask: number;
  readonly #keys: (K | null)[];
  readonly #bytes: (Uint8Array | null)[];

  /** @param keys ASCII, none of them empty, no two the same */
  constructor(keys: readonly K[]) {
    // At most a quarter full, so that a search nearly always ends at its first slot.
    const size = 2 ** Math.ceil(Math.log2(keys.length * 4));
    this.#mask = size - 1;
    this.#keys = new Array(size).fill(null);
    this.#bytes = new Array(size).fill(null);
    for (const key of keys) {
      const bytes = Uint8Array.from(Buffer.from(key, 'latin1'));
      let slot = this.#slotOf(bytes, 0, bytes.length);
      while (this.#keys[slot] !== null) slot = (slot + 1) & this.#mask;
      this.#keys[slot] = key;
      this.#bytes[slot] = bytes;
    }
  }

  /** The key in `buffer` from `start` to `end`, or null. */
  find(buffer: Uint8Array, start: number, end: number): K | null {
    if (start === end) return null;
    let slot = this.#slotOf(buffer, start, end);
    for (;;) {
      const bytes = this.#bytes[slot] as Uint8Array | null;
      if (bytes === null) return null;
      if (equal(bytes, buffer, start, end)) return this.#keys[slot] as K;
      slot = (slot + 1) & this.#mask;
    }
  }

  #slotOf(bytes: Uint8Array, start: number, end: number): number {
    return ((end - start) * 5 + (bytes[start] as number) * 3 + (bytes[end - 1] as number) * 7) & this.#mask;
  }
}

function equal(key: Uint8Array, buffer: Uint8Array, start: number, end: number): boolean {
  const { length } = key;
  if (length !== end - start) return false;
  for (let i = 0; i < length; i++) {
    if (key[i] !== buffer[start + i]) return false;
  }
  return true;
}
