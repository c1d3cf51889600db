const EMPTY = Buffer.alloc(0);

/** The bytes of one answer, which many clients may get. */
export class AnswerBody {
  /** A view of what was read of the handler. */
  readonly bytes: Buffer;
  #kept: Buffer | null = null;

  constructor(bytes: Buffer = EMPTY) {
    this.bytes = bytes;
  }

  get length(): number {
    return this.bytes.length;
  }

  /**
   * The same bytes for clients that do not take them now. A view would keep all alive that was read with it, so unless it is most of that, this is a
   * copy, which all of them share.
   */
  get kept(): Buffer {
    this.#kept ??= this.bytes.length * 2 >= this.bytes.buffer.byteLength ? this.bytes : copy(this.bytes);
    return this.#kept;
  }
}

function copy(bytes: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(own);
  return own;
}
