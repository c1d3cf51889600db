import {
  type BodyReader,
  bodyReader,
  CHUNKED,
  Http1Error,
  type Http1Limits,
  type Http1ResponseHead,
  type ResponseHeadReader,
  UNTIL_CLOSE,
} from '../codec/http1/index.ts';
import { type Requester, UNKNOWN_LENGTH } from '../exchange/index.ts';

/** Interim responses before the final one; more than a few are of no use. */
export const MAX_INTERIM = 20;

const EMPTY = Buffer.alloc(0);

/**
 * Reads one response from a connection's bytes, and passes on its head and body as the requester's credits allow. The last bytes are not
 * passed on but kept in `last`: the exchange has to release the connection first.
 */
export class ResponseReceiver {
  /** Something has arrived. */
  started = false;
  /** Head of the final response, once passed on. */
  head: Http1ResponseHead | null = null;
  /** The response is complete, and all but `last` has been passed on. */
  done = false;
  last: Buffer = EMPTY;
  /** Bytes followed the end of the response. */
  surplus = false;
  /** Bytes that the requester still accepts. */
  credits: number;
  readonly #requester: Requester;
  readonly #method: string;
  readonly #limits: Http1Limits;
  #body: BodyReader | null = null;
  /** Input that waits for credits. */
  #rest: Buffer | null = null;
  #interims = 0;
  #reading = false;
  #stopped = false;

  constructor(requester: Requester, method: string, credits: number, limits: Http1Limits) {
    this.#requester = requester;
    this.#method = method;
    this.credits = credits;
    this.#limits = limits;
  }

  /** Whether input waits for credits: until they come, no more may be taken. */
  get waiting(): boolean {
    return this.#rest !== null;
  }

  /** Whether input is being passed on: credits that come meanwhile count. */
  get reading(): boolean {
    return this.#reading;
  }

  /** Whether new credits release waiting input; false within a call that is already passing it on. */
  get resumable(): boolean {
    return this.#rest !== null && !this.#reading;
  }

  /**
   * Takes input that arrived.
   * @param owned whether `input` belongs to the receiver from now on; otherwise it is not kept
   * @throws Http1Error if it is not an HTTP response
   */
  take(input: Buffer, heads: ResponseHeadReader, owned = false): void {
    this.started = true;
    if (this.head !== null) {
      this.takeBody(input, owned);
      return;
    }
    this.#reading = true;
    this.#takeHead(input, heads);
    this.#reading = false;
  }

  /** As `take`, after the head. @throws Http1Error */
  takeBody(input: Buffer, owned: boolean): void {
    this.#reading = true;
    this.#takeBody(input, 0, owned);
    this.#reading = false;
  }

  /** Passes on a head that was read before; its body is to follow. */
  passHead(head: Http1ResponseHead): void {
    const { status, reason, headers, bodyLength } = head;
    this.head = head;
    this.#body = bodyReader(bodyLength, this.#limits);
    this.#requester.onResponse({
      status,
      reason,
      headers,
      bodyLength: bodyLength === CHUNKED || bodyLength === UNTIL_CLOSE ? UNKNOWN_LENGTH : bodyLength,
    });
  }

  /**
   * Continues with waiting input.
   * @throws Http1Error
   */
  resume(): void {
    const rest = this.#rest as Buffer;
    this.#rest = null;
    this.takeBody(rest, true);
  }

  /**
   * The connection ended in order, after the head: for some bodies that is the end.
   * @throws Http1Error `truncated`
   */
  end(): void {
    (this.#body as BodyReader).end();
    this.done = true;
  }

  /** The requester is gone: nothing is passed on after this. */
  stop(): void {
    this.#stopped = true;
    this.#rest = null;
  }

  #takeHead(input: Buffer, heads: ResponseHeadReader): void {
    let offset = 0;
    for (;;) {
      const head = heads.read(input, offset, this.#method);
      if (head === null) return;
      offset = heads.offset;
      if (head.status >= 200) {
        this.passHead(head);
        if (!this.#stopped) this.#takeBody(input, offset, false);
        return;
      }
      this.#skipInterim(head.status);
      if (offset >= input.length) return;
    }
  }

  #skipInterim(status: number): void {
    // RFC 9110 §7.8: a server must not switch to a protocol that the request did not name.
    if (status === 101) throw new Http1Error('malformed', 'unexpected 101 response');
    // RFC 9110 §15.2: a client must be able to parse interim responses, and may ignore them.
    if (++this.#interims > MAX_INTERIM) throw new Http1Error('malformed', `more than ${MAX_INTERIM} interim responses`);
  }

  /** @param owned `input` stays unchanged; otherwise it is reused, and what is passed on must be copied */
  #takeBody(input: Buffer, start: number, owned: boolean): void {
    const body = this.#body as BodyReader;
    let offset = start;
    for (;;) {
      const before = offset;
      offset = body.read(input, before, this.credits);
      const found = body.data;
      const data = found === null ? EMPTY : owned ? found : Buffer.from(found);
      this.credits -= data.length;
      if (body.done) {
        this.done = true;
        this.last = data;
        this.surplus = offset < input.length;
        return;
      }
      if (data.length > 0) {
        this.#requester.onResponseData(data, true);
        if (this.#stopped) return;
      }
      if (offset >= input.length) return;
      if (offset === before) {
        // Only credits are missing.
        this.#rest = owned ? input.subarray(offset) : Buffer.from(input.subarray(offset));
        return;
      }
    }
  }
}
