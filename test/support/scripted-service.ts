import {
  ExchangeError,
  type Requester,
  type RequestHead,
  type Responder,
  type ResponseHead,
  UNKNOWN_LENGTH,
  type WebSocketRequester,
  type WebSocketResponder,
} from '../../src/exchange/index.ts';

/** An exchange that the test answers itself. It keeps what it is told, and fails on any breach of the contract of `Responder`. */
export class ScriptedExchange implements Responder {
  readonly request: RequestHead;
  readonly requester: Requester;
  /** Body of the request so far. */
  readonly chunks: Buffer[] = [];
  bodyDone: boolean;
  /** Why the exchange is over, if not by the answer. */
  error: ExchangeError | null = null;
  /** Bytes of the answer that may be sent. */
  credits: number;
  protected granted = 0;
  #waits: { test: () => boolean; resolve: () => void }[] = [];

  constructor(request: RequestHead, requester: Requester) {
    this.request = request;
    this.requester = requester;
    this.credits = request.credits;
    this.bodyDone = request.bodyLength === 0;
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  /** Code of the error that ended the exchange; empty without one. */
  failure(): string {
    return this.error?.code ?? '';
  }

  /** Resolves when `test` holds, now or after one of the calls to come. */
  until(test: () => boolean): Promise<void> {
    if (test()) return Promise.resolve();
    return new Promise((resolve) => this.#waits.push({ test, resolve }));
  }

  /** Resolves with the error that ends the exchange. */
  async failed(): Promise<ExchangeError> {
    await this.until(() => this.error !== null);
    return this.error as ExchangeError;
  }

  /** Takes so many more bytes of the request's body. */
  grant(bytes: number): void {
    this.granted += bytes;
    this.requester.onRequestCredit(bytes);
  }

  /** The whole answer at once. */
  respond(body: string | Buffer = '', head: Partial<ResponseHead> = {}): void {
    const bytes = Buffer.from(body as string, 'latin1');
    this.head({ bodyLength: bytes.length, ...head });
    this.send(bytes, false);
  }

  head(head: Partial<ResponseHead> = {}): void {
    this.requester.onResponse({ status: 200, reason: '', headers: [], bodyLength: UNKNOWN_LENGTH, ...head });
  }

  send(data: string | Buffer, more = true): void {
    const bytes = Buffer.from(data as string, 'latin1');
    this.credits -= bytes.length;
    this.requester.onResponseData(bytes, more);
  }

  fail(...[code, detail]: ConstructorParameters<typeof ExchangeError>): void {
    this.requester.onResponseError(new ExchangeError(code, detail));
  }

  onRequestData(chunk: Buffer, more: boolean): void {
    this.granted -= chunk.length;
    if (this.granted < 0) throw new Error('more of the body than was granted');
    if (this.bodyDone || this.error !== null) throw new Error('body behind its end');
    if (chunk.length === 0 && more) throw new Error('an empty piece that ends nothing');
    this.chunks.push(chunk);
    this.bodyDone = !more;
    this.called();
  }

  onRequestError(error: ExchangeError): void {
    if (this.error !== null) throw new Error('a second end');
    this.error = error;
    this.called();
  }

  onResponseCredit(bytes: number): void {
    if (bytes <= 0) throw new Error('an empty grant');
    this.credits += bytes;
    this.called();
  }

  /** Something has come: looks at who waits for it. */
  protected called(): void {
    const waits = this.#waits;
    this.#waits = [];
    for (const wait of waits) {
      if (wait.test()) wait.resolve();
      else this.#waits.push(wait);
    }
  }
}

/** What of a client's WebSocket has come, in order. */
export type WebSocketEvent =
  | { readonly kind: 'text' | 'binary' | 'ping' | 'pong'; readonly data: string }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string };

/** A WebSocket that the test answers itself. It keeps what it is told, and fails on any breach of the contract of `WebSocketResponder`. */
export class ScriptedWebSocket extends ScriptedExchange implements WebSocketResponder {
  declare readonly requester: WebSocketRequester;
  /** Whole messages, pings, pongs and the close, payloads as latin1 text. */
  readonly events: WebSocketEvent[] = [];
  /** Sizes of the pieces in which messages came. */
  readonly pieces: number[] = [];
  /** Pieces of the message that is not complete yet. */
  readonly #message: Buffer[] = [];
  #text: boolean | null = null;
  closed = false;

