import assert from 'node:assert/strict';
import {
  type ExchangeError,
  type ResponseHead,
  UNKNOWN_LENGTH,
  type WebSocketRequester,
  type WebSocketResponder,
} from '../../../src/exchange/index.ts';

/** A requester that records what it is told, and fails the test as soon as the contract of `WebSocketRequester` is broken. */
export class FakeWebSocketRequester implements WebSocketRequester {
  responder: WebSocketResponder | null = null;
  head: ResponseHead | null = null;
  /** Messages, pings, pongs and the close, as lines: `text hello`, `close 1000 bye`; payloads in latin1. */
  readonly events: string[] = [];
  /** Sizes of the pieces in which messages came. */
  readonly pieces: number[] = [];
  /** The body of an answer that refuses. */
  readonly chunks: Buffer[] = [];
  /** Whether that is complete. */
  refused = false;
  error: ExchangeError | null = null;
  /** Bytes that may be sent and have not been. */
  requestCredit = 0;
  readonly grants: number[] = [];
  /** Bytes that may still come. */
  credits: number;
  /** Called after every call. */
  onCall: () => void = () => {};
  readonly #message: Buffer[] = [];
  #text: boolean | null = null;
  #left = 0;
  #closeReceived = false;
  #closeSent = false;
  #gone = false;
  #waits: { test: () => boolean; resolve: () => void }[] = [];

  constructor(credits: number) {
    this.credits = credits;
  }

  get open(): boolean {
    return this.head?.status === 101;
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  /** Resolves when `test` holds, now or after one of the calls to come. */
  until(test: () => boolean): Promise<void> {
    if (test()) return Promise.resolve();
    return new Promise((resolve) => this.#waits.push({ test, resolve }));
  }

  /** The events; waits until there are `count`. */
  async lines(count: number): Promise<string[]> {
    await this.until(() => this.events.length >= count || this.error !== null);
    return this.events;
  }

  /** Resolves with the error that ends the exchange. */
  async failed(): Promise<ExchangeError> {
    await this.until(() => this.error !== null);
    return this.error as ExchangeError;
  }

  /** Code of the error that has ended the exchange; empty if there is none. */
  failure(): string {
    return this.error?.code ?? '';
  }

  // ---- what it does

  grant(bytes: number): void {
    this.credits += bytes;
    this.responder?.onResponseCredit(bytes);
  }

  /** Sends a piece of a message, within the credits; text as UTF-8. */
  message(data: string | Buffer, more = false): void {
    const chunk = Buffer.from(data as string);
    this.#spend(chunk.length);
    this.responder?.onRequestMessage(chunk, typeof data === 'string', more);
  }

  ping(data = ''): void {
    this.#spend(data.length);
    this.responder?.onRequestPing(Buffer.from(data, 'latin1'));
  }

  pong(data = ''): void {
    this.#spend(data.length);
    this.responder?.onRequestPong(Buffer.from(data, 'latin1'));
  }

  close(code = 1005, reason = ''): void {
    this.#closeSent = true;
    this.responder?.onRequestClose(code, reason);
  }

  /** Goes away; nothing may be heard after it. */
  leave(error: ExchangeError): void {
    this.#gone = true;
    this.responder?.onRequestError(error);
  }

  #spend(bytes: number): void {
    this.requestCredit -= bytes;
    assert.ok(this.requestCredit >= 0, 'the test sends more than it was granted');
  }

  // ---- what it is told

  onResponse(head: ResponseHead): void {
    this.#check();
    assert.equal(this.head, null, 'a second head');
    assert.ok(head.status === 101 || (head.status >= 200 && head.status <= 999));
    if (head.status === 101) assert.equal(head.bodyLength, 0);
    this.head = head;
    this.#left = head.bodyLength;
    this.#called();
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    this.#check();
    assert.ok(this.head !== null && !this.open, 'data of no response');
    assert.ok(chunk.length > 0 || !more, 'empty data that does not end the body');
    this.#take(chunk);
    if (this.head.bodyLength !== UNKNOWN_LENGTH) {
      this.#left -= chunk.length;
      assert.ok(more ? this.#left > 0 : this.#left === 0, 'the body is not as long as its head said');
    }
    this.chunks.push(chunk);
    this.refused = !more;
    this.#called();
  }

  onResponsePayload(): void {
    assert.fail('a client has no payloads');
  }

  onResponseMessage(chunk: Buffer, text: boolean, more: boolean): void {
    this.#checkOpen();
    this.#take(chunk);
    assert.ok(chunk.length > 0 || !more, 'an empty piece that ends nothing');
    assert.ok(this.#text === null || this.#text === text, 'a message of two types');
    this.#text = more ? text : null;
    this.pieces.push(chunk.length);
    this.#message.push(chunk);
    if (!more) {
      const data = Buffer.concat(this.#message.splice(0)).toString('latin1');
      this.events.push(`${text ? 'text' : 'binary'} ${data}`.trimEnd());
    }
    this.#called();
  }

  onResponsePing(data: Buffer): void {
    this.#control('ping', data);
  }

  onResponsePong(data: Buffer): void {
    this.#control('pong', data);
  }

  #control(kind: string, data: Buffer): void {
    this.#checkOpen();
    this.#take(data);
    assert.ok(data.length <= 125);
    this.events.push(`${kind} ${data.toString('latin1')}`.trimEnd());
    this.#called();
  }

  onResponseClose(code: number, reason: string): void {
    this.#checkOpen();
    this.#closeReceived = true;
    this.events.push(`close ${code} ${reason}`.trimEnd());
    this.#called();
  }

  onResponseError(error: ExchangeError): void {
    this.#check();
    this.error = error;
    this.#called();
  }

  onRequestCredit(bytes: number): void {
    this.#check();
    assert.ok(this.open, 'credit before it is open');
    assert.ok(bytes > 0, 'an empty grant');
    this.requestCredit += bytes;
    this.grants.push(bytes);
    this.#called();
  }

  handOver(): void {
    assert.fail('a client hands nothing over');
  }

  #take(data: Buffer): void {
    this.credits -= data.length;
    assert.ok(this.credits >= 0, 'more than was granted');
  }

  #checkOpen(): void {
    this.#check();
    assert.ok(this.open, 'a frame before it is open');
    assert.ok(!this.#closeReceived, 'something behind the close');
  }

  #check(): void {
    assert.equal(this.error, null, 'a call after the error');
    assert.ok(!this.refused, 'a call after the end');
    assert.ok(!this.#gone, 'a call after the requester had left');
    assert.ok(!this.#closeReceived || !this.#closeSent, 'a call after both closes');
  }

  #called(): void {
    this.onCall();
    const waits = this.#waits;
    this.#waits = [];
    for (const wait of waits) {
      if (wait.test()) wait.resolve();
      else this.#waits.push(wait);
    }
  }
}
