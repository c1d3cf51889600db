import {
  CreditedRequest,
  ExchangeError,
  NO_RESPONDER,
  type Payload,
  type Responder,
  type ResponseHead,
  reportFault,
} from '../exchange/index.ts';
import type { LinkHead, LinkRoute } from './link-route.ts';
import type { ProxyRoom } from './proxy-room.ts';
import type { ProxyTarget, TargetRequester } from './proxy-target.ts';

/** A request that the proxy makes by itself, by the rules of links. Whoever wants it gets the response, or the reason why there is none. */
export abstract class OwnRequest implements TargetRequester {
  protected readonly room: ProxyRoom;
  protected readonly route: LinkRoute;
  /** It has ended: nothing of it counts any more. */
  protected over = false;
  readonly #gripLast: readonly string[];
  /** Null for no body. */
  readonly #body: CreditedRequest | null;
  #origin: Responder = NO_RESPONDER;
  /** Bytes that the origin may send more, before it is known here. */
  #earlyCredit = 0;

  /** @param gripLast `Grip-Last` values */
  constructor(room: ProxyRoom, route: LinkRoute, gripLast: readonly string[], body: Buffer | null = null) {
    this.room = room;
    this.route = route;
    this.#gripLast = gripLast;
    this.#body = body === null || body.length === 0 ? null : new CreditedRequest();
    if (this.#body === null) return;
    this.#body.give(body as Buffer);
    this.#body.end();
  }

  abstract onResponse(head: ResponseHead): void;

  abstract onResponseData(chunk: Buffer, more: boolean): void;

  abstract onResponseError(error: ExchangeError): void;

  /** Tells why there is no response. Called once, when the request has ended. */
  protected abstract tellFailure(detail: string): void;

  /** Called when the request has ended, however it did. */
  protected onEnd(): void {}

  protected send(head: LinkHead): void {
    const origin = this.route.send(head, this.#gripLast, this);
    if (origin === null) this.fail(`no route for ${this.route.uri}`);
    else if (this.over) origin.onRequestError(unwanted());
    // Within the call it may have handed over already.
    else if (this.#origin === NO_RESPONDER) this.handOver(origin);
    if (!this.over) this.#body?.attach(this.#origin);
  }

  /** Nobody wants the response any more. */
  abort(): void {
    if (this.over) return;
    this.end();
    this.#origin.onRequestError(unwanted());
  }

  onTarget(_target: ProxyTarget, _failure: ExchangeError | null): void {}

  onRequestCredit(bytes: number): void {
    if (!this.over) this.#body?.credit(bytes);
  }

  pauseRequest(paused: boolean): void {
    if (this.over) return;
    if (paused) this.#body?.hold();
    else this.#body?.release();
  }

  onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  handOver(responder: Responder): void {
    this.#origin = responder;
    const bytes = this.#earlyCredit;
    this.#earlyCredit = 0;
    if (bytes > 0) responder.onResponseCredit(bytes);
  }

  /** A call for this request threw. */
  onFault(thrown: unknown): void {
    reportFault(this.room, thrown, { uri: this.route.uri });
    this.cut('internal error');
  }

  /** Lets the origin send so many bytes more. */
  protected credit(bytes: number): void {
    if (this.over) return;
    if (this.#origin === NO_RESPONDER) this.#earlyCredit += bytes;
    else this.#origin.onResponseCredit(bytes);
  }

  protected end(): void {
    this.over = true;
    this.#body?.drop();
    this.onEnd();
  }

  /** Ends the request, and tells why. */
  protected cut(detail: string): void {
    if (this.over) return;
    this.#origin.onRequestError(unwanted());
    this.fail(detail);
  }

  /** The request has failed: tells why. */
  protected fail(detail: string): void {
    if (this.over) return;
    this.end();
    this.tellFailure(detail);
  }
}

function unwanted(): ExchangeError {
  return new ExchangeError('HF_CLIENT_GONE', 'the response is not needed');
}
