const NO_DATA = Buffer.alloc(0);

/** The beginning of a message that comes in pieces, in memory that grows with it. */
export class JoinedBytes {
  readonly #least: number;
  #memory = NO_DATA;
  length = 0;

  /** @param least bytes of memory, as soon as there is anything */
  constructor(least = 0) {
    this.#least = least;
  }

  /** Bytes of memory. */
  get capacity(): number {
    return this.#memory.length;
  }

  /** The first byte; undefined where there is none. */
  get first(): number | undefined {
    return this.length > 0 ? this.#memory[0] : undefined;
  }

  /** @param limit bytes beyond which the memory only grows for what has come */
  add(data: Buffer, limit: number): void {
    const length = this.length + data.length;
    if (length > this.#memory.length) {
      const memory = Buffer.allocUnsafeSlow(Math.max(length, Math.min(limit, 2 * this.#memory.length), this.#least));
      this.#memory.copy(memory, 0, 0, this.length);
      this.#memory = memory;
    }
    data.copy(this.#memory, this.length);
    this.length = length;
  }

  /** All of it, with `last` at the end. */
  end(last: Buffer): Buffer {
    if (this.length === 0) return last;
    const whole = Buffer.concat([this.#memory.subarray(0, this.length), last]);
    this.drop();
    return whole;
  }

  drop(): void {
    this.#memory = NO_DATA;
    this.length = 0;
  }
}
