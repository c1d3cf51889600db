import { CreditedRequest, type Requester, type Responder } from '../exchange/index.ts';

/**
 * Bytes of a request body kept in case a redirect asks for the body again; a larger body can be sent only once.
 * @bound redirect-body
 */
export const MAX_REPLAY = 1_000_000;

/**
 * Bytes that all requests of one fetcher together keep for redirects.
 * @bound redirect-bodies
 */
const MAX_REPLAY_TOTAL = 67_108_864;

const EMPTY: Buffer = Buffer.alloc(0);

/** The memory that the bodies of one fetcher share. */
export class ReplayBudget {
  /** Bytes that are free. */
  left = MAX_REPLAY_TOTAL;
}

/**
 * The body of a request that may be redirected: each place that the request is sent to gets it from the beginning, while the requester sends it
 * once. Up to `MAX_REPLAY` bytes are kept for that as long as the budget has room; beyond that, only what the requester was granted.
 */
export class ReplayedBody {
  readonly #requester: Requester;
  readonly #budget: ReplayBudget;
  /** The part on its way to the current responder. */
  #sending = new CreditedRequest();
  /** All bytes so far are in the first `#taken` bytes of this buffer, unless the body can no longer be replayed. */
  #kept = EMPTY;
  /** Bytes taken from the budget. */
  #charged = 0;
  #replayable = true;
  /** Bytes that the requester has sent, and those it was granted. */
  #taken = 0;
  #granted = 0;
  /** Bytes that the current responder has granted. */
  #credit = 0;
  #complete = false;

  constructor(requester: Requester, budget: ReplayBudget) {
    this.#requester = requester;
    this.#budget = budget;
  }

  /** Whether it can be sent from its beginning again. */
  get replayable(): boolean {
    return this.#replayable;
  }

  /** Whether the current responder has all of it. */
  get ended(): boolean {
    return this.#sending.done;
  }

  /** From now on `responder` takes it. Its earlier credits count. */
  attach(responder: Responder): void {
    this.#sending.attach(responder);
  }

  /** No responder takes it for now. */
  detach(): void {
    this.#sending.hold();
  }

  /** Starts over for another responder. Only while it is replayable. */
  rewind(): void {
    this.#sending = new CreditedRequest();
    this.#credit = 0;
    if (this.#taken > 0 || this.#complete) this.#sending.give(this.#kept.subarray(0, this.#taken), this.#complete);
  }

  /** It will not be needed again: sent bytes need not be kept. */
  release(): void {
    this.#replayable = false;
    this.#kept = EMPTY;
    this.#budget.left += this.#charged;
    this.#charged = 0;
  }

  /** It is over. */
  drop(): void {
    this.#sending.drop();
    this.release();
  }

  /** The responder, attached or about to be, grants more. */
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
    // The whole body need not be copied.
    const whole = used === 0 && !more;
    if (needed > this.#kept.length) {
      const size = whole ? needed : Math.max(needed, 2 * this.#kept.length);
      if (size - this.#charged > this.#budget.left) {
        this.release();
        return;
      }
      this.#budget.left -= size - this.#charged;
      this.#charged = size;
      const grown = whole ? chunk : Buffer.allocUnsafeSlow(size);
      if (!whole) this.#kept.copy(grown, 0, 0, used);
      this.#kept = grown;
    }
    if (!whole) chunk.copy(this.#kept, used);
  }
}
