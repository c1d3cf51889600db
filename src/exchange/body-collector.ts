/** The body of every collector before its first chunk. */
const EMPTY = Buffer.alloc(0);

/**
 * Joins the chunks of a body. However small the chunks are, they cost at most twice the limit; a body of one chunk is not copied.
 */
export class BodyCollector {
  readonly #max: number;
  #buffer: Buffer = EMPTY;
  #length = 0;

  /** @param max maximum length of the body in bytes */
  constructor(max: number) {
    this.#max = max;
  }

  /** Takes a chunk, which must not change. Returns false, and takes nothing, if it would make the body too long. */
  add(chunk: Buffer): boolean {
    const length = this.#length + chunk.length;
    if (length > this.#max) return false;
    if (this.#length === 0) {
      this.#buffer = chunk;
    } else {
      if (length > this.#buffer.length) this.#grow(length);
      chunk.copy(this.#buffer, this.#length);
    }
    this.#length = length;
    return true;
  }

  /** As `add`, for a chunk that belongs to a larger buffer, or may change: it is copied. */
  addCopy(chunk: Buffer): boolean {
    return this.add(this.#length === 0 ? Buffer.from(chunk) : chunk);
  }

  /** How many bytes have come. */
  get length(): number {
    return this.#length;
  }

  /** The bytes collected so far. */
  get body(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafe(Math.min(this.#max, Math.max(length, this.#buffer.length * 2)));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}
