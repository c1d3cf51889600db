import type { Payload } from '../exchange/index.ts';

/**
 * Bytes of items that wait for slow clients, over all clients of the hub. Beyond it a client loses the items that exceed its reserve.
 * @bound hub-client-queues
 */
export const MAX_QUEUED_BYTES = 268_435_456;

/** Bytes that a client may always have waiting, whatever waits for the others. */
export const QUEUE_RESERVE = 16_384;

/** What an item costs in each queue that it waits in, besides its bytes. */
export const ENTRY_COST = 64;

/** Counts the bytes that wait for slow clients: an item that waits for many has its bytes once. */
export class QueueBudget {
  readonly max: number;
  used = 0;

  constructor(max = MAX_QUEUED_BYTES) {
    this.max = max;
  }

  /** Whether so many bytes may wait for a client that has `waiting` bytes waiting. */
  admits(bytes: number, waiting: number): boolean {
    return this.used + bytes <= this.max || waiting + bytes <= QUEUE_RESERVE;
  }

  /** How many bytes of the log are read for a client for which nothing waits: `most`, or its reserve once half of the budget is used, so that the rest is left for what comes live. */
  pageOf(most: number): number {
    return this.used + most <= this.max / 2 ? most : Math.min(most, QUEUE_RESERVE);
  }

  take(payload: Payload): void {
    this.used += ENTRY_COST;
    if (payload.queued++ === 0) this.used += payload.body.length;
  }

  release(payload: Payload): void {
    this.used -= ENTRY_COST;
    if (--payload.queued === 0) this.used -= payload.body.length;
  }
}
