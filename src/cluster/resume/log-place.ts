import { type EventId, formatEventId } from '../../resume/index.ts';

const EMPTY = Buffer.alloc(0);

/** Finds the place behind an event, in the bytes of a log from the position of its id on. */
export class LogPlace {
  /** Whether it was found. */
  found: boolean;
  /** Whether there is no such event. */
  wrong = false;
  readonly #line: string;
  #seen = EMPTY;

  constructor(event: EventId) {
    this.#line = `id: ${formatEventId(event)}\n`;
    this.found = event.position === 0;
  }

  /** Takes the next bytes. Returns those behind the event, none while it is not found. */
  take(bytes: Buffer): Buffer {
    this.#seen = Buffer.concat([this.#seen, bytes]);
    return this.#seen.length >= this.#line.length + 2 ? this.finish() : EMPTY;
  }

  /** There are no more bytes at present. Returns the same. */
  finish(): Buffer {
    const { length } = this.#line;
    if (this.found || this.wrong || this.#seen.length <= length) return EMPTY;
    const text = this.#seen.toString('latin1', 0, length + 2);
    this.found = text.startsWith(this.#line);
    this.wrong = !this.found;
    // An LF after a CR belongs to it.
    return this.found ? this.#seen.subarray(length + (text.endsWith('\r\n') ? 2 : 1)) : EMPTY;
  }
}
