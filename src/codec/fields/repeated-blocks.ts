/** Number of blocks kept; the bytes of a block choose its slot. */
const SLOTS = 64;

/** Longer blocks are not kept, so all together have at most 128 KiB. */
const MAX_BYTES = 2_048;

/** Bytes of a block that choose its slot. */
const SAMPLES = 8;

interface Slot<V> {
  /** Fingerprint of the block that came last. */
  fingerprint: number;
  /** The kept block and its parsed value; null until one has come a second time. */
  bytes: Buffer | null;
  value: V | null;
}

/**
 * Parsed values of blocks of bytes that repeat, such as the field lines of the requests on one connection. Comparing a block with a kept one costs a
 * tenth of parsing it. Values are shared and must not be changed.
 */
export class RepeatedBlocks<V> {
  readonly #read: (input: Buffer, start: number, end: number) => V | null;
  readonly #slots: Slot<V>[] = Array.from({ length: SLOTS }, () => ({ fingerprint: 0, bytes: null, value: null }));

  /** @param read parses a block, or returns null for one not to keep; it may throw, and must not keep any part of `input` */
  constructor(read: (input: Buffer, start: number, end: number) => V | null) {
    this.#read = read;
  }

  /** The value of the block in `input` from `start` to `end`, if it is kept or comes a second time in a row in its slot; else null. */
  find(input: Buffer, start: number, end: number): V | null {
    const length = end - start;
    if (length > MAX_BYTES || length === 0) return null;
    const fingerprint = fingerprintOf(input, start, length);
    const slot = this.#slots[fingerprint & (SLOTS - 1)] as Slot<V>;
    const { bytes } = slot;
    if (bytes !== null && bytes.length === length && bytes.compare(input, start, end) === 0) return slot.value;
    if (slot.fingerprint !== fingerprint) {
      // A block that comes only once is not copied, and does not replace one that comes often.
      slot.fingerprint = fingerprint;
      return null;
    }
    const value = this.#read(input, start, end);
    if (value === null) return null;
    slot.bytes = Buffer.from(input.subarray(start, end));
    slot.value = value;
    return value;
  }
}

function fingerprintOf(input: Buffer, start: number, length: number): number {
  let fingerprint = length;
  for (let i = 1; i <= SAMPLES; i++) {
    fingerprint = (Math.imul(fingerprint, 31) + (input[start + Math.floor((length * i) / (SAMPLES + 1))] ?? 0)) | 0;
  }
  return fingerprint;
}
