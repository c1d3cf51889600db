const EMPTY = Buffer.alloc(0);

/** The smallest that is allocated, in bytes. */
const LEAST = 1_024;

/** The last bytes of a stream, as many as a window of compression has. It takes memory as they come. */
export class DeflateWindow {
  readonly #size: number;
  /** A ring once it has the whole size. */
  #ring: Buffer = EMPTY;
  #end = 0;
  #length = 0;

  /** @param size most bytes that are kept */
  constructor(size: number) {
    this.#size = size;
  }

  /** The bytes, oldest first, in memory of their own; null for none. */
  get bytes(): Buffer | null {
    if (this.#length === 0) return null;
    if (this.#length < this.#ring.length) return Buffer.from(this.#ring.subarray(0, this.#length));
    return Buffer.concat([this.#ring.subarray(this.#end), this.#ring.subarray(0, this.#end)]);
  }

  add(data: Buffer): void {
    const last = data.length > this.#size ? data.subarray(data.length - this.#size) : data;
    if (last.length === 0) return;
    const needed = Math.min(this.#size, this.#length + last.length);
    if (needed > this.#ring.length) this.#grow(needed);
    const first = Math.min(last.length, this.#ring.length - this.#end);
    last.copy(this.#ring, this.#end, 0, first);
    last.copy(this.#ring, 0, first);
    this.#end = (this.#end + last.length) % this.#ring.length;
    this.#length = needed;
  }

  clear(): void {
    this.#ring = EMPTY;
    this.#end = 0;
    this.#length = 0;
  }

  /** Before it has the whole size the bytes are in order. */
  #grow(needed: number): void {
    const ring = Buffer.allocUnsafeSlow(Math.min(this.#size, Math.max(LEAST, 2 * needed)));
    this.#ring.copy(ring, 0, 0, this.#length);
    this.#ring = ring;
    this.#end = this.#length % ring.length;
  }
}
