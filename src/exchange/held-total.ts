import { type AtTurnEnd, attempt, type Guarded, type TurnQueue } from '../clock/index.ts';
import { LEAST_COST } from './least-cost.ts';
import { type FaultReport, reportFault } from './report-fault.ts';

/** One that holds bytes for a peer that takes nothing. */
export interface ByteHolder extends Guarded {
  /** Too much is held: ends it. */
  onHeldTooMuch(): void;
}

/** What a total needs of its room. */
export interface HeldTotalHost extends FaultReport {
  readonly turn: TurnQueue;
}

/** Holders that end in one turn of the event loop. */
const SLICE = 128;

/**
 * Counts what many hold for peers that take nothing. Beyond the bound those that hold the most end, until a quarter of it is free: no other
 * notices, and many bytes have to come before anyone is looked at again.
 */
export class HeldTotal implements AtTurnEnd {
  bytes = 0;
  readonly #max: number;
  readonly #host: HeldTotalHost;
  readonly #message: string;
  readonly #held = new Map<ByteHolder, number>();
  /** Whether `onTurnEnd` is going to be called. */
  #shedding = false;
  /** Those that may have to end, the one that holds the most last. */
  #ending: ByteHolder[] = [];

  /** @param message for the log, when some have to end */
  constructor(max: number, host: HeldTotalHost, message: string) {
    this.#max = max;
    this.#host = host;
    this.#message = message;
  }

  /** `holder` holds so many bytes more, charged with at least `LEAST_COST`. Returns what it holds now. */
  hold(holder: ByteHolder, bytes: number): number {
    const cost = Math.max(LEAST_COST, bytes);
    const held = (this.#held.get(holder) ?? 0) + cost;
    this.#held.set(holder, held);
    this.bytes += cost;
    // Not within a call for one holder, which may be one of many.
    if (this.bytes > this.#max && !this.#shedding) {
      this.#shedding = true;
      this.#host.turn.add(this);
    }
    return held;
  }

  /** `holder` holds no longer what was charged for so many bytes. */
  release(holder: ByteHolder, bytes: number): void {
    const held = this.#held.get(holder) ?? 0;
    const cost = Math.min(held, Math.max(LEAST_COST, bytes));
    this.bytes -= cost;
    if (cost === held) this.#held.delete(holder);
    else this.#held.set(holder, held - cost);
  }

  /** `holder` holds nothing any more. */
  releaseAll(holder: ByteHolder): void {
    this.release(holder, Number.POSITIVE_INFINITY);
  }

  /** Ends those that hold the most, a slice of them in each turn. */
  onTurnEnd(): void {
    if (this.#ending.length === 0 && this.bytes > this.#max) this.#ending = this.#inOrder();
    for (let i = 0; i < SLICE; i++) {
      const holder = this.bytes > (this.#max * 3) / 4 ? this.#ending.pop() : undefined;
      if (holder === undefined) {
        this.#shedding = false;
        this.#ending = [];
        return;
      }
      // Its peer may have taken everything since the last slice.
      if (!this.#held.has(holder)) continue;
      this.releaseAll(holder);
      attempt(holder, end);
    }
    this.#host.turn.add(this);
  }

  /** All holders, the one that holds the most last. */
  #inOrder(): ByteHolder[] {
    this.#host.log.warn({ bytes: this.bytes, holders: this.#held.size }, this.#message);
    return [...this.#held].sort(([, one], [, other]) => one - other).map(([holder]) => holder);
  }

  onFault(thrown: unknown): void {
    reportFault(this.#host, thrown);
  }
}

function end(holder: ByteHolder): void {
  holder.onHeldTooMuch();
}
