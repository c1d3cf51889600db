/** How often a failure came, and when last. */
export interface ErrorCount {
  count: number;
  /** Milliseconds since 1970; 0 for never. */
  last: number;
}

/** Failures by code. Those of several processes can be added up. */
export class ErrorCounts {
  readonly #byCode = new Map<string, ErrorCount>();

  /** Counts one failure, now. */
  note(code: string): void {
    this.#add(code, 1, Date.now());
  }

  /** Adds what another process has counted. Codes that are unknown here are kept: that process may be of a later version. */
  add(entries: Iterable<readonly [string, ErrorCount]>): void {
    for (const [code, { count, last }] of entries) this.#add(code, count, last);
  }

  /** The codes that came so far. */
  entries(): IterableIterator<[string, ErrorCount]> {
    return this.#byCode.entries();
  }

  #add(code: string, count: number, last: number): void {
    const known = this.#byCode.get(code);
    if (known === undefined) this.#byCode.set(code, { count, last });
    else {
      known.count += count;
      known.last = Math.max(known.last, last);
    }
  }
}

/**
 * All failures of this process. An `ExchangeError` counts itself when it is made, so a failure that another target or a further try made good
 * counts too.
 */
export const errorCounts = new ErrorCounts();
