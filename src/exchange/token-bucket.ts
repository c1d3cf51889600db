/** So much a second on average, and a burst of it at once after a pause. */
export class TokenBucket {
  #tokens = 0;
  #at = Number.NEGATIVE_INFINITY;

  /**
   * Takes tokens, if there is one. A bucket with too few for the weight goes below zero, and has to make up for it.
   * @param rate tokens a second
   * @param burst tokens that it has at most
   * @param now in milliseconds, of a clock that never goes back
   * @returns whether they were taken
   */
  take(rate: number, burst: number, now: number, weight = 1): boolean {
    this.#refill(rate, burst, now);
    if (this.#tokens < 1) return false;
    this.#tokens -= weight;
    return true;
  }

  /** Whether there is a token, which stays. */
  has(rate: number, burst: number, now: number): boolean {
    this.#refill(rate, burst, now);
    return this.#tokens >= 1;
  }

  /** Milliseconds, as of the last call of `take` or `has`, after which there is a token. */
  wait(rate: number): number {
    return this.#tokens < 1 ? ((1 - this.#tokens) / rate) * 1_000 : 0;
  }

  /** Whether it is as a new one would be. */
  isFull(rate: number, burst: number, now: number): boolean {
    this.#refill(rate, burst, now);
    return this.#tokens >= burst;
  }

  #refill(rate: number, burst: number, now: number): void {
    this.#tokens = Math.min(burst, this.#tokens + (rate * (now - this.#at)) / 1_000);
    this.#at = now;
  }
}
