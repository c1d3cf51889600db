import { type AtTurnEnd, fault, type Guarded, TurnQueue } from '../clock/index.ts';

/** Milliseconds since the last write within which a message waits for others. A write and the wake-up of the broker cost more than all else that a small item needs. */
const PAUSE_MS = 0.25;

/** Milliseconds that it waits then: the shortest that a timer of Node does. */
const WAIT_MS = 1;

/**
 * Messages that may wait for a moment, so that many leave in one write. Those of a turn of the event loop leave at its end. While they come so fast that others have left less than 0.25 ms
 * ago they wait a millisecond, and leave together.
 */
export class GatheredMessages implements AtTurnEnd {
  readonly #publish: (subject: string, data: Uint8Array) => void;
  readonly #owner: Guarded;
  readonly #turns = new TurnQueue();
  #waiting: { readonly subject: string; readonly data: Uint8Array }[] = [];
  /** When some left last, by `performance.now()`. */
  #left = Number.NEGATIVE_INFINITY;
  #hasTimer = false;

  /** @param publish hands a message to the connection, which writes at once what it gets in one call @param owner handles its exceptions */
  constructor(publish: (subject: string, data: Uint8Array) => void, owner: Guarded) {
    this.#publish = publish;
    this.#owner = owner;
  }

  add(subject: string, data: Uint8Array): void {
    if (this.#waiting.push({ subject, data }) === 1) this.#turns.add(this);
  }

  onTurnEnd(): void {
    if (performance.now() - this.#left >= PAUSE_MS) {
      this.flush();
    } else if (!this.#hasTimer) {
      this.#hasTimer = true;
      setTimeout(this.#onTimer, WAIT_MS).unref();
    }
  }

  onFault(thrown: unknown): void {
    fault(this.#owner, thrown);
  }

  /** Hands over all of them, before anything that must not overtake them. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const messages = this.#waiting;
    this.#waiting = [];
    this.#left = performance.now();
    for (const { subject, data } of messages) {
      try {
        this.#publish(subject, data);
      } catch (thrown) {
        // One that the connection refuses concerns neither the others nor who publishes next.
        fault(this.#owner, thrown);
      }
    }
  }

  /** Forgets all of them: the connection is lost. */
  clear(): void {
    this.#waiting = [];
  }

  readonly #onTimer = (): void => {
    this.#hasTimer = false;
    this.flush();
  };
}
