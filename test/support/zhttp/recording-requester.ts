import assert from 'node:assert/strict';
import {
  ExchangeError,
  type Payload,
  type RequestHead,
  type Responder,
  type ResponseHead,
  type WebSocketRequester,
  type WebSocketResponder,
} from '../../../src/exchange/index.ts';

/** What a test may say of a request. */
export type RequestFields = Partial<RequestHead>;

/** A request as a client of the loopback address makes it. */
export function requestHead(fields: RequestFields = {}): RequestHead {
  return {
    id: '1-1',
    method: 'GET',
    target: '/',
    scheme: 'http',
    authority: 'example.com',
    minorVersion: 1,
    headers: ['Host', 'example.com'],
    bodyLength: 0,
    peer: { address: '127.0.0.1', port: 57_416 },
    credits: 65_536,
    ...fields,
  };
}

/** The asking side of an exchange or a WebSocket: keeps what it is told, and fails the test on any breach of the contract. */
export class RecordingRequester implements WebSocketRequester {
  /** One line a call; bodies and messages as latin1. */
  readonly events: string[] = [];
  readonly request: RequestHead;
  head: ResponseHead | null = null;
  error: ExchangeError | null = null;
  /** Whether each piece of body is taken at once, and so its bytes granted again. */
  greedy = true;
  /** Bytes that it has let the answering side send, and that have not come. */
  window: number;
  /** Bytes of the request body that are wanted. */
  requestCredit = 0;
  /** How often it was told of an end. */
  ends = 0;
  /** Bytes of body and messages that have come. */
  received = 0;
  /** Whether it has left. */
  gone = false;
  responder: Responder | null = null;
  /** Called before each call is recorded. */
  onEvent: (event: string) => void = () => {};
  /** Which sides of an open WebSocket have closed. */
  #answerClosed = false;
  #closed = false;

  constructor(request: RequestHead) {
    this.request = request;
    this.window = request.credits;
  }

  get ended(): boolean {
    return this.ends > 0 || this.gone;
  }

  /** Whether it is an open WebSocket. */
  get open(): boolean {
    return this.head?.status === 101 && !this.ended;
  }

  /** Takes the events that have come since the last time. */
  take(): string[] {
    return this.events.splice(0);
  }

  // ---- what a client does

  grant(bytes: number): void {
    this.window += bytes;
    this.responder?.onResponseCredit(bytes);
  }

  /** Sends a piece of the request body, which has to be granted. */
  send(body: string, more = false): void {
    assert.ok(body.length <= this.requestCredit, 'a client sends only what is granted');
    this.requestCredit -= body.length;
    this.responder?.onRequestData(Buffer.from(body, 'latin1'), more);
  }

  message(text: string, kind: 'text' | 'binary' = 'text', more = false): void {
    this.requestCredit -= text.length;
    (this.responder as WebSocketResponder).onRequestMessage(Buffer.from(text, 'latin1'), kind === 'text', more);
  }

  ping(data = ''): void {
    (this.responder as WebSocketResponder).onRequestPing(Buffer.from(data));
  }

  pong(data = ''): void {
    (this.responder as WebSocketResponder).onRequestPong(Buffer.from(data));
  }

  close(code = 1005, reason = ''): void {
    this.#closed = true;
    if (this.#answerClosed) this.ends++;
    (this.responder as WebSocketResponder).onRequestClose(code, reason);
  }

  leave(error = new ExchangeError('HF_CLIENT_GONE')): void {
    this.gone = true;
    this.responder?.onRequestError(error);
  }

  // ---- Requester

  onResponse(head: ResponseHead): void {
    this.#record(`head ${head.status}${head.reason && ` ${head.reason}`}`);
    assert.equal(this.head, null, 'one head');
    this.head = head;
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    this.#record(`data ${JSON.stringify(chunk.toString('latin1'))}${more ? ' more' : ''}`);
    assert.notEqual(this.head, null, 'the head comes first');
    assert.notEqual(this.head?.status, 101, 'a WebSocket has no body');
    if (!more) this.ends++;
    this.#spend(chunk.length);
  }

  onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  onResponseError(error: ExchangeError): void {
    this.#record(`error ${error.code}`);
    this.error = error;
    this.ends++;
  }

  onRequestCredit(bytes: number): void {
    this.#record(`credit ${bytes}`);
    assert.ok(bytes > 0);
    this.requestCredit += bytes;
  }

  handOver(): void {
    assert.fail('sessions are not handed over');
  }

  // ---- WebSocketRequester

  onResponseMessage(chunk: Buffer, text: boolean, more: boolean): void {
    this.#frame(`${text ? 'text' : 'binary'} ${JSON.stringify(chunk.toString('latin1'))}${more ? ' more' : ''}`);
    this.#spend(chunk.length);
  }

  onResponsePing(data: Buffer): void {
    this.#frame(`ping ${JSON.stringify(data.toString())}`);
    assert.ok(data.length <= 125);
    this.#spend(data.length);
  }

  onResponsePong(data: Buffer): void {
    this.#frame(`pong ${JSON.stringify(data.toString())}`);
    assert.ok(data.length <= 125);
    this.#spend(data.length);
  }

  onResponseClose(code: number, reason: string): void {
    this.#frame(`close ${code}${reason && ` ${reason}`}`);
    this.#answerClosed = true;
    if (this.#closed) this.ends++;
  }

  #frame(event: string): void {
    this.#record(event);
    assert.equal(this.head?.status, 101, 'the WebSocket is open');
    assert.equal(this.#answerClosed, false, 'nothing after a close');
  }

  #spend(bytes: number): void {
    assert.ok(bytes <= this.window, `${bytes} bytes for ${this.window} credits`);
    this.window -= bytes;
    this.received += bytes;
    if (this.greedy && !this.ended && bytes > 0) this.grant(bytes);
  }

  #record(event: string): void {
    this.onEvent(event);
    assert.equal(this.gone, false, `${event} for a client that has left`);
    assert.equal(this.ends, 0, `${event} after the end`);
    this.events.push(event);
  }
}
