import { CreditedRequest, type Requester, type Responder } from '../exchange/index.ts';

/**
 * Bytes of a request body that are kept for a redirect that asks for the body again; a larger one can be sent once only.
 * @bound redirect-body
 */
export const MAX_REPLAY = 1_000_000;

const EMPTY: Buffer = Buffer.alloc(0);

/**
 * The body of a request that may be redirected: each place the request is sent to gets it from its beginning, and the requester sends it
 * once. Up to `MAX_REPLAY` bytes are kept for that, and beyond them what the requester was granted.
 */
export class ReplayedBody {
  readonly #requester: Requester;
  /** On its way to the present responder. */
  #sending = new CreditedRequest();
  /** All bytes so far are in the first `#taken` bytes of this buffer, unless the body cannot be replayed any more. */
  #kept = EMPTY;
  #replayable = true;
  /** Bytes that the requester has sent, and was granted. */
  #taken = 0;
  #granted = 0;
  /** Bytes that the present responder has granted. */
  #credit = 0;
  #complete = false;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Whether it can be sent from its beginning again. */
  get replayable(): boolean {
    return this.#replayable;
  }

  /** Whether the present responder has got all of it. */
  get ended(): boolean {
    return this.#sending.done;
  }

  /** From now on it is for `responder`, whose earlier credits count. */
  attach(responder: Responder): void {
    this.#sending.attach(responder);
  }

  /** Nobody takes it for the time being. */
  detach(): void {
    this.#sending.hold();
  }

  /** Begins again, for another responder. Only while it is replayable. */
  rewind(): void {
    this.#sending = new CreditedRequest();
    this.#credit = 0;
    if (this.#taken > 0 || this.#complete) this.#sending.give(this.#kept.subarray(0, this.#taken), this.#complete);
  }

  /** It will not be needed again: what has been sent need not be kept. */
  release(): void {
    this.#replayable = false;
    this.#kept = EMPTY;
  }

  /** The responder, attached or about to be, takes more. */
  credit(bytes: number): void {
    this.#credit += bytes;
    this.#sending.credit(bytes);
    const due = this.#credit - this.#granted;
    if (due <= 0 || this.#complete) return;
    this.#granted += due;
    this.#requester.onRequestCredit(due);
  }

  /** The requester sends a piece. */
  take(chunk: Buffer, more: boolean): void {
    this.#complete = !more;
    if (this.#taken + chunk.length > MAX_REPLAY) this.release();
    if (this.#replayable) this.#keep(chunk, more);
    this.#taken += chunk.length;
    this.#sending.give(chunk, !more);
  }

  #keep(chunk: Buffer, more: boolean): void {
    const used = this.#taken;
    const needed = used + chunk.length;
    if (used === 0 && !more) {
      // All there is: it need not be copied.
      this.#kept = chunk;
      return;
    }
    if (needed > this.#kept.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#kept.length));
      this.#kept.copy(grown, 0, 0, used);
      this.#kept = grown;
    }
    chunk.copy(this.#kept, used);
  }
}
