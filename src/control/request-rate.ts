/** A token bucket: so many requests a second on average, and as many at once after a pause. */
export class RequestRate {
  #tokens = 0;
  #at = Number.NEGATIVE_INFINITY;

  /**
   * Takes a token.
   * @param rate requests a second
   * @param now in milliseconds, of a clock that never goes back
   * @returns 0, or the whole seconds after which there is a token
   */
  take(rate: number, now: number): number {
    const burst = Math.max(1, rate);
    this.#tokens = Math.min(burst, this.#tokens + (rate * (now - this.#at)) / 1000);
    this.#at = now;
    if (this.#tokens < 1) return Math.ceil((1 - this.#tokens) / rate);
    this.#tokens--;
    return 0;
  }
}
