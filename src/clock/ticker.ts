/** Calls back at a steady pace, and keeps no process alive. */
export class Ticker {
  readonly #interval: NodeJS.Timeout;

  /** @param interval in milliseconds */
  constructor(interval: number, onTick: () => void) {
    this.#interval = setInterval(onTick, interval);
    this.#interval.unref();
  }

  stop(): void {
    clearInterval(this.#interval);
  }
}
