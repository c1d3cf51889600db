import {
  ExchangeError,
  NO_RESPONDER,
  type Requester,
  type Responder,
  type ResponseHead,
  WINDOW,
} from '../../exchange/index.ts';
import { publicUri } from '../link-route.ts';
import { type ProxiedRequest, requestFields } from '../proxied-request.ts';
import type { ProxyRoom } from '../proxy-room.ts';

/** Asks a URL, with the credentials of a client, whether the client may read a stream that another one has begun: 2xx says that it may. */
export class Reauthorization implements Requester {
  readonly #room: ProxyRoom;
  readonly #proxied: ProxiedRequest;
  readonly #credentials: readonly string[];
  readonly #onAnswer: (mayRead: boolean) => void;
  #responder: Responder = NO_RESPONDER;
  #over = false;

  /**
   * @param credentials fields of the client's request
   * @param onAnswer is called once, and throws nothing
   */
  constructor(
    room: ProxyRoom,
    proxied: ProxiedRequest,
    credentials: readonly string[],
    onAnswer: (mayRead: boolean) => void,
  ) {
    this.#room = room;
    this.#proxied = proxied;
    this.#credentials = credentials;
    this.#onAnswer = onAnswer;
  }

  /** Never to the routes, whatever Host the client sends: one of them might say yes to everything. */
  start(url: URL): void {
    const { request } = this.#proxied;
    const { external } = this.#room.settings.current;
    if (external === undefined) {
      this.#answer(false);
      return;
    }
    const own = ['Host', url.host, 'X-Original-Method', request.method, 'X-Original-URI', publicUri(request)];
    const responder = external(url, false)(
      {
        id: request.id,
        method: 'GET',
        target: url.pathname + url.search,
        scheme: url.protocol === 'https:' ? 'https' : 'http',
        authority: url.host,
        version: '1.1',
        headers: [...own, ...this.#credentials],
        bodyLength: 0,
        peer: request.peer,
        credits: WINDOW,
      },
      this,
    );
    this.#responder = responder;
    if (this.#over) responder.onRequestError(unwanted());
  }

  /** Nobody wants to know any more. */
  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#responder.onRequestError(unwanted());
  }

  onResponse({ status }: ResponseHead): void {
    if (this.#over) return;
    const responder = this.#responder;
    this.#answer(status >= 200 && status <= 299);
    // The body does not matter.
    responder.onRequestError(unwanted());
  }

  onResponseData(): void {}

  onResponsePayload(): void {}

  onResponseError({ code, detail }: ExchangeError): void {
    if (this.#over) return;
    this.#room.log.warn(
      { ...requestFields(this.#proxied, ''), code, detail },
      'nobody could be asked who may read a stream',
    );
    this.#answer(false);
  }

  onRequestCredit(): void {}

  pauseRequest(): void {}

  handOver(responder: Responder): void {
    this.#responder = responder;
  }

  #answer(mayRead: boolean): void {
    this.#over = true;
    this.#onAnswer(mayRead);
  }
}

function unwanted(): ExchangeError {
  return new ExchangeError('HF_CLIENT_GONE', 'the response is not needed');
}
