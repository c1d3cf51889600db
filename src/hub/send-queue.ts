import type { Payload } from '../exchange/index.ts';

interface Waiting {
  readonly payload: Payload;
  next: Waiting | null;
}

/** What waits for one client's credits, oldest first. It exists only while something waits. */
export class SendQueue {
  /** Published items that wait; other bytes, of an initial body say, count neither here nor in `bytes`. */
  items = 0;
  /** Bytes of the items that wait, without what has been taken of the first one. */
  bytes = 0;
  /** Items that found no place since the queue came into being. */
  dropped = 0;
  /** Whether the response ends after the last payload. */
  ending = false;
  #first: Waiting | null = null;
  #last: Waiting | null = null;
  /** Bytes of the first payload that were taken already. */
  #taken = 0;

  get empty(): boolean {
    return this.#first === null;
  }

  /** Appends a payload, which must not be empty. */
  push(payload: Payload): void {
    const waiting: Waiting = { payload, next: null };
    if (this.#last === null) this.#first = waiting;
    else this.#last.next = waiting;
    this.#last = waiting;
    if (payload.items > 0) {
      this.items += payload.items;
      this.bytes += payload.body.length;
    }
  }

  /** Takes the first payload if it is whole and has at most `max` bytes, or else the next bytes of it. Must not be empty. */
  take(max: number): Payload | Buffer {
    const first = this.#first as Waiting;
    const { body, items } = first.payload;
    const start = this.#taken;
    const end = Math.min(body.length, start + max);
    if (items > 0) this.bytes -= end - start;
    if (end < body.length) {
      this.#taken = end;
      return body.subarray(start, end);
    }
    this.items -= items;
    this.#taken = 0;
    this.#first = first.next;
    if (this.#first === null) this.#last = null;
    return start === 0 ? first.payload : body.subarray(start);
  }
}
