import { crc32 } from 'node:zlib';

/** What a record says. */
export const ITEM = 0;
/** All items of the channel up to this number are let go; the channel stays known. */
export const CHANNEL_EMPTY = 1;
/** The same, and the channel is forgotten: from now on this number, or a higher one, is the floor of all channels that are not known. */
export const CHANNEL_FORGOTTEN = 2;

/** Bytes in front of the first record: what the file is, the salt, the floor of forgotten channels, a checksum. */
export const SEGMENT_HEAD = 32;

/** Bytes in front of the name of the channel. */
export const RECORD_HEAD = 36;

/** What every file begins with, as two numbers; the last byte is the version. Where the order of bytes is another one it is no segment. */
const [MAGIC_LOW, MAGIC_HIGH] = [0x68466c48, 0x01474553];

/** Bits of the field that has the length of the name, in bytes; above them is the kind. */
const NAME_BITS = 24;
const NAME_MASK = 2 ** NAME_BITS - 1;

/** Bytes that a record takes. */
export function recordSpace(nameBytes: number, bytes: number): number {
  return (RECORD_HEAD + nameBytes + bytes + 7) & ~7;
}

/**
 * A piece of the log: records one after the other, each at a multiple of 8.
 *
 * | bytes | of a record |
 * |---|---|
 * | 4 | its length without the bytes that fill it up |
 * | 4 | checksum of all that follows: CRC32, beginning with the salt of the segment, so that no record of an older file passes for one of this one |
 * | 8 | number |
 * | 8 | time |
 * | 8 | number of the channel's item before this one, or of the last that it has let go: so a gap is found when the log is read back |
 * | 4 | kind, and length of the name |
 * | | name of the channel, item |
 */
export class Segment {
  readonly buffer: Buffer;
  readonly serial: number;
  /** Where it is in the table of segments; positions have it. */
  slot = 0;
  /** The segment that was begun after this one. */
  next: Segment | null = null;
  /** Bytes that are written. */
  used = SEGMENT_HEAD;
  /** Bytes of records that are still needed. */
  live = 0;
  readonly #words: Uint32Array;
  readonly #numbers: Float64Array;

  constructor(buffer: Buffer, serial: number) {
    this.buffer = buffer;
    this.serial = serial;
    this.#words = new Uint32Array(buffer.buffer, 0, buffer.length >>> 2);
    this.#numbers = new Float64Array(buffer.buffer, 0, buffer.length >>> 3);
  }

  get size(): number {
    return this.buffer.length;
  }

  /** The floor of forgotten channels when the segment was begun. */
  get floor(): number {
    return this.#numbers[2] as number;
  }

  /** Writes the head. */
  begin(salt: number, floor: number): void {
    this.#words[0] = MAGIC_LOW;
    this.#words[1] = MAGIC_HIGH;
    this.#words[2] = salt;
    this.#numbers[2] = floor;
    this.#words[6] = crc32(this.buffer.subarray(0, 24));
  }

  /** Whether the head is that of a segment. */
  get isWhole(): boolean {
    const words = this.#words;
    return (
      this.buffer.length >= SEGMENT_HEAD &&
      words[0] === MAGIC_LOW &&
      words[1] === MAGIC_HIGH &&
      words[6] === crc32(this.buffer.subarray(0, 24))
    );
  }

  fits(space: number): boolean {
    return this.used + space <= this.buffer.length;
  }

  /**
   * Writes a record that fits.
   * @returns where it is
   */
  write(kind: number, number: number, time: number, before: number, name: string, bytes: Uint8Array | null): number {
    const at = this.used;
    const word = at >>> 2;
    const double = at >>> 3;
    const nameBytes = this.buffer.write(name, at + RECORD_HEAD);
    const length = RECORD_HEAD + nameBytes + (bytes === null ? 0 : bytes.length);
    if (bytes !== null) this.buffer.set(bytes, at + RECORD_HEAD + nameBytes);
    this.#words[word] = length;
    this.#numbers[double + 1] = number;
    this.#numbers[double + 2] = time;
    this.#numbers[double + 3] = before;
    this.#words[word + 8] = kind * 2 ** NAME_BITS + nameBytes;
    this.used = (at + length + 7) & ~7;
    return at;
  }

  /** Computes the checksum of a record. */
  seal(at: number): void {
    this.#words[(at >>> 2) + 1] = this.#checksum(at);
  }

  /** Whether a whole record is at this place. */
  check(at: number): boolean {
    if (this.isCut(at) || (this.#words[at >>> 2] as number) < RECORD_HEAD + this.#nameBytes(at)) return false;
    return this.#words[(at >>> 2) + 1] === this.#checksum(at);
  }

  /** Whether a record that begins here goes on beyond the end, as one that was cut off does. */
  isCut(at: number): boolean {
    const { length } = this.buffer;
    return at + RECORD_HEAD > length || at + Math.ceil((this.#words[at >>> 2] as number) / 8) * 8 > length;
  }

  /** Bytes that the record at this place takes. */
  spaceAt(at: number): number {
    return ((this.#words[at >>> 2] as number) + 7) & ~7;
  }

  kindAt(at: number): number {
    return (this.#words[(at >>> 2) + 8] as number) >>> NAME_BITS;
  }

  numberAt(at: number): number {
    return this.#numbers[(at >>> 3) + 1] as number;
  }

  timeAt(at: number): number {
    return this.#numbers[(at >>> 3) + 2] as number;
  }

  beforeAt(at: number): number {
    return this.#numbers[(at >>> 3) + 3] as number;
  }

  nameAt(at: number): string {
    return this.buffer.toString('utf8', at + RECORD_HEAD, at + RECORD_HEAD + this.#nameBytes(at));
  }

  bytesAt(at: number): Buffer {
    return this.buffer.subarray(at + RECORD_HEAD + this.#nameBytes(at), at + (this.#words[at >>> 2] as number));
  }

  #nameBytes(at: number): number {
    return (this.#words[(at >>> 2) + 8] as number) & NAME_MASK;
  }

  #checksum(at: number): number {
    return crc32(this.buffer.subarray(at + 8, at + (this.#words[at >>> 2] as number)), this.#words[2]);
  }
}
