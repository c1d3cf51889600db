import type { HttpClient } from '../client/index.ts';
import { fieldValues } from '../codec/fields/index.ts';
import {
  ExchangeError,
  ExchangeRelay,
  type Log,
  type OriginCounters,
  type Requester,
  type Responder,
  type ResponseHead,
} from '../exchange/index.ts';
import type { FetchHop } from './fetch-hop.ts';
import { type ReplayBudget, ReplayedBody } from './replayed-body.ts';

/**
 * Bytes of the body of a redirect that are read and discarded, so that its connection can be reused.
 * @bound redirect-response-body
 */
export const MAX_DISCARDED = 65_536;

/** State of the current hop. */
type HopState =
  /** It has not responded. */
  | 'waiting'
  /** Its response is passed to the requester. */
  | 'responding'
  /** It redirects, and its response body is being read. */
  | 'discarding'
  /** It redirects, and is given up as soon as its responder is known. */
  | 'unwanted'
  /** It redirects, and is over. */
  | 'redirected';

/**
 * Sends a request, and sends it again wherever a response redirects to. Only the final response reaches the requester. The request body is kept
 * for further hops if it is small enough.
 */
export class RedirectFollower extends ExchangeRelay {
  readonly #client: Pick<HttpClient, 'send'>;
  readonly #log: Log;
  #hop: FetchHop;
  /** Where the current hop redirects to. */
  #next: FetchHop | null = null;
  #state: HopState = 'waiting';
  /** Whether `#sendHop` is running: it checks the state of the hop itself. */
  #sending = false;
  /** Null without a body, or once it is no longer sent. */
  #body: ReplayedBody | null;
  /** Bytes of the final response that the requester has granted in all. */
  #credits: number;
  /** Bytes of the current hop's response that were discarded. */
  #discarded = 0;

  constructor(
    requester: Requester,
    counters: OriginCounters,
    log: Log,
    client: Pick<HttpClient, 'send'>,
    hop: FetchHop,
    budget: ReplayBudget,
  ) {
    super(requester, counters);
    this.#client = client;
    this.#log = log;
    this.#hop = hop;
    this.#credits = hop.credits;
    this.#body = hop.bodyLength === 0 ? null : new ReplayedBody(requester, budget);
  }

  /** Sends the request. */
  start(): void {
    do {
      this.#sendHop();
    } while (this.#goesOn());
  }

  override onResponse(head: ResponseHead): void {
    if (this.over) return;
    const next = this.#whereTo(head);
    if (this.over) return;
    if (next === null) {
      this.#state = 'responding';
      this.#body?.release();
      super.onResponse(head);
    } else {
      this.#next = next;
      this.#discard(head.bodyLength);
    }
  }

  override onResponseData(chunk: Buffer, more: boolean): void {
    if (this.#state === 'responding') {
      super.onResponseData(chunk, more);
    } else if (this.#state === 'discarding' && !this.over) {
      this.#discarded += chunk.length;
      if (!more) this.#redirect();
      else if (this.#discarded > MAX_DISCARDED) this.#giveUp();
    }
  }

  override onResponseError(error: ExchangeError): void {
    if (this.#isOpen()) super.onResponseError(error);
    // The next hop is already known.
    else if (this.#state === 'discarding' && !this.over) this.#redirect();
  }

  override onRequestCredit(bytes: number): void {
    if (this.#isOpen()) this.#body?.credit(bytes);
  }

  override onRequestData(chunk: Buffer, more: boolean): void {
    this.#body?.take(chunk, more);
  }

  override onResponseCredit(bytes: number): void {
    this.#credits += bytes;
    if (this.#isOpen()) super.onResponseCredit(bytes);
  }

  protected override onOver(): void {
    this.#body?.drop();
    this.#body = null;
  }

  /** Whether the requester and the current hop are connected. */
  #isOpen(): boolean {
    return this.#state === 'waiting' || this.#state === 'responding';
  }

  #sendHop(): void {
    this.#hop.credits = this.#credits;
    this.#state = 'waiting';
    this.#discarded = 0;
    this.detach();
    this.#sending = true;
    const responder = this.#client.send(this.#hop.origin, this.#hop, this);
    this.attach(responder);
    this.#catchUp(responder);
    this.#sending = false;
  }

  /** Tells the responder what came before it was known. */
  #catchUp(responder: Responder): void {
    if (this.over) return;
    if (this.#state === 'discarding') {
      this.#read();
    } else if (this.#state === 'unwanted') {
      this.#giveUp();
    } else if (this.#isOpen()) {
      this.#body?.attach(responder);
    }
  }

  /** Moves to the next hop if the current one is over. */
  #goesOn(): boolean {
    const next = this.#next;
    if (this.over || this.#state !== 'redirected' || next === null) return false;
    const { origin, id } = this.#hop;
    if (this.#log.debugEnabled) this.#log.debug({ id, origin: origin.name, to: next.origin.name }, 'redirect followed');
    this.#hop = next;
    this.#next = null;
    if (next.bodyLength === 0) {
      this.#body?.drop();
      this.#body = null;
    } else {
      this.#body?.rewind();
    }
    return true;
  }

  /** The hop that `head` redirects to, or null. May end the exchange. */
  #whereTo({ status, headers }: ResponseHead): FetchHop | null {
    if (status < 300 || status > 399) return null;
    const locations = fieldValues(headers, 'location');
    const location = locations[0];
    // RFC 9110 §5.3: two different values have no meaning.
    if (location === undefined || locations.some((other) => other !== location)) return null;
    try {
      const next = this.#hop.redirected(status, location);
      if (next === null || next.bodyLength === 0 || this.#body?.replayable !== false) return next;
      const detail = `${this.#hop.authority}: redirect of a request whose body is too large to send again`;
      throw new ExchangeError('HF_ORIGIN_PROTOCOL', detail);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      this.fail(error);
      return null;
    }
  }

  /**
   * Reads the body of a redirect if it is small, so that the connection can be reused. It cannot be reused if the request was only partly sent; and
   * an origin that waits for the rest may never complete its response.
   */
  #discard(bodyLength: number): void {
    const unsent = this.#body?.ended === false;
    this.#state = 'discarding';
    this.#body?.detach();
    if (unsent || bodyLength > MAX_DISCARDED) this.#giveUp();
    else if (bodyLength !== 0) this.#read();
  }

  #read(): void {
    this.responder?.onResponseCredit(MAX_DISCARDED);
  }

  /** Gives up the current hop and its connection. */
  #giveUp(): void {
    const { responder } = this;
    if (responder === null) {
      this.#state = 'unwanted';
      return;
    }
    this.responder = null;
    responder.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
    this.#redirect();
  }

  /** The current hop is over. */
  #redirect(): void {
    this.#state = 'redirected';
    this.responder = null;
    if (!this.#sending && this.#goesOn()) this.start();
  }
}
