import { type Guarded, Ticker } from '../clock/index.ts';
import { LEAST_COST } from '../exchange/index.ts';
import type { ReadableStore } from '../history/index.ts';

/**
 * Bytes of answers that are kept for others who ask the same, each with its question and at least 256.
 * @bound shared-answers
 */
export const SHARED_BYTES = 4_194_304;

/** Milliseconds between two times at which all are forgotten. */
const FORGET_INTERVAL = 100;

/**
 * The answers of a store that others may ask for in the same moment. Clients that come back together mostly have missed the same: its items are read, and
 * written as events, once for many of them. An answer holds as long as nothing is added to the store or cleared; what becomes too old is given for up to
 * 0.1 s more.
 */
export class SharedAnswers<Answer> {
  readonly #store: ReadableStore;
  readonly #owner: Guarded;
  readonly #answers = new Map<string, Answer>();
  #bytes = 0;
  #ticker: Ticker | null = null;
  /** What the store is like that the answers are of. */
  #state: readonly number[] = [];

  /** @param owner handles exceptions while answers are forgotten */
  constructor(store: ReadableStore, owner: Guarded) {
    this.#store = store;
    this.#owner = owner;
  }

  /** The answer to a question, if it still holds. */
  get(key: string): Answer | undefined {
    this.#check();
    return this.#answers.get(key);
  }

  /** Keeps an answer that the store has just given, if there is room. @param bytes of the answer */
  set(key: string, answer: Answer, bytes: number): void {
    // The store may have answered later, and another has asked meanwhile.
    this.#check();
    const cost = Math.max(LEAST_COST, 2 * key.length + bytes);
    if (this.#bytes + cost > SHARED_BYTES) return;
    this.#bytes += cost;
    this.#answers.set(key, answer);
    this.#ticker ??= new Ticker(FORGET_INTERVAL, this.#owner, () => this.#forget());
  }

  /** Forgets the answers that do not hold any more. */
  #check(): void {
    const { last, head, counters } = this.#store;
    const [known, stored, items, channels] = this.#state;
    // Where nothing is added, each change is one of these numbers less.
    const holds =
      last === known && head === stored && counters.itemsHeld === items && counters.channelsHeld === channels;
    if (holds) return;
    this.#forget();
    this.#state = [last, head, counters.itemsHeld, counters.channelsHeld];
  }

  #forget(): void {
    this.#answers.clear();
    this.#bytes = 0;
    this.#state = [];
    this.#ticker?.stop();
    this.#ticker = null;
  }
}
