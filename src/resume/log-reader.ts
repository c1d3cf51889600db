import type { Guarded } from '../clock/index.ts';
import type { ExchangeError, Requester, Responder } from '../exchange/index.ts';
import type { EventLog, Segment } from './event-log.ts';

const EMPTY = Buffer.alloc(0);

/** What a reader belongs to. */
export interface ReadStream {
  readonly log: EventLog;
  /** Whether nothing more comes, and why it is not the end of the stream. */
  readonly ended: boolean;
  readonly error: ExchangeError | null;
  /** A client takes more. */
  onTaken(reader: LogReader): void;
  /** A client has left, or has all there is. */
  onLeft(reader: LogReader): void;
  onReaderFault(reader: LogReader, thrown: unknown): void;
}

/** One client of a stream: sends it the log from a position on, as its credits allow, and then what comes. Nothing waits for it but the log. */
export class LogReader implements Responder, Guarded {
  /** Position of the next byte for the client. */
  position: number;
  readonly #stream: ReadStream;
  readonly #requester: Requester;
  #segment: Segment;
  #credits: number;
  #over = false;
  #sending = false;

  /** @param credits bytes that the client accepts at first */
  constructor(stream: ReadStream, requester: Requester, credits: number, position: number) {
    this.#stream = stream;
    this.#requester = requester;
    this.#credits = credits;
    this.position = position;
    this.#segment = stream.log.segmentAt(position) as Segment;
  }

  /** Sends what there is. */
  send(): void {
    if (this.#sending || this.#over) return;
    this.#sending = true;
    try {
      while (!this.#over && this.#sendNext());
    } finally {
      this.#sending = false;
    }
  }

  /** Sends the next bytes; false when there are none, or no credits for them. */
  #sendNext(): boolean {
    const { log, ended, error } = this.#stream;
    if (this.position === log.end) {
      if (!ended) return false;
      if (error !== null) this.fail(error);
      else {
        this.#leave();
        this.#requester.onResponseData(EMPTY, false);
      }
      return false;
    }
    let segment = this.#segment;
    let from = this.position - segment.start;
    if (from === segment.length && segment.next !== null) {
      segment = segment.next;
      this.#segment = segment;
      from = 0;
    }
    const length = Math.min(segment.length - from, this.#credits);
    if (length === 0) return false;
    this.#credits -= length;
    this.position += length;
    const part = segment.bytes.subarray(from, from + length);
    if (this.#requester.onResponseLoan === undefined) {
      segment.viewed = true;
      this.#requester.onResponseData(part, true);
    } else if (!this.#requester.onResponseLoan(part, true)) {
      segment.viewed = true;
    }
    return true;
  }

  /** Cuts the response off. */
  fail(error: ExchangeError): void {
    if (this.#over) return;
    this.#leave();
    this.#requester.onResponseError(error);
  }

  #leave(): void {
    this.#over = true;
    this.#stream.onLeft(this);
  }

  // ---- from the client (Responder)

  /** Who reads has asked already. */
  onRequestData(): void {}

  onRequestError(): void {
    if (!this.#over) this.#leave();
  }

  onResponseCredit(bytes: number): void {
    this.#credits += bytes;
    // Within a call that sends the loop there goes on.
    if (this.#sending || this.#over) return;
    this.send();
    this.#stream.onTaken(this);
  }

  onFault(thrown: unknown): void {
    this.#stream.onReaderFault(this, thrown);
  }
}
