import { fault, type Guarded } from '../clock/index.ts';

/** One who waits until the items from `first` to `last` are stored. */
interface StoredCall {
  readonly first: number;
  readonly last: number;
  readonly cost: number;
  readonly stored: (first: number) => void;
}

/** Those who wait until their items are stored, in the order in which they have come. */
export class StoredCalls {
  /** Bytes that the items of all who wait cost. */
  cost = 0;
  readonly #owner: Guarded;
  #waiting: StoredCall[] = [];
  #head = 0;
  #calling = false;

  /** @param owner handles exceptions of the calls; the others are made all the same */
  constructor(owner: Guarded) {
    this.#owner = owner;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** Waits for the items from `first` to `last`, which cost so many bytes. */
  add(first: number, last: number, cost: number, stored: (first: number) => void): void {
    this.#waiting.push({ first, last, cost, stored });
    this.cost += cost;
  }

  /** Everything up to this number is stored. A call may append further items: theirs come after the calls that are due. */
  settle(head: number): void {
    this.#head = head;
    // Not while a call is being made: it would come between those that are due.
    if (this.#calling) return;
    this.#calling = true;
    let next = 0;
    for (; next < this.#waiting.length; next++) {
      const { first, last, cost, stored } = this.#waiting[next] as StoredCall;
      if (last > this.#head) break;
      this.cost -= cost;
      try {
        stored(first);
      } catch (thrown) {
        fault(this.#owner, thrown);
      }
    }
    this.#waiting = next === this.#waiting.length ? [] : this.#waiting.slice(next);
    this.#calling = false;
  }
}
