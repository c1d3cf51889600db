/** Number of keys remembered, a power of two. */
const SLOTS = 64;

interface Slot<K> {
  key: K | null;
  /** Null until the key has come a second time. */
  texts: readonly string[] | null;
}

/** Texts that are made from keys which come again and again: those of the most recent ones are kept. */
export class KeptTexts<K> {
  readonly #hash: (key: K) => number;
  readonly #write: (key: K) => readonly string[];
  readonly #slots: Slot<K>[] = Array.from({ length: SLOTS }, () => ({ key: null, texts: null }));

  /**
   * @param hash any non-negative integer for a key; few keys should share one
   * @param write returns latin1 texts
   */
  constructor(hash: (key: K) => number, write: (key: K) => readonly string[]) {
    this.#hash = hash;
    this.#write = write;
  }

  of(key: K): readonly string[] {
    const slot = this.#slots[this.#hash(key) & (SLOTS - 1)] as Slot<K>;
    if (slot.key !== key) {
      slot.key = key;
      slot.texts = null;
      return this.#write(key);
    }
    slot.texts ??= this.#write(key).map(flat);
    return slot.texts;
  }
}

/** The same text in one piece: joining it with others is faster then. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