  /** Opens it, and takes so many bytes. */
  accept(credits = 65_536, headers: readonly string[] = []): void {
    this.head({ status: 101, headers: [...headers], bodyLength: 0 });
    if (credits > 0) this.grant(credits);
  }

  /** Sends a piece of a message; text as UTF-8. */
  message(data: string | Buffer, more = false): void {
    const chunk = Buffer.from(data as string);
    this.credits -= chunk.length;
    this.requester.onResponseMessage(chunk, typeof data === 'string', more);
  }

  ping(data = ''): void {
    this.credits -= data.length;
    this.requester.onResponsePing(Buffer.from(data, 'latin1'));
  }

  pong(data = ''): void {
    this.credits -= data.length;
    this.requester.onResponsePong(Buffer.from(data, 'latin1'));
  }

  close(code = 1005, reason = ''): void {
    this.requester.onResponseClose(code, reason);
  }

  /** The events as lines, e.g. `text hello` and `close 1000 bye`; waits until there are `count`. */
  async lines(count: number): Promise<string[]> {
    await this.until(() => this.events.length >= count);
    return this.events.map((event) =>
      event.kind === 'close' ? `close ${event.code} ${event.reason}`.trim() : `${event.kind} ${event.data}`.trim(),
    );
  }

  onRequestMessage(chunk: Buffer, text: boolean, more: boolean): void {
    this.#spend(chunk);
    if (this.#text !== null && this.#text !== text) throw new Error('a message of two types');
    if (chunk.length === 0 && more) throw new Error('an empty piece that ends nothing');
    this.#text = more ? text : null;
    this.pieces.push(chunk.length);
    this.#message.push(chunk);
    if (!more) {
      const data = Buffer.concat(this.#message.splice(0)).toString('latin1');
      this.events.push({ kind: text ? 'text' : 'binary', data });
    }
    this.called();
  }

  onRequestPing(data: Buffer): void {
    this.#control('ping', data);
  }

  onRequestPong(data: Buffer): void {
    this.#control('pong', data);
  }

  onRequestClose(code: number, reason: string): void {
    this.#spend(Buffer.alloc(0));
    this.closed = true;
    this.events.push({ kind: 'close', code, reason });
    this.called();
  }

  #control(kind: 'ping' | 'pong', data: Buffer): void {
    this.#spend(data);
    this.events.push({ kind, data: data.toString('latin1') });
    this.called();
  }

  #spend(data: Buffer): void {
    this.granted -= data.length;
    if (this.granted < 0) throw new Error('more than was granted');
    if (this.closed || this.error !== null) throw new Error('something behind the end');
  }
}

/** Services whose exchanges the test answers, each as it likes. */
export class ScriptedService {
  /** Every request so far. */
  readonly exchanges: ScriptedExchange[] = [];
  /** Every WebSocket so far. */
  readonly webSockets: ScriptedWebSocket[] = [];
  /** Called with each, before the service returns. */
  onExchange: (exchange: ScriptedExchange) => void = () => {};
  onWebSocket: (webSocket: ScriptedWebSocket) => void = () => {};
  #takenExchanges = 0;
  #takenWebSockets = 0;
  #waits: (() => void)[] = [];

  readonly service = (request: RequestHead, requester: Requester): Responder => {
    const exchange = new ScriptedExchange(request, requester);
    this.exchanges.push(exchange);
    this.onExchange(exchange);
    this.#came();
    return exchange;
  };

  readonly webSocketService = (request: RequestHead, requester: WebSocketRequester): WebSocketResponder => {
    const webSocket = new ScriptedWebSocket(request, requester);
    this.webSockets.push(webSocket);
    this.onWebSocket(webSocket);
    this.#came();
    return webSocket;
  };

  /** The next request. */
  async next(): Promise<ScriptedExchange> {
    const index = this.#takenExchanges++;
    while (this.exchanges.length <= index) await this.#coming();
    return this.exchanges[index] as ScriptedExchange;
  }

  /** The next WebSocket. */
  async nextWebSocket(): Promise<ScriptedWebSocket> {
    const index = this.#takenWebSockets++;
    while (this.webSockets.length <= index) await this.#coming();
    return this.webSockets[index] as ScriptedWebSocket;
  }

  #came(): void {
    const waits = this.#waits;
    this.#waits = [];
    for (const resolve of waits) resolve();
  }

  #coming(): Promise<void> {
    return new Promise((resolve) => this.#waits.push(resolve));
  }
}
