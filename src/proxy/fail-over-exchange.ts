import {
  type Counters,
  type ExchangeError,
  ExchangeRelay,
  type RequestHead,
  type Responder,
  type ResponseHead,
} from '../exchange/index.ts';
import { type TargetRequester, withHost } from './proxy-target.ts';
import type { TargetAttempts } from './target-attempts.ts';

const EMPTY = Buffer.alloc(0);

/**
 * Sends a request to the first of several targets that takes it, in their order. The request moves on only until a target has granted
 * credit for its body: the client cannot send a part of the body twice.
 */
export class FailOverExchange extends ExchangeRelay {
  readonly #attempts: TargetAttempts;
  readonly #request: RequestHead;
  readonly #client: TargetRequester;
  /** Whether the requester has been granted body bytes. */
  #granted = false;
  /** Bytes of the response that the requester has granted in all. */
  #credits: number;
  /** Whether the requester has ended a body of no bytes, which needs no credit. */
  #bodyEnded = false;

  constructor(attempts: TargetAttempts, request: RequestHead, requester: TargetRequester, counters: Counters) {
    super(requester, counters);
    this.#attempts = attempts;
    this.#request = request;
    this.#credits = request.credits;
    this.#client = requester;
  }

  /** Sends the request. */
  start(): void {
    this.#try(null);
  }

  #try(failure: ExchangeError | null): void {
    const target = this.#attempts.begin();
    const request = failure === null ? this.#request : { ...this.#request, credits: this.#credits };
    this.#client.onTarget(target, failure);
    const responder = target.service(withHost(request, target), this);
    // The target may have failed at once, and the next one been tried already.
    if (target === this.#attempts.target) this.attach(responder);
  }

  override attach(responder: Responder): void {
    super.attach(responder);
    if (this.#bodyEnded) this.responder?.onRequestData(EMPTY, false);
  }

  override onRequestCredit(bytes: number): void {
    if (this.responder !== null) this.#granted = true;
    super.onRequestCredit(bytes);
  }

  override onResponseCredit(bytes: number): void {
    this.#credits += bytes;
    super.onResponseCredit(bytes);
  }

  override onRequestData(chunk: Buffer, more: boolean): void {
    if (!more && !this.#granted) this.#bodyEnded = true;
    super.onRequestData(chunk, more);
  }

  override onResponse(head: ResponseHead): void {
    if (!this.over) this.#attempts.succeed();
    super.onResponse(head);
  }

  override onResponseError(error: ExchangeError): void {
    if (this.over) return;
    if (!this.#attempts.fail(error) || this.#granted) {
      super.onResponseError(error);
      return;
    }
    this.detach();
    this.#try(error);
  }

  protected override onOver(): void {
    this.#attempts.end();
  }
}
