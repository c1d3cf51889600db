import { fault, type Guarded } from './guarded.ts';

/** An object with work to do at the end of the current turn of the event loop. */
export interface AtTurnEnd extends Guarded {
  onTurnEnd(): void;
}

/**
 * The end of the event loop's turn: lets everything for one peer leave in one write per turn. An object that is added more than once is called
 * more than once.
 */
export class TurnQueue {
  #queue: AtTurnEnd[] = [];
  readonly #defer: (call: () => void) => void;
  #number = 0;
  #scheduled = false;
  readonly #onTurnEnd = (): void => {
    this.#scheduled = false;
    this.#number++;
    const queue = this.#queue;
    this.#queue = [];
    for (const waiting of queue) {
      try {
        waiting.onTurnEnd();
      } catch (thrown) {
        fault(waiting, thrown);
      }
    }
  };

  /**
   * @param defer when a turn ends. Default: when the event loop has made all calls that were due. `process.nextTick` makes a turn of each of these
   *   calls: what many small pieces of one read bring stays together, and the end of it costs no further poll
   */
  constructor(defer: (call: () => void) => void = setImmediate) {
    this.#defer = defer;
  }

  /** Calls `onTurnEnd` at the end of this turn; of the next one if this one is ending. */
  add(waiting: AtTurnEnd): void {
    this.#schedule();
    this.#queue.push(waiting);
  }

  /** Number of the present turn: the same as long as it lasts. */
  get number(): number {
    this.#schedule();
    return this.#number;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#defer(this.#onTurnEnd);
  }
}
