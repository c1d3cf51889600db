import { type AtTurnEnd, attempt, type Guarded, type TurnQueue } from '../clock/index.ts';

/** What collects a body that goes on in one packet. */
export interface Collector extends Guarded {
  /** There is room again: as many bytes as were counted last may be granted to the sender. */
  onRoom(bytes: number): void;
}

/** Milliseconds for which a body may stall while others wait for room. Then its session is to end. */
export const CROWDED_STALL = 10_000;

/** One that waits for room, and the bytes that it is not granted yet. */
interface Waiting {
  readonly collector: Collector;
  bytes: number;
}

/**
 * What all sessions of one half collect. Each grants its sender one window at first, and then as many bytes as have come, while this
 * says that there is room: a sender that is silent takes none. At the bound one session at a time is completed and the others
 * wait, so that all get there.
 */
export class CollectedBytes implements AtTurnEnd {
  readonly #max: number;
  readonly #turn: TurnQueue;
  readonly #onFault: (thrown: unknown) => void;
  #bytes = 0;
  /** Those without room, in the order in which they came. */
  #waiting: Waiting[] = [];
  /** The one that may go on beyond the bound. */
  #favoured: Collector | null = null;
  #scheduled = false;

  /** @param max the bound in bytes */
  constructor(max: number, turn: TurnQueue, onFault: (thrown: unknown) => void) {
    this.#max = max;
    this.#turn = turn;
    this.#onFault = onFault;
  }

  /** Whether some wait for room: then those that stall are in the way. */
  get crowded(): boolean {
    return this.#waiting.length > 0;
  }

  /** Bytes that are collected. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether this collector waits for room. */
  waits(collector: Collector): boolean {
    return this.#waiting.some((waiting) => waiting.collector === collector);
  }

  /** Counts bytes that have come. Returns whether as many may be granted now; otherwise `onRoom` says when. */
  take(collector: Collector, bytes: number): boolean {
    this.#bytes += bytes;
    if (this.#bytes <= this.#max || this.#favoured === collector) return true;
    if (this.#favoured === null && this.#waiting.length === 0) {
      this.#favoured = collector;
      return true;
    }
    const own = this.#waiting.find((waiting) => waiting.collector === collector);
    if (own === undefined) this.#waiting.push({ collector, bytes });
    else own.bytes += bytes;
    return false;
  }

  /** The collector is through. @param bytes all that were counted for it */
  release(collector: Collector, bytes: number): void {
    this.#bytes -= bytes;
    if (this.#favoured === collector) this.#favoured = null;
    if (this.#waiting.length === 0) return;
    this.#waiting = this.#waiting.filter((waiting) => waiting.collector !== collector);
    // Not at once: a sender that is granted bytes may call back, and this one is just ending.
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#turn.add(this);
  }

  onTurnEnd(): void {
    this.#scheduled = false;
    while (this.#waiting.length > 0 && (this.#bytes <= this.#max || this.#favoured === null)) {
      const { collector, bytes } = this.#waiting.shift() as Waiting;
      if (this.#bytes > this.#max) this.#favoured = collector;
      attempt(collector, tellRoom, bytes);
    }
  }

  onFault(thrown: unknown): void {
    this.#onFault(thrown);
  }
}

function tellRoom(collector: Collector, bytes: number): void {
  collector.onRoom(bytes);
}
