import { hasExpired } from './has-expired.ts';
import type { Payload } from './payload.ts';

const EMPTY: Buffer = Buffer.alloc(0);

/** Chunks of up to this many bytes are copied together while they wait: a view would keep its whole read buffer alive. */
const SMALL_CHUNK = 1_024;

/** Bytes of the largest block that small chunks are copied into. */
const BLOCK = 4_096;

/** Bytes that wait for credits: those of `block` from `start` to `end`. */
interface Waiting {
  readonly block: Buffer;
  /** Bytes shared by many receivers, passed whole if the credits cover them; null for others. */
  readonly payload: Payload | null;
  /** Whether the space after `end` is free for more small chunks. */
  readonly appendable: boolean;
  start: number;
  end: number;
  next: Waiting | null;
}

/**
 * Passes the bytes of one body to one receiver as the receiver's credits allow, and keeps the rest in order. Every room that holds bytes back
 * for lack of credits uses this.
 *
 * The receiver may grant credits, or drop the body, from within the call that passes it bytes: the loop that made the call continues, so the
 * stack does not grow. The giver bounds how many bytes may wait by what it grants to the peer that sends them. Waiting bytes cost at most
 * about twice their number, however small the chunks are.
 */
export abstract class CreditedBody {
  /** Bytes that the receiver accepts. */
  credits: number;
  /** Bytes that wait for credits. */
  waiting = 0;
  /** Waiting published items, a partly passed one included. */
  items = 0;
  /** Bytes of these items that wait. */
  itemBytes = 0;
  /** The giver has given the last bytes. */
  complete = false;
  /** The receiver has the last bytes, or the body was dropped: nothing is passed after this. */
  done = false;
  #first: Waiting | null = null;
  #last: Waiting | null = null;
  #held: boolean;
  #passing = false;

  /**
   * @param credits bytes that the receiver accepts at first
   * @param held passes nothing until `release`, because there is no receiver yet
   */
  constructor(credits = 0, held = false) {
    this.credits = credits;
    this.#held = held;
  }

  /**
   * Passes bytes to the receiver: never more than its credits, and an empty chunk only as the last.
   * @param more false for the last bytes: it is the last call
   */
  protected abstract pass(chunk: Buffer, more: boolean): void;

  /** Passes a whole payload, as `pass(payload.body, true)`. */
  protected passPayload(payload: Payload): void {
    this.pass(payload.body, true);
  }

  /** Passes a part of bytes that waited, and that the giver does not change: like `pass(whole.subarray(start, end), more)`. */
  protected passPart(whole: Buffer, start: number, end: number, more: boolean): void {
    this.pass(end - start === whole.length ? whole : whole.subarray(start, end), more);
  }

  /** A payload no longer waits: its last bytes are about to be passed, or it was dropped, with the body or because it had expired. */
  protected payloadLeft(_payload: Payload, _dropped: boolean): void {}

  /** A payload was dropped because it had expired. */
  protected payloadExpired(_payload: Payload): void {}

  /**
   * Adds bytes after those that wait. `chunk` belongs to the body from now on.
   * @param last whether the body ends with them
   */
  give(chunk: Buffer, last = false): void {
    if (this.done) return;
    this.complete = last;
    const { length } = chunk;
    // The usual case allocates nothing: no bytes wait, and the credits cover the chunk.
    if (this.#first === null && length <= this.credits && !this.#held && !this.#passing && (length > 0 || last)) {
      this.credits -= length;
      this.done = last;
      this.#passing = true;
      try {
        this.pass(chunk, !last);
      } finally {
        this.#passing = false;
      }
    } else if (length > 0) {
      this.#append(chunk);
    }
    this.#passAll();
  }

  /** Adds a payload, which is passed whole if the credits cover it. */
  givePayload(payload: Payload): void {
    const { length } = payload.body;
    if (this.done || length === 0) return;
    this.items += payload.items;
    if (payload.items > 0) this.itemBytes += length;
    this.#link({ block: payload.body, payload, appendable: false, start: 0, end: length, next: null }, length);
    this.#passAll();
  }

  /** Ends the body after what was added. */
  end(): void {
    this.give(EMPTY, true);
  }

  /** The receiver accepts this many more bytes. */
  credit(bytes: number): void {
    this.credits += bytes;
    this.#passAll();
  }

