import { type Counters, LEAST_COST, TokenBucket } from '../../exchange/index.ts';

/**
 * Bytes of what is kept of the clients of all routes with limits, each costing at least 256.
 * @bound rate-limit-clients
 */
export const MAX_TABLE_BYTES = 16_777_216;

/** Clients that are looked at to make room for another one. */
const LOOKED_AT = 8;

interface Client {
  readonly bucket: TokenBucket;
  /** What it was last used with. */
  rate: number;
  burst: number;
}

/** The token buckets of the clients of all routes. Those that were used last stay. */
export class RateTable {
  readonly #counters: Counters;
  /** Oldest use first. */
  readonly #clients = new Map<string, Client>();
  #bytes = 0;

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  get size(): number {
    return this.#clients.size;
  }

  /**
   * Takes a token.
   * @param key of a client at a route
   * @param now in milliseconds, of a clock that never goes back
   * @returns 0, or the whole seconds after which there is a token
   */
  take(key: string, rate: number, burst: number, now: number): number {
    let client = this.#clients.get(key);
    if (client === undefined) {
      this.#makeRoom(key, now);
      client = { bucket: new TokenBucket(), rate, burst };
    } else {
      client.rate = rate;
      client.burst = burst;
      this.#clients.delete(key);
    }
    this.#clients.set(key, client);
    return client.bucket.take(rate, burst, now) ? 0 : Math.ceil(client.bucket.wait(rate) / 1_000);
  }

  /** A full bucket is as good as none, so the oldest full ones leave first; where there are none, the oldest leaves. */
  #makeRoom(key: string, now: number): void {
    this.#bytes += cost(key);
    while (this.#bytes > MAX_TABLE_BYTES) {
      const leaving = this.#firstToLeave(now);
      if (leaving === null) return;
      this.#clients.delete(leaving);
      this.#bytes -= cost(leaving);
    }
  }

  #firstToLeave(now: number): string | null {
    let oldest: string | null = null;
    let seen = 0;
    for (const [key, { bucket, rate, burst }] of this.#clients) {
      if (bucket.isFull(rate, burst, now)) return key;
      oldest ??= key;
      seen++;
      if (seen === LOOKED_AT) break;
    }
    if (oldest !== null) this.#counters.rateLimitsForgotten++;
    return oldest;
  }
}

function cost(key: string): number {
  return LEAST_COST + 2 * key.length;
}
