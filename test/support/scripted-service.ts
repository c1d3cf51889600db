import {
  ExchangeError,
  type Requester,
  type RequestHead,
  type Responder,
  type ResponseHead,
  UNKNOWN_LENGTH,
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
  #granted = 0;
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

  /** Code of the error that has ended the exchange; empty if there is none. */
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
    this.#granted += bytes;
    this.requester.onRequestCredit(bytes);
  }

  /** The whole answer at once. */
  answer(body: string | Buffer = '', head: Partial<ResponseHead> = {}): void {
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
    this.#granted -= chunk.length;
    if (this.#granted < 0) throw new Error('more of the body than was granted');
    if (this.bodyDone || this.error !== null) throw new Error('body behind its end');
    if (chunk.length === 0 && more) throw new Error('an empty piece that ends nothing');
    this.chunks.push(chunk);
    this.bodyDone = !more;
    this.#called();
  }

  onRequestError(error: ExchangeError): void {
    if (this.error !== null) throw new Error('a second end');
    this.error = error;
    this.#called();
  }

  onResponseCredit(bytes: number): void {
    if (bytes <= 0) throw new Error('an empty grant');
    this.credits += bytes;
    this.#called();
  }

  #called(): void {
    const waits = this.#waits;
    this.#waits = [];
    for (const wait of waits) {
      if (wait.test()) wait.resolve();
      else this.#waits.push(wait);
    }
  }
}

/** A service whose exchanges the test answers, each as it likes. */
export class ScriptedService {
  /** Every exchange so far. */
  readonly exchanges: ScriptedExchange[] = [];
  /** Called with each, before the service returns. */
  onExchange: (exchange: ScriptedExchange) => void = () => {};
  #taken = 0;
  #wait: (() => void) | null = null;

  readonly service = (request: RequestHead, requester: Requester): Responder => {
    const exchange = new ScriptedExchange(request, requester);
    this.exchanges.push(exchange);
    this.onExchange(exchange);
    this.#wait?.();
    return exchange;
  };

  /** The next exchange. */
  async next(): Promise<ScriptedExchange> {
    while (this.exchanges.length <= this.#taken) {
      await new Promise<void>((resolve) => {
        this.#wait = resolve;
      });
    }
    this.#wait = null;
    return this.exchanges[this.#taken++] as ScriptedExchange;
  }
}
