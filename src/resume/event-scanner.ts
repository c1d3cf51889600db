import { CR, endOfLine, IdLine, LF } from '../codec/event-stream/index.ts';
import type { EventLog } from './event-log.ts';

const COLON = 0x3a;
const LETTER_I = 0x69;
const LETTER_D = 0x64;

// Where in a line the next byte stands.
/** At its beginning. */
const START = 0;
/** After `i`, which is held back. */
const AFTER_I = 1;
/** After `id`, which is held back. */
const AFTER_ID = 2;
/** In a line that passes. */
const PASSING = 3;
/** In an `id` line, which does not. */
const DROPPING = 4;

const HELD = Buffer.from('id');

/**
 * Writes an event stream (HTML Living Standard §9.2.5) into a log, with event ids of its own: each event gets an `id` line at its end, which
 * names the position of that line, and `id` lines of the origin are left out. What has only comments is no event, and after the first event it does not end in an
 * empty line, so that it becomes part of the next event: once there is an id the Python clients of OpenAI and others take each empty line for an event. All three line ends
 * are known, and any split of the stream into chunks gives the same bytes. A byte order mark at the beginning makes no difference, since
 * the last `id` line of an event counts.
 */
export class EventScanner {
  /** Position of the id of the last complete event; 0 before the first. */
  lastEvent = 0;
  readonly #log: EventLog;
  readonly #line: IdLine;
  #state = START;
  /** The line before this one ended in CR: an LF still belongs to it. */
  #afterCr = false;
  /** That line was left out. */
  #dropsLf = false;
  /** The event has a field. */
  #hasField = false;

  /** @param stream id of the stream, which all ids begin with */
  constructor(log: EventLog, stream: string) {
    this.#log = log;
    this.#line = new IdLine(`${stream}.`);
  }

  write(chunk: Buffer): void {
    const log = this.#log;
    const { length } = chunk;
    const hasCr = chunk.indexOf(CR) >= 0;
    /** What comes from here on, up to `at`, is still to be appended. */
    let run = 0;
    let at = 0;
    while (at < length) {
      const byte = chunk[at] as number;
      switch (this.#state) {
        case START:
          if (this.#afterCr) {
            this.#afterCr = false;
            if (byte === LF) {
              at++;
              if (this.#dropsLf) run = at;
              break;
            }
          }
          if (byte === LF || byte === CR) {
            // The line that ends an event stays.
            const drops = !this.#hasField && this.lastEvent > 0;
            if (this.#hasField || drops) {
              log.append(chunk, run, at);
              run = at;
            }
            if (this.#hasField) this.#appendId();
            at++;
            if (drops) run = at;
            this.#afterCr = byte === CR;
            this.#dropsLf = drops;
          } else if (byte === LETTER_I) {
            log.append(chunk, run, at);
            this.#state = AFTER_I;
            at++;
            run = at;
          } else {
            if (byte !== COLON) this.#hasField = true;
            this.#state = PASSING;
          }
          break;
        case AFTER_I:
          if (byte === LETTER_D) {
            this.#state = AFTER_ID;
            at++;
            run = at;
          } else {
            this.#release(1);
          }
          break;
        case AFTER_ID:
          if (byte === COLON || byte === LF || byte === CR) {
            this.#hasField = true;
            this.#state = DROPPING;
          } else {
            this.#release(2);
          }
          break;
        default:
          at = endOfLine(chunk, at, hasCr);
          if (at === length) {
            if (this.#state === DROPPING) run = at;
            break;
          }
          this.#afterCr = chunk[at] === CR;
          this.#dropsLf = this.#state === DROPPING;
          at++;
          if (this.#dropsLf) run = at;
          this.#state = START;
      }
    }
    log.append(chunk, run, length);
  }

  /** The stream has ended. An event that is not complete gets no id. */
  end(): void {
    if (this.#state === AFTER_I) this.#release(1);
    else if (this.#state === AFTER_ID) this.#release(2);
  }

  /** The line is no `id` line after all: what was held back of it passes. */
  #release(bytes: number): void {
    this.#log.append(HELD, 0, bytes);
    this.#hasField = true;
    this.#state = PASSING;
  }

  #appendId(): void {
    const { end } = this.#log;
    this.#log.append(this.#line.bytes, 0, this.#line.write(end));
    this.lastEvent = end;
    this.#hasField = false;
  }
}
