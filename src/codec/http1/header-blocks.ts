import { type FieldLines, parseFieldLines } from './field-lines.ts';
import type { Http1Limits } from './http1-limits.ts';

/** Blocks that are kept at a time; each has a slot that its bytes choose. */
const SLOTS = 64;

/** Longer blocks are not kept, so all together have at most 128 KiB. */
const MAX_BYTES = 2_048;

/** Bytes of a block that choose its slot. */
const SAMPLES = 8;

interface Slot {
  /** Fingerprint of the block that came last. */
  fingerprint: number;
  /** The block that is kept, and what it says; null until one has come a second time. */
  bytes: Buffer | null;
  fields: FieldLines | null;
}

/**
 * The field lines of recent request heads. Most requests on a connection, and those of clients of one kind, have the same field lines
 * byte for byte as an earlier one: comparing them costs a tenth of reading them. What is found is shared, and must not be changed.
 */
export class HeaderBlocks {
  /** All blocks are read under these. */
  readonly limits: Http1Limits;
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => ({ fingerprint: 0, bytes: null, fields: null }));

  constructor(limits: Http1Limits) {
    this.limits = limits;
  }

  /**
   * What the field lines in `input` from `start` to `end` say, if they are known, or come a second time; else null.
   * @throws Http1Error as `parseFieldLines`
   */
  find(input: Buffer, start: number, end: number): FieldLines | null {
    const length = end - start;
    if (length > MAX_BYTES || length === 0) return null;
    const fingerprint = fingerprintOf(input, start, length);
    const slot = this.#slots[fingerprint & (SLOTS - 1)] as Slot;
    if (slot.bytes !== null && slot.bytes.length === length && slot.bytes.compare(input, start, end) === 0) {
      return slot.fields;
    }
    if (slot.fingerprint !== fingerprint) {
      // One that comes only once is not worth a copy, and does not push out one that comes often.
      slot.fingerprint = fingerprint;
      return null;
    }
    const fields = parseFieldLines(input.toString('latin1', start, end), 0, this.limits);
    slot.bytes = Buffer.from(input.subarray(start, end));
    slot.fields = fields;
    return fields;
  }
}

function fingerprintOf(input: Buffer, start: number, length: number): number {
  let fingerprint = length;
  // The last value of the block differs most often, then any other.
  for (let i = 1; i <= SAMPLES; i++) {
    fingerprint = (Math.imul(fingerprint, 31) + (input[start + Math.floor((length * i) / SAMPLES) - 3] ?? 0)) | 0;
  }
  return fingerprint;
}
