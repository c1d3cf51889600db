import { SEGMENT_HEAD, Segment } from './segment.ts';

/** How far the positions of two segments are apart: no segment is larger. */
const SPAN = 2 ** 30;

/**
 * The segments of a log, oldest first: records are written at the end, and segments go at the beginning. A position names a record in any of them
 * with one number.
 */
export class SegmentQueue {
  /** The oldest. */
  first: Segment | null = null;
  /** The one that is written. */
  last: Segment | null = null;
  /** Bytes of memory that the segments take. */
  bytes = 0;
  /** The serial of the next segment. */
  serial = 1;
  readonly #bySlot: (Segment | null)[] = [];
  readonly #free: number[] = [];
  readonly #reuses: boolean;
  /** The memory of a segment that has gone. */
  #spare: Buffer | null = null;

  /** @param reuses whether the memory of a segment that goes is used for the next one. New memory costs the garbage collector several times more than an item */
  constructor(reuses: boolean) {
    this.#reuses = reuses;
  }

  /** Begins a segment of so many bytes. */
  begin(size: number, salt: number, floor: number): Segment {
    const segment = new Segment(this.#memory(size), this.serial);
    segment.begin(salt, floor);
    this.add(segment);
    return segment;
  }

  #memory(size: number): Buffer {
    const spare = this.#spare;
    if (spare?.length === size) {
      this.#spare = null;
      return spare;
    }
    // Filled with zeros: what memory had before does not get into a file.
    return Buffer.from(new ArrayBuffer(size));
  }

  /** Adds one that was read back. It comes after all others. */
  add(segment: Segment): void {
    segment.slot = this.#free.pop() ?? this.#bySlot.length;
    this.#bySlot[segment.slot] = segment;
    if (this.last === null) this.first = segment;
    else this.last.next = segment;
    this.last = segment;
    this.bytes += segment.size;
    this.serial = segment.serial + 1;
  }

  /** Removes the oldest. */
  shift(): void {
    const { first } = this;
    if (first === null) return;
    this.#bySlot[first.slot] = null;
    this.#free.push(first.slot);
    this.first = first.next;
    if (this.first === null) this.last = null;
    this.bytes -= first.size;
    if (this.#reuses) this.#spare = first.buffer;
  }

  /** The segment of a position. */
  of(position: number): Segment {
    return this.#bySlot[Math.floor(position / SPAN)] as Segment;
  }

  /** The place of a position in its segment. */
  static placeIn(position: number): number {
    return position % SPAN;
  }

  /** The position of a place in a segment. */
  static position(segment: Segment, at: number): number {
    return segment.slot * SPAN + at;
  }
}

/** The positions of the records in a segment, in order. */
export function* placesIn(segment: Segment): Generator<number, void> {
  for (let at = SEGMENT_HEAD; at < segment.used; at += segment.spaceAt(at)) yield at;
}
