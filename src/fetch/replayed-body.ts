import type { Requester, Responder } from '../exchange/index.ts';

/** Bytes of a request body that are kept for those who may have to get it again. */
export const MAX_REPLAY = 1_000_000;

const EMPTY: Buffer = Buffer.alloc(0);

/**
 * The body of a request that may be redirected: each place it is sent to gets it from its beginning, and the requester sends it once.
 * What is kept is bounded: by `MAX_REPLAY` as long as it can be had again, and after that by what the requester was granted.
 */
export class ReplayedBody {
  readonly #requester: Requester;
  /** Null while nobody takes it. */
  #responder: Responder | null = null;
  #replayable = true;
  /** Bytes that the requester has sent, and was granted. */
  #taken = 0;
  #granted = 0;
  /** The requester has sent all. */
  #complete = false;
  /** The bytes from `#base` to `#taken`, in a buffer that has room for more. */
  #kept = EMPTY;
  #base = 0;
  /** Bytes that the responder has got, and has granted. */
  #sent = 0;
  #credit = 0;
  /** The responder has got all. */
  #ended = false;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Whether it can be sent from its beginning again. */
  get replayable(): boolean {
    return this.#replayable;
  }

  /** Whether the present responder has got all of it. */
  get ended(): boolean {
    return this.#ended;
  }

  /** From now on it is for `responder`, who gets what it has granted already. */
  attach(responder: Responder): void {
    this.#responder = responder;
    this.#pump();
  }

  /** Nobody takes it for the time being. */
  detach(): void {
    this.#responder = null;
  }

  /** Begins again, for another responder. Only while it is replayable. */
  rewind(): void {
    this.#responder = null;
    this.#sent = 0;
    this.#credit = 0;
    this.#ended = false;
  }

  /** It will not be needed again: what has been sent need not be kept. */
  release(): void {
    this.#replayable = false;
    this.#forget();
  }

  /** The responder, attached or about to be, takes more. */
  credit(bytes: number): void {
    this.#credit += bytes;
    this.#pump();
    const due = this.#credit - this.#granted;
    if (due <= 0 || this.#complete) return;
    this.#granted += due;
    this.#requester.onRequestCredit(due);
  }

  /** The requester sends a piece. */
  take(chunk: Buffer, more: boolean): void {
    const { length } = chunk;
    const responder = this.#responder;
    this.#complete = !more;
    if (this.#taken + length > MAX_REPLAY) this.#replayable = false;
    const passes = responder !== null && this.#sent === this.#taken && this.#credit - this.#sent >= length;
    if (this.#replayable || !passes) this.#keep(chunk, more);
    this.#taken += length;
    if (!passes) {
      this.#pump();
      return;
    }
    this.#sent += length;
    this.#ended = !more;
    this.#forget();
    responder.onRequestData(chunk, more);
  }

  /** Sends what is kept and not sent, as far as the credit goes. */
  #pump(): void {
    for (;;) {
      const responder = this.#responder;
      const end = Math.min(this.#taken, this.#credit);
      const last = this.#complete && end === this.#taken;
      if (responder === null || this.#ended || (end <= this.#sent && !last)) return;
      const piece = this.#kept.subarray(this.#sent - this.#base, end - this.#base);
      this.#sent = end;
      this.#ended = last;
      this.#forget();
      responder.onRequestData(piece, !last);
    }
  }

  #keep(chunk: Buffer, more: boolean): void {
    const used = this.#taken - this.#base;
    const needed = used + chunk.length;
    if (used === 0 && !more) {
      // All there is: it need not be copied.
      this.#kept = chunk;
      return;
    }
    if (needed > this.#kept.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#kept.length));
      this.#kept.copy(grown, 0, 0, used);
      this.#kept = grown;
    }
    // What has been passed on of the buffer lies before this.
    chunk.copy(this.#kept, used);
  }

  #forget(): void {
    if (this.#replayable || this.#sent < this.#taken) return;
    this.#kept = EMPTY;
    this.#base = this.#taken;
  }
}
