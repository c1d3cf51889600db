import assert from 'node:assert/strict';
import type { PublishItem } from '../../../src/codec/grip/index.ts';
import { type Publisher, publishService } from '../../../src/control/index.ts';
import {
  Counters,
  type Log,
  type Requester,
  type RequestHead,
  type Responder,
  type ResponseHead,
  silentLog,
  UNKNOWN_LENGTH,
  WINDOW,
} from '../../../src/exchange/index.ts';

/** What was asked of the publisher, in order. */
export class FakePublisher implements Publisher {
  readonly calls: (readonly PublishItem[] | 'recover')[] = [];

  publish(items: readonly PublishItem[]): void {
    this.calls.push(items);
  }

  recover(): void {
    this.calls.push('recover');
  }
}

/** Takes the answer and holds the service to the contract of an exchange. */
export class FakeRequester implements Requester {
  head: ResponseHead | null = null;
  text = '';
  /** Bytes of request body that the service has asked for and not got yet. */
  credit = 0;
  granted = 0;
  done = false;

  onResponse(head: ResponseHead): void {
    assert.equal(this.head, null, 'one head');
    this.head = head;
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    assert.ok(this.head !== null && !this.done, 'data between head and end');
    this.text += chunk.toString();
    this.done = !more;
    if (this.done) assert.equal(Buffer.byteLength(this.text), this.head.bodyLength, 'as long as declared');
    assert.ok(this.text.length <= WINDOW, 'within the credits');
  }

  onResponsePayload(): void {
    assert.fail('no payloads');
  }

  onResponseError(error: Error): void {
    assert.fail(error);
  }

  onRequestCredit(bytes: number): void {
    assert.ok(bytes > 0 && !this.done, 'a grant of bytes that are wanted');
    this.credit += bytes;
    this.granted += bytes;
  }

  handOver(): void {
    assert.fail('nobody to hand over to');
  }

  /** Status and text of the complete answer. */
  get answer(): [number | undefined, string] {
    assert.ok(this.done, 'answered');
    return [this.head?.status, this.text];
  }
}

/** One log record. */
export interface LogRecord {
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

/** A publish endpoint with all that it reaches. */
export class Endpoint {
  readonly publisher = new FakePublisher();
  readonly counters = new Counters();
  readonly infos: LogRecord[] = [];
  readonly #service;

  constructor(maxBodyBytes?: number) {
    const log: Log = { ...silentLog, info: (fields, message) => this.infos.push({ fields, message }) };
    this.#service = publishService(this.publisher, { counters: this.counters, log, maxBodyBytes });
  }

  /** Begins a request; its head is that of a plain GET unless `head` says otherwise. */
  begin(head: Partial<RequestHead>): { requester: FakeRequester; responder: Responder } {
    const requester = new FakeRequester();
    const request: RequestHead = {
      id: '1-1',
      method: 'GET',
      target: '/',
      scheme: 'http',
      authority: 'localhost:5561',
      minorVersion: 1,
      headers: [],
      bodyLength: 0,
      peer: { address: '127.0.0.1', port: 1 },
      credits: WINDOW,
      ...head,
    };
    return { requester, responder: this.#service(request, requester) };
  }

  /** A request without a body. */
  request(method: string, target: string, headers: string[] = []): FakeRequester {
    return this.begin({ method, target, headers }).requester;
  }

  /** A POST with a body of declared length, sent as the credits allow. */
  post(target: string, body: string | Buffer, headers: string[] = []): FakeRequester {
    const bytes = Buffer.from(body);
    const { requester, responder } = this.begin({
      method: 'POST',
      target,
      headers: ['Content-Length', String(bytes.length), ...headers],
      bodyLength: bytes.length,
    });
    if (bytes.length > 0) send(requester, responder, bytes, bytes.length);
    return requester;
  }

  /** A POST with a chunked body. */
  postChunked(target: string, body: string | Buffer, chunkBytes: number): FakeRequester {
    const { requester, responder } = this.begin({
      method: 'POST',
      target,
      headers: ['Transfer-Encoding', 'chunked'],
      bodyLength: UNKNOWN_LENGTH,
    });
    send(requester, responder, Buffer.from(body), chunkBytes);
    return requester;
  }
}

/** Sends `body` in chunks of at most `chunkBytes`, never more than is granted, until it is through or answered. */
function send(requester: FakeRequester, responder: Responder, body: Buffer, chunkBytes: number): void {
  let offset = 0;
  while (!requester.done) {
    const length = Math.min(chunkBytes, requester.credit, body.length - offset);
    assert.ok(length > 0 || offset === body.length, 'the body does not stall for want of credits');
    requester.credit -= length;
    const chunk = body.subarray(offset, offset + length);
    offset += length;
    responder.onRequestData(chunk, offset < body.length);
  }
}
