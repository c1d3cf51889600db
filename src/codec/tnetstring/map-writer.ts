import { BYTES, COLON, INTEGER, MAP, MAX_LENGTH_DIGITS } from './marks.ts';
import { TnetstringError } from './tnetstring-error.ts';

/** Bytes that are asked of the system at once, for many small messages. */
const SLAB = 16_384;

/** Room behind a large body for the fields that follow it. */
const TAIL_ROOM = 256;

/** Room that is kept in front of a map for its length and colon. */
const LENGTH_ROOM = MAX_LENGTH_DIGITS + 1;

/**
 * Shorter text is written byte by byte, longer text by one call out of JavaScript, which costs as much as about so many bytes
 * of a piece of another string.
 */
const SHORT = 24;

/** Writes maps, one at a time, each straight into the Buffer that it leaves in. A map that was not ended is forgotten. */
export class MapWriter {
  #buffer: Buffer = Buffer.alloc(0);
  /** Where the message being written has its room for prefix and length. */
  #start = 0;
  #prefix = '';
  #at = 0;
  /** What the map holds without a copy of it; null for nothing. */
  #reference: Buffer | null = null;
  /** Where that belongs, counted from `#start`. */
  #referenceAt = 0;

  /** Begins a map. @param prefix latin1 text that stands in front of the tnetstring in the same Buffer */
  begin(prefix: string): void {
    this.#prefix = prefix;
    this.#start = this.#at;
    this.#reference = null;
    this.#reserve(prefix.length + LENGTH_ROOM);
    this.#at += prefix.length + LENGTH_ROOM;
  }

  /**
   * Ends the map.
   * @returns prefix and tnetstring, which nothing is written to any more
   * @throws TnetstringError if the map has more bytes than a length can say
   */
  end(): Buffer {
    // First: its last byte may take another slab.
    const from = this.#finish();
    return this.#buffer.subarray(from, this.#at);
  }

  /** As `end`, for a map that holds a reference: what is before it, the bytes themselves, and what is behind them. */
  endPieces(): readonly Buffer[] {
    const from = this.#finish();
    const reference = this.#reference;
    const split = this.#start + this.#referenceAt;
    this.#reference = null;
    if (reference === null) return [this.#buffer.subarray(from, this.#at)];
    return [this.#buffer.subarray(from, split), reference, this.#buffer.subarray(split, this.#at)];
  }

  /** Writes the end, and what stands in front. Returns where the map begins. */
  #finish(): number {
    this.close(MAP);
    const prefix = this.#prefix;
    const first = this.#start + prefix.length + LENGTH_ROOM;
    const length = this.#at - 1 - first + (this.#reference?.length ?? 0);
    const digits = digitsOf(length);
    if (digits > MAX_LENGTH_DIGITS) throw new TnetstringError(`${length} bytes are too many for a map`);
    const from = first - 1 - digits - prefix.length;
    putLength(this.#buffer, putText(this.#buffer, from, prefix), length);
    return from;
  }

  /** Copies elements that are written already, such as a key. Short ones: they are copied byte by byte. */
  constant(elements: Uint8Array): void {
    const { length } = elements;
    this.#reserve(length);
    const buffer = this.#buffer;
    const at = this.#at;
    for (let i = 0; i < length; i++) buffer[at + i] = elements[i] as number;
    this.#at = at + length;
  }

  /** A byte string of latin1 text; no character may be over U+00FF. */
  text(value: string): void {
    const { length } = value;
    this.#reserve(length + LENGTH_ROOM + 1);
    const end = putText(this.#buffer, putLength(this.#buffer, this.#at, length), value);
    this.#buffer[end] = BYTES;
    this.#at = end + 1;
  }

  /** A byte string. */
  bytes(value: Uint8Array): void {
    this.open(value.length);
    this.elements(value);
    this.close(BYTES);
  }

  /** A byte string that is not copied: `endPieces` has it as a piece of its own. There is one at most in a map. */
  reference(value: Buffer): void {
    this.open(value.length);
    this.#reference = value;
    this.#referenceAt = this.#at - this.#start;
    this.close(BYTES);
  }

  /** Copies elements that are written already. */
  elements(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  /** An integer, which must be a safe one and not negative. */
  integer(value: number): void {
    const digits = digitsOf(value);
    this.#reserve(digits + LENGTH_ROOM + 1);
    const start = putLength(this.#buffer, this.#at, digits);
    putDigits(this.#buffer, start, value, digits);
    this.#buffer[start + digits] = INTEGER;
    this.#at = start + digits + 1;
  }

  /** The length in front of an element's data, with its colon: opens a list or map. */
  open(length: number): void {
    this.#reserve(LENGTH_ROOM);
    this.#at = putLength(this.#buffer, this.#at, length);
  }

  /** The type byte behind an element's data (see `marks.ts`): closes a list or map. */
  close(mark: number): void {
    this.#reserve(1);
    this.#buffer[this.#at++] = mark;
  }

  /** Makes room for `length` more bytes: what is written of this message moves to a new slab when the old one is full. */
  #reserve(length: number): void {
    if (this.#at + length <= this.#buffer.length) return;
    const written = this.#buffer.subarray(this.#start, this.#at);
    // Mostly it is one large body that does not fit; a message that grows by many small steps gets twice its room each time.
    const slab = Buffer.allocUnsafeSlow(Math.max(SLAB, 2 * written.length + length + TAIL_ROOM));
    written.copy(slab);
    this.#buffer = slab;
    this.#start = 0;
    this.#at = written.length;
  }
}

/** Bytes of the element whose data is `length` bytes. */
export function elementLength(length: number): number {
  return digitsOf(length) + length + 2;
}

/** How many digits a safe integer that is not negative has. */
export function digitsOf(value: number): number {
  if (value < 10) return 1;
  if (value < 100) return 2;
  if (value < 1_000) return 3;
  if (value < 10_000) return 4;
  if (value < 100_000) return 5;
  let digits = 6;
  for (let bound = 1_000_000; value >= bound; bound *= 10) digits++;
  return digits;
}

/** Writes a length and its colon. Returns where the data begins. */
function putLength(buffer: Buffer, at: number, length: number): number {
  const digits = digitsOf(length);
  putDigits(buffer, at, length, digits);
  buffer[at + digits] = COLON;
  return at + digits + 1;
}

function putDigits(buffer: Buffer, at: number, value: number, digits: number): void {
  let rest = value;
  for (let i = at + digits - 1; i > at; i--) {
    const tens = Math.floor(rest / 10);
    buffer[i] = 0x30 + (rest - tens * 10);
    rest = tens;
  }
  buffer[at] = 0x30 + rest;
}

/** Writes latin1 text. Returns where it ends. */
function putText(buffer: Buffer, at: number, text: string): number {
  const { length } = text;
  if (length > SHORT) {
    buffer.write(text, at, length, 'latin1');
  } else {
    for (let i = 0; i < length; i++) buffer[at + i] = text.charCodeAt(i);
  }
  return at + length;
}
