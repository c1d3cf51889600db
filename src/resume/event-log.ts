/** Bytes of the first segment. Each further one has twice as many, up to `LARGEST`. */
const SMALLEST = 4_096;
const LARGEST = 65_536;

/** Position of the first byte: 0 stands for the beginning. */
export const BEGINNING = 1;

/** A part of a log. */
export interface Segment {
  readonly bytes: Buffer;
  /** Position of its first byte. */
  readonly start: number;
  /** Bytes that have been written. */
  length: number;
  next: Segment | null;
}

/**
 * The bytes of one stream, which are appended at the end and let go from the beginning. A position stays the same meanwhile. Views of the bytes may be
 * given away: memory is written over only where whoever lets a segment go says that nobody has a view of it any more. A log that is full then needs no new
 * memory, which would keep the garbage collector busy.
 */
export class EventLog {
  /** Position of the oldest byte. */
  start = BEGINNING;
  /** Position behind the newest byte. */
  end = BEGINNING;
  /** Bytes of memory. */
  allocated = 0;
  readonly #largest: number;
  #first: Segment;
  #last: Segment;
  /** Memory of a segment that was let go. */
  #spare: Buffer | null = null;

  /** @param maxBytes what the log is to hold; segments are at most an eighth of it */
  constructor(maxBytes: number) {
    this.#largest = Math.min(LARGEST, Math.max(SMALLEST, maxBytes >> 3));
    this.#first = this.#newSegment(SMALLEST);
    this.#last = this.#first;
  }

  /** Bytes from the oldest to the newest. */
  get size(): number {
    return this.end - this.start;
  }

  append(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const last = this.#lastWithRoom();
      const copied = bytes.copy(last.bytes, last.length, at, to);
      last.length += copied;
      this.end += copied;
      at += copied;
    }
  }

  /** Appends text in ASCII. */
  appendText(text: string): void {
    const last = this.#last;
    if (last.bytes.length - last.length < text.length) {
      this.append(Buffer.from(text, 'latin1'), 0, text.length);
      return;
    }
    last.bytes.write(text, last.length, 'latin1');
    last.length += text.length;
    this.end += text.length;
  }

  /** The segment with the byte at a position, or that is going to have it; null if it was let go. */
  segmentAt(position: number): Segment | null {
    if (position < this.start) return null;
    let segment = this.#first;
    while (segment.next !== null && position >= segment.next.start) segment = segment.next;
    return segment;
  }

  /** Bytes from a position on, at most so many, as latin1; empty if they were let go. */
  textAt(position: number, length: number): string {
    let text = '';
    let segment = this.segmentAt(position);
    for (; segment !== null && text.length < length; segment = segment.next) {
      const from = position + text.length - segment.start;
      text += segment.bytes.toString('latin1', from, Math.min(segment.length, from + length - text.length));
    }
    return text;
  }

  /**
   * Lets the oldest segment go, if it has no byte at or after `keep`. Returns whether it has.
   * @param read its memory is used again if it has no byte at or after this. By default it is not
   */
  dropFirst(keep: number, read = 0): boolean {
    const { next, bytes } = this.#first;
    if (next === null || next.start > keep) return false;
    this.#first = next;
    this.start = next.start;
    if (next.start <= read && this.#spare === null && bytes.length === this.#largest) this.#spare = bytes;
    else this.allocated -= bytes.length;
    return true;
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
    return { bytes: this.#memory(length), start: this.end, length: 0, next: null };
  }

  #memory(length: number): Buffer {
    const spare = this.#spare;
    if (spare?.length === length) {
      this.#spare = null;
      return spare;
    }
    this.allocated += length;
    return Buffer.allocUnsafeSlow(length);
  }
}
