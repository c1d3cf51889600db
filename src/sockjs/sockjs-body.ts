import {
  BodyCollector,
  type ExchangeError,
  NO_RESPONDER,
  type Requester,
  type RequestHead,
  type Responder,
  respond,
  WINDOW,
} from '../exchange/index.ts';
import { sockJsError } from './sockjs-responses.ts';

/**
 * Bytes of the body of one request to SockJS (Pushpin).
 * @bound sockjs-request-body
 */
const MAX_BODY = 100_000;

/** Collects the body of a request, and lets another responder take the request over then. */
export class SockJsBody implements Responder {
  readonly #request: RequestHead;
  readonly #requester: Requester;
  readonly #then: (body: Buffer) => Responder;
  #body: BodyCollector | null = new BodyCollector(MAX_BODY);

  constructor(request: RequestHead, requester: Requester, then: (body: Buffer) => Responder) {
    this.#request = request;
    this.#requester = requester;
    this.#then = then;
  }

  /** Asks for the body. Returns what responds to the request. */
  start(): Responder {
    if (this.#request.bodyLength > MAX_BODY) {
      this.#refuse();
      return NO_RESPONDER;
    }
    this.#requester.onRequestCredit(WINDOW);
    return this;
  }

  onRequestData(chunk: Buffer, more: boolean): void {
    const body = this.#body;
    if (body === null) return;
    if (!body.add(chunk)) {
      this.#refuse();
    } else if (more) {
      this.#requester.onRequestCredit(chunk.length);
    } else {
      this.#body = null;
      const responder = this.#then(body.body);
      if (responder !== NO_RESPONDER) this.#requester.handOver(responder);
    }
  }

  onRequestError(_error: ExchangeError): void {
    this.#body = null;
  }

  onResponseCredit(): void {}

  #refuse(): void {
    this.#body = null;
    respond(this.#requester, sockJsError(this.#request, 400, 'Request too large.'));
  }
}
