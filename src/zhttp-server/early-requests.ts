import { LEAST_COST } from '../exchange/index.ts';

/**
 * Bytes of first packets of requesters whose subscription has not arrived yet, each counted with at least 256. At the bound further ones are
 * taken at once, as if they had waited.
 * @bound zhttp-early-requests
 */
export const MAX_EARLY_BYTES = 16_777_216;

interface Early {
  readonly from: string;
  readonly payload: Buffer;
  readonly deadline: number;
}

/**
 * Requests that came before the subscription of their requester. It connects by several sockets, in any order, and what is published
 * before it subscribes is lost, so its requests wait for a moment.
 */
export class EarlyRequests {
  readonly #patience: number;
  #waiting: Early[] = [];
  #bytes = 0;

  /** @param patience milliseconds that each may wait */
  constructor(patience: number) {
    this.#patience = patience;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** Keeps a request. Returns false, and does nothing, when too many wait already. */
  add(from: string, payload: Buffer, now: number): boolean {
    const cost = Math.max(LEAST_COST, payload.length);
    if (this.#bytes + cost > MAX_EARLY_BYTES) return false;
    this.#bytes += cost;
    // A copy, because the view would keep the whole read buffer.
    this.#waiting.push({ from, payload: Buffer.from(payload), deadline: now + this.#patience });
    return true;
  }

  /** Takes out the requests, in their order, that have waited long enough, or whose requester is reached. */
  take(now: number, reaches: (from: string) => boolean): Buffer[] {
    const taken: Buffer[] = [];
    const left: Early[] = [];
    for (const early of this.#waiting) {
      if (early.deadline > now && !reaches(early.from)) {
        left.push(early);
        continue;
      }
      this.#bytes -= Math.max(LEAST_COST, early.payload.length);
      taken.push(early.payload);
    }
    this.#waiting = left;
    return taken;
  }
}
