const EMPTY = Buffer.alloc(0);

/** Initial size of the buffer for a piece. */
const FIRST_CAPACITY = 4_096;

/**
 * Cuts a stream of chunks into pieces of known length. A piece within one chunk is a view of it. A piece that spans chunks is
 * collected in a buffer that grows with what has arrived, never with what is only announced.
 */
export class PieceReader {
  #input: Buffer = EMPTY;
  #offset = 0;
  #stash: Buffer = EMPTY;
  #stashed = 0;

  /** Bytes that the reader holds: of the input that was not taken, and of the room for a piece that is incomplete. */
  get held(): number {
    return this.#stash.length + this.#input.length;
  }

  /** All input that was not taken, as one piece. */
  get unread(): Buffer {
    return Buffer.concat([this.#stash.subarray(0, this.#stashed), this.#input.subarray(this.#offset)]);
  }

  /** Adds `chunk`; pieces are views of it. */
  push(chunk: Buffer): void {
    // A chunk is left over only if the reader stopped between two pieces.
    this.#input =
      this.#offset < this.#input.length ? Buffer.concat([this.#input.subarray(this.#offset), chunk]) : chunk;
    this.#offset = 0;
  }

  /** The next byte, or -1 if none has arrived. Must not be called between a `take` that returned null and its repetition. */
  byte(): number {
    const input = this.#input;
    return this.#offset < input.length ? (input[this.#offset++] as number) : -1;
  }

  /** The next 8 bytes as an unsigned integer, or -1 if they are not all here; to the precision of a double. */
  integer(): number {
    const start = this.#offset;
    const input = this.#input;
    if (this.#stashed === 0 && start + 8 <= input.length) {
      this.#offset = start + 8;
      return integerAt(input, start);
    }
    const bytes = this.take(8);
    return bytes === null ? -1 : integerAt(bytes, 0);
  }

  /** The next `length` bytes, or null if they have not all arrived: then the next call must be for the same `length`. */
  take(length: number): Buffer | null {
    const start = this.#offset;
    const end = start + length;
    const input = this.#input;
    if (this.#stashed > 0 || end > input.length) return this.#collect(length);
    this.#offset = end;
    // While it waits for more input, the reader holds none of the former.
    if (end === input.length) this.#forget();
    return length === 0 ? EMPTY : input.subarray(start, end);
  }

  /** The part of the next `length` bytes that has arrived, without taking it. */
  peek(length: number): Buffer {
    this.#gather(length);
    return this.#stash.subarray(0, this.#stashed);
  }

  #collect(length: number): Buffer | null {
    this.#gather(length);
    if (this.#stashed < length) return null;
    const piece = this.#stash.subarray(0, length);
    this.#stash = EMPTY;
    this.#stashed = 0;
    return piece;
  }

  /** Moves bytes from the input to the stash until it has `length`. */
  #gather(length: number): void {
    const start = this.#offset;
    const count = Math.min(length - this.#stashed, this.#input.length - start);
    if (count > 0) {
      this.#reserve(this.#stashed + count, length);
      this.#input.copy(this.#stash, this.#stashed, start, start + count);
      this.#stashed += count;
      this.#offset = start + count;
    }
    if (this.#offset === this.#input.length) this.#forget();
  }

  #forget(): void {
    this.#input = EMPTY;
    this.#offset = 0;
  }

  /** Doubling keeps the copying linear even if every chunk is a single byte. */
  #reserve(needed: number, length: number): void {
    if (needed <= this.#stash.length) return;
    const capacity = Math.min(length, Math.max(needed, this.#stash.length * 2, FIRST_CAPACITY));
    const stash = Buffer.allocUnsafe(capacity);
    this.#stash.copy(stash, 0, 0, this.#stashed);
    this.#stash = stash;
  }
}

function integerAt(bytes: Buffer, offset: number): number {
  return bytes.readUInt32BE(offset) * 0x1_0000_0000 + bytes.readUInt32BE(offset + 4);
}
