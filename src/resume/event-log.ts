import { LARGEST, type LogMemory, SMALLEST } from './log-memory.ts';

/** Bytes that are copied one by one: a native copy costs as much. */
const FEW = 32;

/** Position of the first byte: 0 stands for the beginning. */
export const BEGINNING = 1;

/** A part of a log. */
export interface Segment {
  readonly bytes: Buffer;
  /** Position of its first byte. */
  readonly start: number;
  /** Bytes that have been written. */
  length: number;
  /** Somebody may have a view of its bytes. */
  viewed: boolean;
  next: Segment | null;
}

/**
 * The bytes of one stream, which are appended at the end and let go from the beginning. A position stays the same meanwhile. The first segment has
 * `SMALLEST` bytes and each further one twice as many, up to an eighth of the log or `LARGEST`. Views of the bytes may be given away: memory is used
 * again only where nobody has one any more.
 */
export class EventLog {
  /** Position of the oldest byte. */
  start = BEGINNING;
  /** Position behind the newest byte. */
  end = BEGINNING;
  /** Bytes of memory. */
  allocated = 0;
  readonly #memory: LogMemory;
  readonly #largest: number;
  #first: Segment;
  #last: Segment;

  /** @param maxBytes what the log is to hold; segments are at most an eighth of it */
  constructor(memory: LogMemory, maxBytes: number) {
    this.#memory = memory;
    this.#largest = Math.min(LARGEST, Math.max(SMALLEST, 2 ** Math.floor(Math.log2(maxBytes / 8))));
    this.#first = this.#newSegment(SMALLEST);
    this.#last = this.#first;
  }

  /** Bytes from the oldest to the newest. */
  get size(): number {
    return this.end - this.start;
  }

  append(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const last = this.#lastWithRoom();
      const count = Math.min(to - at, last.bytes.length - last.length);
      if (count > FEW) last.bytes.set(bytes.subarray(at, at + count), last.length);
      else for (let i = 0; i < count; i++) last.bytes[last.length + i] = bytes[at + i] as number;
      last.length += count;
      this.end += count;
      at += count;
    }
  }

  /** The segment with the byte at a position, or that is going to have it; null if it was let go. */
  segmentAt(position: number): Segment | null {
    if (position < this.start) return null;
    let segment = this.#first;
    while (segment.next !== null && position >= segment.next.start) segment = segment.next;
    return segment;
  }

  /** Copies bytes from a position on into `target`, as many as there are and fit. Returns how many; 0 if they were discarded. */
  copy(position: number, target: Buffer): number {
    let copied = 0;
    let segment = this.segmentAt(position);
    for (; segment !== null && copied < target.length; segment = segment.next) {
      const from = position + copied - segment.start;
      if (from >= segment.length) break;
      copied += segment.bytes.copy(target, copied, from, segment.length);
    }
    return copied;
  }

  /** Bytes from a position on, at most so many, as latin1; empty if they were discarded. */
  textAt(position: number, length: number): string {
    const bytes = Buffer.allocUnsafe(length);
    return bytes.toString('latin1', 0, this.copy(position, bytes));
  }

  /**
   * Lets the oldest segment go, if it has no byte at or after `keep`. Returns whether it has.
   * @param read nobody has views of bytes before this any more
   */
  dropFirst(keep: number, read: number): boolean {
    const first = this.#first;
    const { next } = first;
    if (next === null || next.start > keep) return false;
    if (next.start <= read) first.viewed = false;
    this.#first = next;
    this.start = next.start;
    this.#free(first);
    return true;
  }

  /** Lets all go. Nothing is appended or read any more. */
  close(): void {
    for (let segment: Segment | null = this.#first; segment !== null; segment = segment.next) this.#free(segment);
    this.start = Number.POSITIVE_INFINITY;
  }

  #lastWithRoom(): Segment {
    const last = this.#last;
    if (last.length < last.bytes.length) return last;
    const next = this.#newSegment(Math.min(this.#largest, 2 * last.bytes.length));
    last.next = next;
    this.#last = next;
    return next;
  }

  #newSegment(length: number): Segment {
    this.allocated += length;
    return { bytes: this.#memory.take(length), start: this.end, length: 0, viewed: false, next: null };
  }

  #free({ bytes, viewed }: Segment): void {
    this.allocated -= bytes.length;
    if (!viewed) this.#memory.give(bytes);
  }
}
