import { type AtTurnEnd, attempt, type Guarded, type TurnQueue } from '../clock/index.ts';

/** What collects a body that goes on in one packet. */
export interface Collector extends Guarded {
  /** There is room again: as many bytes as were counted last may be granted to the sender. */
  onRoom(bytes: number): void;
}

/** Milliseconds for which a body may stall while others wait for room. Then its session is to end. */
export const CROWDED_STALL = 10_000;

/** Milliseconds after which a stalled body gives up the place beyond the bound. */
const FAVOURED_STALL = 1_000;

/** Bytes beyond the bound up to which the place is given up, so that the stalled bodies of many cannot add up. */
const MAX_OVERDRAFT = 4_194_304;

/** Senders that are told of room in one turn of the event loop: each may have a body to deliver. */
const TOLD_PER_TURN = 64;

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
  /** Those without room, in the order in which they came, and the bytes that they are not granted yet. */
  readonly #waiting = new Map<Collector, number>();
  /** The one that may go on beyond the bound. */
  #favoured: Collector | null = null;
  #scheduled = false;

  /** @param max the bound in bytes */
  constructor(max: number, turn: TurnQueue, onFault: (thrown: unknown) => void) {
    this.#max = max;
    this.#turn = turn;
    this.#onFault = onFault;
  }

  /** Bytes that are collected. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts bytes that have come. Returns whether as many may be granted now; otherwise `onRoom` says when. */
  take(collector: Collector, bytes: number): boolean {
    this.#bytes += bytes;
    if (this.#bytes <= this.#max || this.#favoured === collector) return true;
    if (this.#favoured === null && this.#waiting.size === 0) {
      this.#favoured = collector;
      return true;
    }
    this.#waiting.set(collector, (this.#waiting.get(collector) ?? 0) + bytes);
    return false;
  }

  /** The collector is through. @param bytes all that were counted for it */
  release(collector: Collector, bytes: number): void {
    this.#bytes -= bytes;
    if (this.#favoured === collector) this.#favoured = null;
    this.#waiting.delete(collector);
    this.#schedule();
  }

  /**
   * Whether a collector whose sender has been silent for so long keeps bytes for which others wait: then it is to end. A silent one also
   * gives up the place beyond the bound, so that it holds up the others for a moment only.
   * @param silence milliseconds since bytes came, or since it was told of room
   */
  isInTheWay(collector: Collector, silence: number): boolean {
    if (this.#waiting.size === 0 || this.#waiting.has(collector)) return false;
    if (this.#favoured === collector && silence >= FAVOURED_STALL && this.#bytes < this.#max + MAX_OVERDRAFT) {
      this.#favoured = null;
      this.#schedule();
    }
    return silence >= CROWDED_STALL;
  }

  /** Not at once: a sender that is granted bytes may call back, and the caller may be just ending. */
  #schedule(): void {
    if (this.#scheduled || this.#waiting.size === 0) return;
    this.#scheduled = true;
    this.#turn.add(this);
  }

  onTurnEnd(): void {
    this.#scheduled = false;
    let told = 0;
    for (const [collector, bytes] of this.#waiting) {
      if (this.#bytes > this.#max && this.#favoured !== null) return;
      if (told++ === TOLD_PER_TURN) {
        this.#schedule();
        return;
      }
      this.#waiting.delete(collector);
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
