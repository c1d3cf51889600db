import { BOOLEAN, COLON as COLON_MARK, INTEGER, MAX_LENGTH_DIGITS as MAX_DIGITS } from './marks.ts';
import { TnetstringError } from './tnetstring-error.ts';

// V8 takes constants of the module itself into its machine code, and loads imported ones each time: `read` would take four times as long.
const COLON = COLON_MARK;
const MAX_LENGTH_DIGITS = MAX_DIGITS;

/**
 * Reads one element after the other without building anything: `read` finds the bounds, and the data is only examined if wanted. The elements of a
 * list or map are read from its `start` to its `end`.
 */
export class ElementReader {
  readonly buffer: Buffer;
  /** Type byte of the element read last (see `marks.ts`); not validated: code that takes the data checks it. */
  type = 0;
  /** Bounds of that element's data in `buffer`. */
  start = 0;
  end = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  /**
   * Reads the element whose length starts at `at`.
   * @param limit end of the list, map or message that contains the element, at most `buffer.length`
   * @returns where the next element starts, unless that is `limit`
   * @throws TnetstringError unless the whole element is before `limit`
   */
  read(at: number, limit: number): number {
    const { buffer } = this;
    let length = 0;
    let colon = at;
    while (colon < limit) {
      const digit = (buffer[colon] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      if (colon - at === MAX_LENGTH_DIGITS) this.fail('length has too many digits', at);
      length = length * 10 + digit;
      colon++;
    }
    if (colon === at || colon >= limit || buffer[colon] !== COLON) this.fail('length is malformed', at);
    const start = colon + 1;
    const end = start + length;
    if (end >= limit) this.fail(`element of ${length} bytes is truncated`, at);
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
   * The data of an element of type `INTEGER`: decimal digits, optionally after a minus.
   * @throws TnetstringError if it is anything else, or an integer that a number cannot represent exactly
   */
  integer(): number {
    if (this.type !== INTEGER) this.fail('expected an integer', this.start);
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
    if (first === end) this.fail('integer without digits', start);
    let value = 0;
    for (let i = first; i < end; i++) {
      const digit = (buffer[i] as number) - 0x30;
      if (digit < 0 || digit > 9) this.fail('integer is malformed', start);
      value = value * 10 + digit;
      if (value > Number.MAX_SAFE_INTEGER) this.fail('integer is out of range', start);
    }
    return negative && value !== 0 ? -value : value;
  }

  /**
   * The data of an element of type `BOOLEAN`.
   * @throws TnetstringError unless it is `true` or `false`
   */
  boolean(): boolean {
    if (this.type !== BOOLEAN) this.fail('expected a boolean', this.start);
    const { buffer, start } = this;
    const length = this.end - start;
    if (length === 4 && buffer.readUInt32BE(start) === 0x74727565) return true;
    if (length === 5 && buffer[start] === 0x66 && buffer.readUInt32BE(start + 1) === 0x616c7365) return false;
    this.fail('boolean is malformed', start);
  }

  /** @param at offset of the fault in the buffer */
  fail(what: string, at: number): never {
    throw new TnetstringError(`${what}, at byte ${at}`);
  }
}
