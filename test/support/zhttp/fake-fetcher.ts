import assert from 'node:assert/strict';
import type { Fetcher, FetchRequest } from '../../../src/client/index.ts';
import {
  type ErrorCode,
  ExchangeError,
  Payload,
  type Requester,
  type ResponseHead,
  UNKNOWN_LENGTH,
  type WebSocketRequester,
  type WebSocketResponder,
} from '../../../src/exchange/index.ts';

/** One outbound request: keeps what it is told, fails the test on any breach of the contract, and does what the test says. */
export class FakeFetch implements WebSocketResponder {
  readonly request: FetchRequest;
  readonly webSocket: boolean;
  /** One line a call; bodies and messages as latin1. */
  readonly events: string[] = [];
  /** Bytes that the asking side takes. */
  window: number;
  /** Bytes of the request body, or of messages, that it was granted and has not sent. */
  granted = 0;
  error: ExchangeError | null = null;
  status = 0;
  /** How often it has ended. */
  ends = 0;
  /** Bytes of the request's body or of messages that have come. */
  received = 0;
  readonly #requester: Requester;
  #bodyComplete: boolean;
  /** Which sides of an open WebSocket have closed. */
  #closed = false;
  #requesterClosed = false;

  constructor(request: FetchRequest, requester: Requester, webSocket: boolean) {
    this.request = request;
    this.webSocket = webSocket;
    this.window = request.credits;
    this.#requester = requester;
    this.#bodyComplete = request.bodyLength === 0;
  }

  get ended(): boolean {
    return this.ends > 0;
  }

  /** Whether it is an open WebSocket that may still say something. */
  get open(): boolean {
    return this.status === 101 && !this.ended && !this.#closed;
  }

  /** Takes the events that have come since the last time. */
  take(): string[] {
    return this.events.splice(0);
  }

  // ---- what the origin does

  respond(fields: Partial<ResponseHead> = {}): this {
    const head = { status: 200, reason: 'OK', headers: [], bodyLength: UNKNOWN_LENGTH, ...fields };
    this.status = head.status;
    this.#requester.onResponse(head);
    return this;
  }

  data(body: string | Buffer, more = false): this {
    const chunk = Buffer.from(body as string, 'latin1');
    this.#spend(chunk.length);
    if (!more) this.ends++;
    this.#requester.onResponseData(chunk, more);
    return this;
  }

  payload(body: string): void {
    this.#spend(body.length);
    this.#requester.onResponsePayload(new Payload(Buffer.from(body)));
  }

  /** Lets another one go on in its place. */
  handOver(): FakeFetch {
    const heir = new FakeFetch(this.request, this.#requester, this.webSocket);
    this.#requester.handOver(heir);
    return heir;
  }

  fail(code: ErrorCode, detail = 'a reason'): void {
    this.ends++;
    this.#requester.onResponseError(new ExchangeError(code, detail));
  }

  /** Takes so many more bytes of the request body, or of messages. */
  grant(bytes: number): this {
    this.granted += bytes;
    this.#requester.onRequestCredit(bytes);
    return this;
  }

  accept(headers: string[] = []): this {
    return this.respond({ status: 101, reason: 'Switching Protocols', headers, bodyLength: 0 });
  }

  message(text: string, kind: 'text' | 'binary' = 'text', more = false): void {
    this.#spend(text.length);
    this.#webSocketRequester.onResponseMessage(Buffer.from(text, 'latin1'), kind === 'text', more);
  }

  ping(data = ''): void {
    this.#spend(data.length);
    this.#webSocketRequester.onResponsePing(Buffer.from(data));
  }

  pong(data = ''): void {
    this.#spend(data.length);
    this.#webSocketRequester.onResponsePong(Buffer.from(data));
  }

  close(code = 1005, reason = ''): void {
    this.#closed = true;
    if (this.#requesterClosed) this.ends++;
    this.#webSocketRequester.onResponseClose(code, reason);
  }

  get #webSocketRequester(): WebSocketRequester {
    return this.#requester as WebSocketRequester;
  }

  #spend(bytes: number): void {
    assert.ok(bytes <= this.window, `the fake origin has ${this.window} credits, not ${bytes}`);
    this.window -= bytes;
  }

  // ---- Responder

  onRequestData(chunk: Buffer, more: boolean): void {
    this.#record(`data ${JSON.stringify(chunk.toString('latin1'))}${more ? ' more' : ''}`);
    assert.equal(this.webSocket, false);
    assert.equal(this.#bodyComplete, false, 'nothing after the end of the body');
    assert.ok(chunk.length > 0 || !more, 'only the end of a body may be empty');
    this.#bodyComplete = !more;
    this.#take(chunk.length);
  }

  onRequestError(error: ExchangeError): void {
    this.#record(`error ${error.code}`);
    this.error = error;
    this.ends++;
  }

  onResponseCredit(bytes: number): void {
    this.#record(`credit ${bytes}`);
    assert.ok(bytes > 0);
    this.window += bytes;
  }

  // ---- WebSocketResponder

  onRequestMessage(chunk: Buffer, text: boolean, more: boolean): void {
    this.#frame(`${text ? 'text' : 'binary'} ${JSON.stringify(chunk.toString('latin1'))}${more ? ' more' : ''}`);
    this.#take(chunk.length);
  }

  onRequestPing(data: Buffer): void {
    this.#control('ping', data);
  }

  onRequestPong(data: Buffer): void {
    this.#control('pong', data);
  }

  onRequestClose(code: number, reason: string): void {
    this.#frame(`close ${code}${reason && ` ${reason}`}`);
    this.#requesterClosed = true;
    if (this.#closed) this.ends++;
  }

  #control(kind: string, data: Buffer): void {
    this.#frame(`${kind} ${JSON.stringify(data.toString())}`);
    assert.ok(data.length <= 125);
    this.#take(data.length);
  }

  #frame(event: string): void {
    this.#record(event);
    assert.equal(this.status, 101, 'the WebSocket is open');
    assert.equal(this.#requesterClosed, false, 'nothing after a close');
  }

  #take(bytes: number): void {
    assert.ok(bytes <= this.granted, `${bytes} bytes for ${this.granted} credits`);
    this.granted -= bytes;
    this.received += bytes;
  }

  #record(event: string): void {
    assert.equal(this.ends, 0, `${event} after the end`);
    this.events.push(event);
  }
}

/** A fetcher that makes no requests: the test says what comes of each. */
export class FakeFetcher implements Fetcher {
  readonly fetches: FakeFetch[] = [];
  /** Called before `fetch` or `openWebSocket` returns. */
  onFetch: (fetch: FakeFetch) => void = () => {};

  fetch(request: FetchRequest, requester: Requester): FakeFetch {
    return this.#add(new FakeFetch(request, requester, false));
  }

  openWebSocket(request: FetchRequest, requester: WebSocketRequester): FakeFetch {
    return this.#add(new FakeFetch(request, requester, true));
  }

  /** The request that came last. */
  get last(): FakeFetch {
    const last = this.fetches.at(-1);
    assert.ok(last, 'something was asked for');
    return last;
  }

  #add(fetch: FakeFetch): FakeFetch {
    this.fetches.push(fetch);
    this.onFetch(fetch);
    return fetch;
  }
}
