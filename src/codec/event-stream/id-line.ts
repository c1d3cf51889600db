import { LF } from './end-of-line.ts';

const ZERO = 0x30;

/** Digits of 2^53 - 1. */
const MAX_DIGITS = 16;

/** The `id` line of an event (HTML Living Standard §9.2.5) whose ids differ in the number at their end: each is written over the one before. */
export class IdLine {
  /** The line, up to the length that `write` has returned. */
  readonly bytes: Buffer;
  /** Bytes of the longest line. */
  readonly maxLength: number;
  readonly #beginning: number;

  /** @param beginning of the ids, in ASCII */
  constructor(beginning: string) {
    const fixed = `id: ${beginning}`;
    this.#beginning = fixed.length;
    this.maxLength = fixed.length + MAX_DIGITS + 1;
    this.bytes = Buffer.alloc(this.maxLength, fixed, 'latin1');
  }

  /** Ends the line with a number from 1 to 2^53 - 1, and a line feed. Returns its length. */
  write(number: number): number {
    const { bytes } = this;
    let end = this.#beginning;
    for (let rest = number; rest > 0; rest = Math.floor(rest / 10)) end++;
    for (let at = end - 1, rest = number; rest > 0; at--, rest = Math.floor(rest / 10)) bytes[at] = ZERO + (rest % 10);
    bytes[end] = LF;
    return end + 1;
  }
}
