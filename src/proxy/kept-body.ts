import { BodyCollector, LEAST_COST, ownCopy } from '../exchange/index.ts';

/**
 * Bytes of a request body beyond which its response cannot be a GRIP instruct: a held request must be repeatable (GRIP).
 * @bound grip-request-body
 */
export const MAX_GRIP_REQUEST_BODY = 100_000;

/**
 * Bytes of the request bodies that a proxy keeps until it knows whether their clients are to be held.
 * @bound grip-request-bodies
 */
export const MAX_KEPT_BODIES = 134_217_728;

/** Counts what all requests of a proxy keep. */
export class KeptBodies {
  bytes = 0;
}

/** The body of a request that may have to be sent again, as far as it has come. */
export class KeptBody {
  readonly #collector = new BodyCollector(MAX_GRIP_REQUEST_BODY);
  readonly #all: KeptBodies;
  #charged = 0;
  #length = 0;

  constructor(all: KeptBodies) {
    this.#all = all;
  }

  /** Adds a chunk. Returns false if the body or all bodies together get too large: then it is to be dropped. */
  add(chunk: Buffer): boolean {
    this.#length += chunk.length;
    const more = Math.max(LEAST_COST, this.#length) - this.#charged;
    if (this.#all.bytes + more > MAX_KEPT_BODIES || !this.#collector.add(chunk)) return false;
    this.#charged += more;
    this.#all.bytes += more;
    return true;
  }

  /** A copy, which keeps alive nothing but its own bytes; null for an empty body. */
  copy(): Buffer | null {
    const { body } = this.#collector;
    return body.length === 0 ? null : ownCopy(body);
  }

  /** The body is not needed any more. Harmless twice. */
  drop(): void {
    this.#all.bytes -= this.#charged;
    this.#charged = 0;
  }
}
