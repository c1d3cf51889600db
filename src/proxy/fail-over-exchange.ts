import {
  type Counters,
  type ExchangeError,
  ExchangeRelay,
  type RequestHead,
  type Responder,
  type ResponseHead,
} from '../exchange/index.ts';
import { cannotConnect, setHost, type TargetRequester } from './proxy-target.ts';
import type { TargetState } from './target-state.ts';

const EMPTY = Buffer.alloc(0);

/**
 * Sends a request to the first of several targets that takes it, in their order. The request moves on only until a target has granted
 * credit for its body: the client cannot send a part of the body twice.
 */
export class FailOverExchange extends ExchangeRelay {
  readonly #targets: readonly TargetState[];
  readonly #now: () => number;
  readonly #request: RequestHead;
  readonly #client: TargetRequester;
  #index = 0;
  /** Whether the request finds out if its target is back. */
  #probe = false;
  /** Whether the requester has been granted body bytes. */
  #granted = false;
  /** Bytes of the response that the requester has granted in all. */
  #credits: number;
  /** Whether the requester has ended a body of no bytes, which needs no credit. */
  #bodyEnded = false;

  constructor(
    targets: readonly TargetState[],
    request: RequestHead,
    requester: TargetRequester,
    counters: Counters,
    now: () => number,
  ) {
    super(requester, counters);
    this.#targets = targets;
    this.#now = now;
    this.#request = request;
    this.#credits = request.credits;
    this.#client = requester;
  }

  /** Sends the request. */
  start(): void {
    this.#try(null);
  }

  #try(failure: ExchangeError | null): void {
    const index = this.#index;
    const state = this.#targets[index] as TargetState;
    const { target } = state;
    // A target may keep the head that it got, so each of the others gets its own.
    const request = failure === null ? this.#request : this.#copy();
    setHost(request, target);
    this.#probe = state.begin();
    this.#client.onTarget(target, failure);
    const responder = target.service(request, this);
    // The target may have failed at once, and the next one been tried already.
    if (index === this.#index) this.attach(responder);
  }

  #copy(): RequestHead {
    return { ...this.#request, headers: [...this.#request.headers], credits: this.#credits };
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
    if (!this.over) this.#state.succeed();
    super.onResponse(head);
  }

  override onResponseError(error: ExchangeError): void {
    if (!this.over) {
      if (cannotConnect(error)) this.#state.fail(this.#now());
      else this.#state.succeed();
    }
    if (this.over || this.#granted || !cannotConnect(error) || this.#index + 1 === this.#targets.length) {
      super.onResponseError(error);
      return;
    }
    this.detach();
    this.#state.end(this.#probe);
    this.#index++;
    this.#try(error);
  }

  protected override onOver(): void {
    this.#state.end(this.#probe);
  }

  /** The target that has the request. */
  get #state(): TargetState {
    return this.#targets[this.#index] as TargetState;
  }
}
