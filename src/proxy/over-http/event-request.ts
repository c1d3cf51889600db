import { contentCodings, fieldValue } from '../../codec/fields/index.ts';
import { isEventsType } from '../../codec/grip/index.ts';
import {
  BodyCollector,
  CreditedRequest,
  ExchangeError,
  type Payload,
  type Requester,
  type RequestHead,
  type Responder,
  type ResponseHead,
  type Service,
} from '../../exchange/index.ts';

/**
 * Bytes of one response with events.
 * @bound websocket-events-response
 */
const MAX_RESPONSE = 1_000_000;

/** Whose request it is. */
export interface EventRequestOwner {
  /** A response with events has come whole. */
  onEvents(head: ResponseHead, body: Buffer): void;
  /** A response that is not events begins. Returns who takes it; null where nobody does, and the request is over. */
  onOtherResponse(head: ResponseHead): Requester | null;
  /** @param unsent whether the origin cannot have had the whole request */
  onRequestFailed(error: ExchangeError, unsent: boolean): void;
}

/** One request with events, and its response. */
export class EventRequest implements Requester {
  readonly #owner: EventRequestOwner;
  readonly #body: Buffer;
  #upload: CreditedRequest | null = null;
  #responder: Responder | null = null;
  #head: ResponseHead | null = null;
  #collected: BodyCollector | null = null;
  /** Takes a response that is not events. */
  #taker: Requester | null = null;
  #over = false;

  constructor(owner: EventRequestOwner, body: Buffer) {
    this.#owner = owner;
    this.#body = body;
  }

  start(service: Service, request: RequestHead): void {
    if (this.#body.length > 0) {
      this.#upload = new CreditedRequest();
      this.#upload.give(this.#body, true);
    }
    const responder = service(request, this);
    if (this.#over) return;
    this.#responder ??= responder;
    this.#upload?.attach(this.#responder);
  }

  /** The response is not wanted any more. */
  cancel(error: ExchangeError): void {
    if (this.#over) return;
    this.#over = true;
    this.#upload?.drop();
    this.#responder?.onRequestError(error);
  }

  /** Who takes the response accepts this many more bytes. */
  credit(bytes: number): void {
    if (this.#taker !== null && !this.#over) this.#responder?.onResponseCredit(bytes);
  }

  onResponse(head: ResponseHead): void {
    if (this.#over) return;
    this.#head = head;
    const { status, headers } = head;
    // What an origin responds with may be compressed only if it was asked for.
    if (status === 200 && isEventsType(fieldValue(headers, 'content-type')) && contentCodings(headers).length === 0) {
      this.#collected = new BodyCollector(MAX_RESPONSE);
      return;
    }
    this.#taker = this.#owner.onOtherResponse(head);
    if (this.#taker === null) this.cancel(new ExchangeError('HF_CLIENT_GONE', 'the response is not of use'));
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    if (this.#over) return;
    if (this.#taker !== null) {
      this.#over = !more;
      this.#taker.onResponseData(chunk, more);
      return;
    }
    const collected = this.#collected as BodyCollector;
    if (!collected.add(chunk)) {
      const error = new ExchangeError('HF_GRIP_TOO_LARGE', `a response with events is over ${MAX_RESPONSE} bytes`);
      this.cancel(error);
      this.#owner.onRequestFailed(error, false);
      return;
    }
    if (more) {
      this.#responder?.onResponseCredit(chunk.length);
      return;
    }
    this.#over = true;
    this.#owner.onEvents(this.#head as ResponseHead, collected.body);
  }

  onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  onResponseError(error: ExchangeError): void {
    if (this.#over) return;
    const unsent = this.#upload !== null && !this.#upload.done && this.#head === null;
    this.#over = true;
    this.#upload?.drop();
    if (this.#taker !== null) this.#taker.onResponseError(error);
    else this.#owner.onRequestFailed(error, unsent);
  }

  onRequestCredit(bytes: number): void {
    if (!this.#over) this.#upload?.credit(bytes);
  }

  pauseRequest(paused: boolean): void {
    if (paused) this.#upload?.hold();
    else this.#upload?.release();
  }

  handOver(responder: Responder): void {
    this.#responder = responder;
  }
}
