import assert from 'node:assert/strict';
import type { Origin } from '../../../src/client/index.ts';
import {
  type ExchangeError,
  type HeaderList,
  type Requester,
  type RequestHead,
  type Responder,
  UNKNOWN_LENGTH,
} from '../../../src/exchange/index.ts';

/** A client that sends nothing: the test says what comes back, and sees what is sent. */
export class ScriptedClient {
  readonly sent: SentRequest[] = [];
  /** Called within `send`, before the responder is known to anybody. */
  onSend: (sent: SentRequest) => void = () => {};

  send(origin: Origin, request: RequestHead, requester: Requester): Responder {
    const sent = new SentRequest(origin, request, requester);
    this.sent.push(sent);
    this.onSend(sent);
    return sent;
  }

  /** The request that was sent last. */
  get last(): SentRequest {
    return this.sent.at(-1) as SentRequest;
  }

  get count(): number {
    return this.sent.length;
  }
}

/** One request as it was sent, and its responder. It fails the test as soon as the contract of `Responder` is broken. */
export class SentRequest implements Responder {
  readonly origin: Origin;
  readonly head: RequestHead;
  readonly requester: Requester;
  /** Bytes of the response that may be sent. */
  credits: number;
  /** Every later grant, in order. */
  readonly grants: number[] = [];
  readonly chunks: Buffer[] = [];
  /** The request body is complete. */
  complete: boolean;
  /** Why the requester has left. */
  left: ExchangeError | null = null;
  /** Called after each grant. */
  onCredit: () => void = () => {};
  /** Called when the request body is complete. */
  onComplete: () => void = () => {};
  #requestCredit = 0;
  #over = false;

  constructor(origin: Origin, head: RequestHead, requester: Requester) {
    this.origin = origin;
    this.head = head;
    this.requester = requester;
    this.credits = head.credits;
    this.complete = head.bodyLength === 0;
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  /** `METHOD scheme://authority/target` */
  get line(): string {
    const { method, scheme, authority, target } = this.head;
    return `${method} ${scheme}://${authority}${target}`;
  }

  /** All values of a field; `lower` is its lower-case name. */
  values(lower: string): string[] {
    const { headers } = this.head;
    return headers.filter((_, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === lower);
  }

  /** Lets more of the request body come. */
  grant(bytes: number): void {
    this.#requestCredit += bytes;
    this.requester.onRequestCredit(bytes);
  }

  /** Begins the response. */
  start(status: number, headers: HeaderList = [], bodyLength = UNKNOWN_LENGTH): void {
    this.requester.onResponse({ status, reason: '', headers, bodyLength });
  }

  /** Goes on with the response, or ends it. */
  data(chunk: string | Buffer, more: boolean): void {
    const bytes = Buffer.from(chunk as string, 'latin1');
    this.credits -= bytes.length;
    assert.ok(this.credits >= 0, 'the test sends more than was granted');
    if (!more) this.#over = true;
    this.requester.onResponseData(bytes, more);
  }

  /** The whole response. */
  respond(status: number, headers: HeaderList = [], body = ''): void {
    this.start(status, headers, body.length);
    if (!this.#over) this.data(body, false);
  }

  fail(error: ExchangeError): void {
    this.#over = true;
    this.requester.onResponseError(error);
  }

  onRequestData(chunk: Buffer, more: boolean): void {
    assert.ok(!this.#over, 'request body after the end of the exchange');
    assert.ok(!this.complete, 'request body after its end');
    this.#requestCredit -= chunk.length;
    assert.ok(this.#requestCredit >= 0, 'more request body than was granted');
    assert.ok(chunk.length > 0 || !more, 'an empty piece that ends nothing');
    this.chunks.push(chunk);
    if (more) return;
    this.complete = true;
    this.onComplete();
  }

  onRequestError(error: ExchangeError): void {
    assert.ok(!this.#over, 'left after the end of the exchange');
    this.#over = true;
    this.left = error;
  }

  onResponseCredit(bytes: number): void {
    assert.ok(!this.#over, 'credit after the end of the exchange');
    assert.ok(bytes > 0, 'an empty grant');
    this.credits += bytes;
    this.grants.push(bytes);
    this.onCredit();
  }
}
