import assert from 'node:assert/strict';
import {
  ExchangeError,
  type Payload,
  type Requester,
  type Responder,
  type ResponseHead,
  UNKNOWN_LENGTH,
} from '../../../src/exchange/index.ts';

/** A requester that records what it is told, and fails the test as soon as the contract of `Requester` is broken. */
export class FakeRequester implements Requester {
  responder: Responder | null = null;
  head: ResponseHead | null = null;
  /** The body, a piece for each call. */
  chunks: Buffer[] = [];
  /** How it ended. */
  end: 'complete' | ExchangeError | null = null;
  /** Whether it has left. */
  gone = false;
  /** Bytes of response body that may still come. */
  credits: number;
  /** Bytes of request body that may be sent and have not been. */
  requestCredit = 0;
  /** Whether nothing of the request may be sent for now. */
  paused = false;
  /** Called when a pause begins or ends. */
  onPause: (paused: boolean) => void = () => {};
  /** Every grant, in order. */
  readonly grants: number[] = [];
  /** Names of the calls, in order. */
  readonly calls: string[] = [];
  /** Called for every piece of body, before it is kept. */
  onBytes: (bytes: number) => void = () => {};
  /** Called after every call. */
  onCall: () => void = () => {};
  /** Whether bodies have to be as long as their heads say, and pieces of messages may not be empty. */
  protected strict = true;
  #left = 0;
  #waiters: { test: () => boolean; resolve: () => void }[] = [];

  constructor(credits: number) {
    this.credits = credits;
  }

  /** The body so far, as latin1. */
  get body(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  /** Whether all of the response has come. */
  get complete(): boolean {
    return this.end === 'complete';
  }

  /** The error that ended the exchange. */
  get error(): ExchangeError | null {
    return this.end === 'complete' ? null : this.end;
  }

  /** Bytes of request body that it has been granted in all. */
  get granted(): number {
    return this.grants.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Status and body of the complete response. */
  get response(): [number | undefined, string] {
    assert.ok(this.complete, 'the response is complete');
    return [this.head?.status, this.body];
  }

  /** Resolves when `test` holds, at once or after one of the calls to come. */
  until(test: () => boolean): Promise<void> {
    if (test()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ test, resolve }));
  }

  /** Resolves with how the exchange ended. */
  async ended(): Promise<'complete' | ExchangeError> {
    await this.until(() => this.end !== null);
    return this.end as 'complete' | ExchangeError;
  }

  /** Resolves when the response is complete. */
  async completed(): Promise<ResponseHead> {
    assert.equal(await this.ended(), 'complete');
    return this.head as ResponseHead;
  }

  /** Resolves with the error that ended the exchange. */
  async failed(): Promise<ExchangeError> {
    const end = await this.ended();
    assert.notEqual(end, 'complete');
    return end as ExchangeError;
  }

  /** Lets more of the response body come. */
  grant(bytes: number): void {
    this.credits += bytes;
    this.responder?.onResponseCredit(bytes);
  }

  /** Sends request body, within the credits. Text is latin1. */
  send(text: string | Buffer, more = false): void {
    const chunk = Buffer.from(text as string, 'latin1');
    assert.ok(chunk.length <= this.requestCredit, 'the test sends more than it was granted');
    this.requestCredit -= chunk.length;
    this.responder?.onRequestData(chunk, more);
  }

  /** Leaves. No call may come after it. */
  leave(error = new ExchangeError('HF_CLIENT_GONE')): void {
    this.gone = true;
    this.responder?.onRequestError(error);
  }

  onResponse(head: ResponseHead): void {
    this.check('onResponse');
    assert.equal(this.head, null, 'a second head');
    assert.ok(head.status >= 200 && head.status <= 999);
    this.head = head;
    this.#left = head.bodyLength;
    this.called();
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    this.check('onResponseData');
    assert.ok(chunk.length > 0 || !more, 'empty data that does not end the body');
    this.#count(chunk.length, more);
    if (!more) this.end = 'complete';
    this.keep(chunk);
    this.called();
  }

  onResponsePayload(_payload: Payload): void {
    assert.fail('no payload is expected');
  }

  onResponseError(error: ExchangeError): void {
    this.check('onResponseError');
    this.end = error;
    this.called();
  }

  onRequestCredit(bytes: number): void {
    this.check('onRequestCredit');
    assert.ok(bytes > 0, 'an empty grant');
    this.requestCredit += bytes;
    this.grants.push(bytes);
    this.called();
  }

  pauseRequest(paused: boolean): void {
    this.check('pauseRequest');
    assert.notEqual(this.paused, paused, 'a pause begins and ends');
    this.paused = paused;
    this.onPause(paused);
    this.called();
  }

  handOver(_responder: Responder): void {
    assert.fail('no hand-over is expected');
  }

  /** A call is allowed now. */
  protected check(call: string): void {
    assert.equal(this.end, null, `${call} after the end`);
    assert.equal(this.gone, false, `${call} after the requester had left`);
    this.calls.push(call);
  }

  /** Keeps a piece of body. What the test does from within may not bring a later piece before it. */
  protected keep(chunk: Buffer): void {
    this.spend(chunk.length);
    if (chunk.length === 0) return;
    this.onBytes(chunk.length);
    this.chunks.push(chunk);
  }

  /** Takes bytes off the credits. */
  protected spend(bytes: number): void {
    assert.ok(bytes <= this.credits, `${bytes} bytes for ${this.credits} credits`);
    this.credits -= bytes;
  }

  /** A call has been dealt with. */
  protected called(): void {
    this.onCall();
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (waiter.test()) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }

  #count(bytes: number, more: boolean): void {
    assert.ok(this.head !== null, 'data before the head');
    assert.notEqual(this.head.status, 101, 'a WebSocket has no body');
    if (!this.strict || this.head.bodyLength === UNKNOWN_LENGTH) return;
    this.#left -= bytes;
    assert.ok(more ? this.#left >= 0 : this.#left === 0, 'the body is not as long as its head said');
  }
}
