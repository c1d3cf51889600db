/**
 * Things in numbered slots, which are used again. (A Map with many additions and deletions leaves tables behind that live until the next
 * large garbage collection.)
 */
export class Slots<T> {
  readonly #slots: (T | null)[] = [];
  /** Slots that are empty. */
  readonly #free: number[] = [];
  /** The slot that the round has reached. */
  #round = 0;

  /** Number of things. */
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

  /** @param slot one in use */
  remove(slot: number): void {
    this.#slots[slot] = null;
    this.#free.push(slot);
  }

  /** Everything. */
  all(): T[] {
    return this.#slots.filter((thing) => thing !== null);
  }

  /** The things in the next part of the slots, in rounds. @param parts number of parts in a round */
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
