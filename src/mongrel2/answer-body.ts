import { compact } from '../exchange/index.ts';

const EMPTY = Buffer.alloc(0);

/** The bytes of one answer, which many clients may get. */
export class AnswerBody {
  /** A view of what was read of the handler. */
  readonly bytes: Buffer;
  /** Clients that have to take it yet, as `HeldAnswers` counts them. */
  waiters = 0;
  #kept: Buffer | null = null;
  #base64: AnswerBody | null = null;

  constructor(bytes: Buffer = EMPTY) {
    this.bytes = bytes;
  }

  /** The same in base64, without the NUL at its end, for clients of JSON and XML sockets (reference §6.3). */
  get base64(): AnswerBody {
    this.#base64 ??= new AnswerBody(Buffer.from(withoutNul(this.bytes).toString('base64'), 'latin1'));
    return this.#base64;
  }

  get length(): number {
    return this.bytes.length;
  }

  /**
   * The same bytes for clients that do not take them now. A view would keep all alive that was read with it, so unless it is most of that, this is a
   * copy, which all of them share.
   */
  get kept(): Buffer {
    this.#kept ??= compact(this.bytes);
    return this.#kept;
  }
}

function withoutNul(bytes: Buffer): Buffer {
  return bytes[bytes.length - 1] === 0 ? bytes.subarray(0, -1) : bytes;
}
