import {
  type BodyReader,
  bodyReader,
  CHUNKED,
  type Http1Limits,
  type Http1ResponseHead,
  UNTIL_CLOSE,
} from '../codec/http1/index.ts';
import { type Requester, UNKNOWN_LENGTH } from '../exchange/index.ts';

const EMPTY = Buffer.alloc(0);

/**
 * The body of a response that refuses a WebSocket, passed on like that of any other response. Its last bytes are kept in `last`: the connection
 * is given up before they are passed on.
 */
export class WebSocketRefusal {
  done = false;
  /** Whether `take` is running; credits that come meanwhile count. */
  reading = false;
  last: Buffer = EMPTY;
  /** Bytes that the requester still accepts. */
  credits: number;
  readonly #requester: Requester;
  readonly #body: BodyReader;
  /** Input that waits for credits. */
  #rest: Buffer | null = null;
  #stopped = false;

  constructor(requester: Requester, head: Http1ResponseHead, credits: number, limits: Http1Limits) {
    this.#requester = requester;
    this.#body = bodyReader(head.bodyLength, limits);
    this.credits = credits;
  }

  /** Whether input waits for credits. */
  get waiting(): boolean {
    return this.#rest !== null;
  }

  /** Passes on the head. */
  start({ status, reason, headers, bodyLength }: Http1ResponseHead): void {
    const length = bodyLength === CHUNKED || bodyLength === UNTIL_CLOSE ? UNKNOWN_LENGTH : bodyLength;
    this.#requester.onResponse({ status, reason, headers, bodyLength: length });
  }

  /**
   * Passes on what has arrived or, if there is nothing new, what waited for credits. Must not be called from within.
   * @param input stays as it is
   * @throws Http1Error
   */
  take(input: Buffer | null): void {
    const waiting = this.#rest;
    this.#rest = null;
    this.reading = true;
    if (waiting === null) this.#take(input ?? EMPTY);
    else this.#take(input === null ? waiting : Buffer.concat([waiting, input]));
    this.reading = false;
  }

  /**
   * The connection ended in order: for some bodies that is the end.
   * @throws Http1Error `truncated`
   */
  end(): void {
    this.#body.end();
    this.done = true;
  }

  /** The requester is gone: nothing is passed on after this. */
  stop(): void {
    this.#stopped = true;
    this.#rest = null;
  }

  #take(input: Buffer): void {
    const body = this.#body;
    let offset = 0;
    for (;;) {
      const before = offset;
      offset = body.read(input, before, this.credits);
      const data = body.data ?? EMPTY;
      this.credits -= data.length;
      if (body.done) {
        this.done = true;
        this.last = data;
        return;
      }
      if (data.length > 0) this.#requester.onResponseData(data, true);
      if (this.#stopped || offset >= input.length) return;
      if (offset === before) {
        // Only credits are missing.
        this.#rest = input.subarray(offset);
        return;
      }
    }
  }
}
