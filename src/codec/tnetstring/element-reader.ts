import { BOOLEAN, COLON, INTEGER, MAX_LENGTH_DIGITS } from './marks.ts';
import { TnetstringError } from './tnetstring-error.ts';

/**
 * Reads one element after the other without building anything: `read` finds the bounds, and what they hold is looked at only
 * if it is wanted. The elements of a list or map are read from its `start` on, up to its `end`.
 */
export class ElementReader {
  readonly buffer: Buffer;
  /** Type byte of the element read last (see `marks.ts`); it is any byte: whoever takes the data checks it. */
  type = 0;
  /** Bounds of that element's data in `buffer`. */
  start = 0;
  end = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  /**
   * Reads the element whose length begins at `at`.
   * @param limit end of the list, map or message that the element lies in, at most `buffer.length`
   * @returns where the next element begins, if that is not `limit`
   * @throws TnetstringError unless the whole element lies before `limit`
   */
  read(at: number, limit: number): number {
    const { buffer } = this;
    let length = 0;
    let colon = at;
    while (colon < limit) {
      const digit = (buffer[colon] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      if (colon - at === MAX_LENGTH_DIGITS) this.fail('a length has too many digits', at);
      length = length * 10 + digit;
      colon++;
    }
    if (colon === at || colon >= limit || buffer[colon] !== COLON) this.fail('a length is malformed', at);
    const start = colon + 1;
    const end = start + length;
    if (end >= limit) this.fail(`${length} bytes are announced and are not there`, at);
    this.type = buffer[end] as number;
    this.start = start;
    this.end = end;
    return end + 1;
  }

  /** The data as latin1 text, so that every byte survives. */
  text(): string {
    return this.buffer.toString('latin1', this.start, this.end);
  }

  /** The data as a view. */
  bytes(): Buffer {
    return this.buffer.subarray(this.start, this.end);
  }

  /**
   * The data of an element of type `INTEGER`: decimal digits, a minus may stand in front.
   * @throws TnetstringError if it is anything else, or an integer that a number does not hold exactly
   */
  integer(): number {
    if (this.type !== INTEGER) this.fail('an integer is expected', this.start);
    return this.digits();
  }

  /**
   * The same for the data of any element, whatever its type.
   * @throws TnetstringError
   */
  digits(): number {
    const { buffer, start, end } = this;
    const negative = buffer[start] === 0x2d && start < end;
    const first = negative ? start + 1 : start;
    if (first === end) this.fail('an integer has no digits', start);
    let value = 0;
    for (let i = first; i < end; i++) {
      const digit = (buffer[i] as number) - 0x30;
      if (digit < 0 || digit > 9) this.fail('an integer is malformed', start);
      value = value * 10 + digit;
      if (value > Number.MAX_SAFE_INTEGER) this.fail('an integer is out of range', start);
    }
    return negative && value !== 0 ? -value : value;
  }

  /**
   * The data of an element of type `BOOLEAN`.
   * @throws TnetstringError unless it is `true` or `false`
   */
  boolean(): boolean {
    if (this.type !== BOOLEAN) this.fail('a boolean is expected', this.start);
    const { buffer, start } = this;
    const length = this.end - start;
    if (length === 4 && buffer.readUInt32BE(start) === 0x74727565) return true;
    if (length === 5 && buffer[start] === 0x66 && buffer.readUInt32BE(start + 1) === 0x616c7365) return false;
    this.fail('a boolean is malformed', start);
  }

  /** @param at place of the fault in the buffer */
  fail(what: string, at: number): never {
    throw new TnetstringError(`${what}, at byte ${at}`);
  }
}