  /** Passes nothing until `release`. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#passAll();
  }

  /** Drops what waits. Nothing is passed after this. */
  drop(): void {
    this.done = true;
    for (let waiting = this.#first; waiting !== null; waiting = waiting.next) {
      if (waiting.payload !== null) this.payloadLeft(waiting.payload, true);
    }
    this.#first = null;
    this.#last = null;
    this.waiting = 0;
    this.items = 0;
    this.itemBytes = 0;
  }

  /** Drops waiting payloads of which nothing has been passed. Returns them in their order. */
  protected take<P extends Payload>(isWanted: (payload: Payload) => payload is P): readonly P[] {
    const taken: P[] = [];
    let before: Waiting | null = null;
    for (let each = this.#first; each !== null; each = each.next) {
      const { payload, start, end, next } = each;
      if (payload === null || start > 0 || !isWanted(payload)) {
        before = each;
        continue;
      }
      if (before === null) this.#first = next;
      else before.next = next;
      if (next === null) this.#last = before;
      this.waiting -= end;
      this.items -= payload.items;
      if (payload.items > 0) this.itemBytes -= end;
      this.payloadLeft(payload, true);
      taken.push(payload);
    }
    return taken;
  }

  #passAll(): void {
    if (this.#passing || this.#held) return;
    this.#passing = true;
    try {
      while (!this.#held && !this.done && this.#passNext());
    } finally {
      // Even if the receiver throws: the body may still have to be ended.
      this.#passing = false;
    }
  }

  /** Passes the next bytes; false when there are none, or no credits for them. */
  #passNext(): boolean {
    const first = this.#first;
    if (first === null) {
      if (!this.complete) return false;
      this.done = true;
      this.pass(EMPTY, false);
      return false;
    }
    const { block, payload, start } = first;
    if (payload !== null && start === 0 && hasExpired(payload.expires)) {
      this.#expire(first, payload);
      return true;
    }
    const length = Math.min(first.end - start, this.credits);
    if (length === 0) return false;
    this.credits -= length;
    this.waiting -= length;
    const end = start + length;
    const whole = end === first.end;
    if (payload !== null && payload.items > 0) this.itemBytes -= length;
    if (whole) {
      this.#first = first.next;
      if (this.#first === null) this.#last = null;
      if (payload !== null) {
        this.items -= payload.items;
        this.payloadLeft(payload, false);
      }
    } else {
      first.start = end;
    }
    const last = this.complete && this.#first === null;
    this.done = last;
    if (whole && payload !== null && start === 0 && !last) this.passPayload(payload);
    else if (first.appendable) this.pass(block.subarray(start, end), !last);
    else this.passPart(block, start, end, !last);
    return true;
  }

  /** Drops the first payload, of which nothing has been passed. */
  #expire({ next, end }: Waiting, payload: Payload): void {
    this.#first = next;
    if (next === null) this.#last = null;
    this.waiting -= end;
    this.items -= payload.items;
    if (payload.items > 0) this.itemBytes -= end;
    this.payloadLeft(payload, true);
    this.payloadExpired(payload);
  }

  #append(chunk: Buffer): void {
    const { length } = chunk;
    if (length > SMALL_CHUNK) {
      this.#link({ block: chunk, payload: null, appendable: false, start: 0, end: length, next: null }, length);
      return;
    }
    const last = this.#last;
    if (last?.appendable !== true) {
      // The first chunk gets a block of its own size: usually no more follow.
      this.#appendCopy(chunk, length);
    } else if (last.end + length <= last.block.length) {
      chunk.copy(last.block, last.end);
      last.end += length;
      this.waiting += length;
    } else {
      this.#appendCopy(chunk, Math.min(BLOCK, 2 * (last.block.length + length)));
    }
  }

  #appendCopy(chunk: Buffer, size: number): void {
    const block = Buffer.allocUnsafeSlow(size);
    const { length } = chunk;
    chunk.copy(block);
    this.#link({ block, payload: null, appendable: true, start: 0, end: length, next: null }, length);
  }

  #link(waiting: Waiting, length: number): void {
    if (this.#last === null) this.#first = waiting;
    else this.#last.next = waiting;
    this.#last = waiting;
    this.waiting += length;
  }
}
