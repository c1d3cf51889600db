/**
 * Things in numbered slots, of which one that was left is used again. (A Map that is added to and deleted from all the time leaves tables
 * behind whose entries live on until the next large garbage collection.)
 */
export class Slots<T> {
  readonly #slots: (T | null)[] = [];
  /** Slots that are empty. */
  readonly #free: number[] = [];
  /** Where the round through the slots has got to. */
  #round = 0;

  /** How many things there are. */
  get size(): number {
    return this.#slots.length - this.#free.length;
  }

  /** The slot that the next thing gets. */
  get next(): number {
    return this.#free.at(-1) ?? this.#slots.length;
  }

  /** Returns the slot. */
  add(thing: T): number {
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = thing;
    return slot;
  }

  get(slot: number): T | null {
    return this.#slots[slot] ?? null;
  }

  /** @param slot one that is taken */
  remove(slot: number): void {
    this.#slots[slot] = null;
    this.#free.push(slot);
  }

  /** Everything. */
  all(): T[] {
    return this.#slots.filter((thing) => thing !== null);
  }

  /** What stands in the next part of the slots; the last part is followed by the first one. @param parts that make a round */
  nextPart(parts: number): T[] {
    const things: T[] = [];
    for (let left = Math.ceil(this.#slots.length / parts); left > 0; left--) {
      if (this.#round >= this.#slots.length) this.#round = 0;
      const thing = this.get(this.#round++);
      if (thing !== null) things.push(thing);
    }
    return things;
  }
}
