import assert from 'node:assert/strict';
import {
  type ExchangeError,
  type Requester,
  type RequestHead,
  type Responder,
  type ResponseHead,
  UNKNOWN_LENGTH,
} from '../../../src/exchange/index.ts';

/** A requester that records what it is told, and fails the test as soon as the contract of `Requester` is broken. */
export class FakeRequester implements Requester {
  responder: Responder | null = null;
  head: ResponseHead | null = null;
  chunks: Buffer[] = [];
  /** How it ended. */
  end: 'complete' | ExchangeError | null = null;
  /** Bytes of request body that may be sent and have not been. */
  requestCredit = 0;
  /** Every grant, in order. */
  grants: number[] = [];
  /** Names of the calls, in order. */
  calls: string[] = [];
  /** Called after every call. */
  onCall: () => void = () => {};
  #credits: number;
  #left = 0;
  #gone = false;
  #waiters: { test: () => boolean; resolve: () => void }[] = [];

  constructor(credits: number) {
    this.#credits = credits;
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString('latin1');
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
    const end = await this.ended();
    assert.equal(end, 'complete');
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
    this.#credits += bytes;
    this.responder?.onResponseCredit(bytes);
  }

  /** Sends request body, within the credits. */
  send(text: string | Buffer, more: boolean): void {
    const chunk = Buffer.from(text as string, 'latin1');
    assert.ok(chunk.length <= this.requestCredit, 'the test sends more than it was granted');
    this.requestCredit -= chunk.length;
    this.responder?.onRequestData(chunk, more);
  }

  /** Goes away; nothing may be heard after it. */
  leave(error: ExchangeError): void {
    this.#gone = true;
    this.responder?.onRequestError(error);
  }

  onResponse(head: ResponseHead): void {
    this.#check('onResponse');
    assert.equal(this.head, null, 'a second head');
    assert.ok(head.status >= 200 && head.status <= 999);
    this.head = head;
    this.#left = head.bodyLength;
    this.#called();
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    this.#check('onResponseData');
    assert.ok(this.head !== null, 'data before the head');
    assert.ok(chunk.length > 0 || !more, 'empty data that does not end the body');
    this.#credits -= chunk.length;
    assert.ok(this.#credits >= 0, 'more data than was granted');
    if (this.head.bodyLength !== UNKNOWN_LENGTH) {
      this.#left -= chunk.length;
      assert.ok(more ? this.#left > 0 : this.#left === 0, 'the body is not as long as its head said');
    }
    this.chunks.push(chunk);
    if (!more) this.end = 'complete';
    this.#called();
  }

  onResponsePayload(): void {
    assert.fail('a client has no payloads');
  }

  onResponseError(error: ExchangeError): void {
    this.#check('onResponseError');
    this.end = error;
    this.#called();
  }

  onRequestCredit(bytes: number): void {
    this.#check('onRequestCredit');
    assert.ok(bytes > 0, 'an empty grant');
    this.requestCredit += bytes;
    this.grants.push(bytes);
    this.#called();
  }

  handOver(): void {
    assert.fail('a client hands nothing over');
  }

  #check(call: string): void {
    assert.equal(this.end, null, `${call} after the end`);
    assert.equal(this.#gone, false, `${call} after the requester had left`);
    this.calls.push(call);
  }

  #called(): void {
    this.onCall();
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (waiter.test()) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }
}

/** The head of a request, a GET without a body unless `fields` says otherwise. */
export function requestHead(fields: Partial<RequestHead> = {}): RequestHead {
  return {
    id: '1-1',
    method: 'GET',
    target: '/',
    scheme: 'http',
    authority: 'example.com',
    minorVersion: 1,
    headers: ['Host', 'example.com'],
    bodyLength: 0,
    peer: { address: '127.0.0.1', port: 1 },
    credits: 65_536,
    ...fields,
  };
}
