/** Bounds how many calls are under way at a time. Others wait in line. */
export class CallLimit {
  readonly #most: number;
  readonly #line: (() => void)[] = [];
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Calls that are under way. */
  get running(): number {
    return this.#running;
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#line.length;
  }

  /** Calls when there is room. Settles as the call does. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#running < this.#most) this.#running++;
    else await new Promise<void>((resolve) => this.#line.push(resolve));
    try {
      return await call();
    } finally {
      // The next one in line takes this place.
      const next = this.#line.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
