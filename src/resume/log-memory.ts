/** Bytes of the pieces of memory that logs consist of: powers of two between these. */
export const SMALLEST = 4_096;
export const LARGEST = 65_536;

/**
 * Bytes of memory that logs have given back and no log needs at present.
 * @bound resume-spare-memory
 */
export const MAX_SPARE_BYTES = 67_108_864;

/**
 * The memory of all logs of a process. What one gives back is used by the next one: the garbage collector counts new memory as growth, and marks the
 * whole heap for every few megabytes of it.
 */
export class LogMemory {
  /** Pieces that were given back, by their length. */
  readonly #spare = new Map<number, Buffer[]>();
  #spareBytes = 0;

  /** A piece of memory. @param length a power of two from `SMALLEST` to `LARGEST` */
  take(length: number): Buffer {
    const spare = this.#spare.get(length)?.pop();
    if (spare === undefined) return Buffer.allocUnsafeSlow(length);
    this.#spareBytes -= length;
    return spare;
  }

  /** A piece is not needed any more, and nobody has a view of it. */
  give(piece: Buffer): void {
    if (this.#spareBytes + piece.length > MAX_SPARE_BYTES) return;
    this.#spareBytes += piece.length;
    const spare = this.#spare.get(piece.length);
    if (spare === undefined) this.#spare.set(piece.length, [piece]);
    else spare.push(piece);
  }
}
