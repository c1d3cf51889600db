import {
  type Counters,
  type ExchangeError,
  ExchangeRelay,
  type RequestHead,
  type Responder,
} from '../exchange/index.ts';
import { cannotConnect, type ProxyTarget, setHost, type TargetRequester } from './proxy-target.ts';

const EMPTY = Buffer.alloc(0);

/**
 * Sends a request to the first of several targets that takes it, in their order. The request moves on only while no target has asked
 * for its body: a part that one target was to get cannot be asked for again.
 */
export class FailOverExchange extends ExchangeRelay {
  readonly #targets: readonly ProxyTarget[];
  readonly #request: RequestHead;
  readonly #client: TargetRequester;
  #index = 0;
  /** Whether the requester has been granted body bytes. */
  #granted = false;
  /** Bytes that a target granted before it was known here as the responder. */
  #earlyCredit = 0;
  /** Bytes that the requester granted before a target that responds at once was known here. */
  #earlyResponseCredit = 0;
  /** Whether the target has told the requester to pause. */
  #paused = false;
  /** Whether the requester has ended a body of no bytes, which needs no credit. */
  #bodyEnded = false;

  constructor(targets: readonly ProxyTarget[], request: RequestHead, requester: TargetRequester, counters: Counters) {
    super(requester, counters);
    this.#targets = targets;
    this.#request = request;
    this.#client = requester;
  }

  /** Sends the request. */
  start(): void {
    this.#try(null);
  }

  #try(failure: ExchangeError | null): void {
    const index = this.#index;
    const target = this.#targets[index] as ProxyTarget;
    // A target may keep the head that it got, so each of the others gets its own.
    const request = failure === null ? this.#request : { ...this.#request, headers: [...this.#request.headers] };
    setHost(request, target);
    this.#earlyCredit = 0;
    this.#client.onTarget(target, failure);
    const responder = target.service(request, this);
    // The target may have failed at once, and the next one been tried already.
    if (index === this.#index) this.attach(responder);
  }

  override attach(responder: Responder): void {
    super.attach(responder);
    if (this.responder === null) return;
    if (this.#bodyEnded) responder.onRequestData(EMPTY, false);
    const credit = this.#earlyCredit;
    this.#earlyCredit = 0;
    if (credit > 0) this.onRequestCredit(credit);
    const responseCredit = this.#earlyResponseCredit;
    this.#earlyResponseCredit = 0;
    if (responseCredit > 0) this.responder?.onResponseCredit(responseCredit);
  }

  override onRequestCredit(bytes: number): void {
    if (this.responder === null) {
      this.#earlyCredit += bytes;
    } else {
      this.#granted = true;
      super.onRequestCredit(bytes);
    }
  }

  override pauseRequest(paused: boolean): void {
    this.#paused = paused;
    super.pauseRequest(paused);
  }

  override onResponseCredit(bytes: number): void {
    if (this.responder === null) this.#earlyResponseCredit += bytes;
    else this.responder.onResponseCredit(bytes);
  }

  override onRequestData(chunk: Buffer, more: boolean): void {
    if (!more && !this.#granted) this.#bodyEnded = true;
    super.onRequestData(chunk, more);
  }

  override onResponseError(error: ExchangeError): void {
    if (this.over || this.#granted || !cannotConnect(error) || this.#index + 1 === this.#targets.length) {
      super.onResponseError(error);
      return;
    }
    this.responder = null;
    if (this.#paused) this.pauseRequest(false);
    this.#index++;
    this.#try(error);
  }
}
