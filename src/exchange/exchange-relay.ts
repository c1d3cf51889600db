import type { OriginCounters } from './counters.ts';
import type { ExchangeError } from './errors.ts';
import type { Requester, Responder, ResponseHead } from './exchange.ts';
import { internalError } from './internal-error.ts';
import type { Payload } from './payload.ts';
import type { PartState, Suspended } from './suspended.ts';

/** From what another process makes a relay again, and the responder behind it. */
export interface RelayState extends PartState {
  readonly inner: PartState;
}

/**
 * Stands in the middle of an exchange and passes everything on unchanged in both directions. Extend it to change one thing: to the requester it
 * is a responder, to the responder it is the requester.
 */
export abstract class ExchangeRelay implements Requester, Responder {
  protected readonly requester: Requester;
  readonly #counters: OriginCounters;
  /** Null until `attach`, and after the end. */
  protected responder: Responder | null = null;
  /** Nothing passes after this. */
  protected over = false;
  /** The responder has ended, which need not be the end here. */
  #responded = false;
  /** Why it ended before `attach`. */
  #leftWith: ExchangeError | null = null;
  /** Bytes that the responder granted, and that it was granted, before it was known here. */
  #earlyRequestCredit = 0;
  #earlyResponseCredit = 0;
  #paused = false;

  constructor(requester: Requester, counters: OriginCounters) {
    this.requester = requester;
    this.#counters = counters;
  }

  /**
   * Sets the responder, as soon as it is known: it may have begun to respond already, or have handed over. Credits that came before
   * pass now.
   */
  attach(responder: Responder): void {
    if (this.#responded) return;
    if (this.#leftWith !== null) {
      responder.onRequestError(this.#leftWith);
      return;
    }
    if (this.over) return;
    this.responder ??= responder;
    const requestCredit = this.#earlyRequestCredit;
    const responseCredit = this.#earlyResponseCredit;
    this.#earlyRequestCredit = 0;
    this.#earlyResponseCredit = 0;
    if (requestCredit > 0) this.onRequestCredit(requestCredit);
    if (responseCredit > 0) this.responder?.onResponseCredit(responseCredit);
  }

  /** Lets the responder go, which gets no more calls and pauses nothing any more. Another one is to be attached. */
  protected detach(): void {
    this.responder = null;
    if (this.#paused) this.pauseRequest(false);
    this.#earlyRequestCredit = 0;
    this.#earlyResponseCredit = 0;
  }

  /** As the responder behind it does. */
  get sendsToMany(): boolean {
    return this.responder?.sendsToMany === true;
  }

  onResponse(head: ResponseHead): void {
    if (!this.over) this.requester.onResponse(head);
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    if (this.over) return;
    if (!more) {
      this.responded();
      this.finish();
    }
    this.requester.onResponseData(chunk, more);
  }

  onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  onResponseError(error: ExchangeError): void {
    if (this.over) return;
    this.responded();
    this.finish();
    this.requester.onResponseError(error);
  }

  onRequestCredit(bytes: number): void {
    if (this.over) return;
    // The body that it brings needs a responder.
    if (this.responder === null) this.#earlyRequestCredit += bytes;
    else this.requester.onRequestCredit(bytes);
  }

  pauseRequest(paused: boolean): void {
    if (this.over) return;
    this.#paused = paused;
    this.requester.pauseRequest(paused);
  }

  abortOnHalfClose(): void {
    if (!this.over) this.requester.abortOnHalfClose?.();
  }

  handOver(responder: Responder): void {
    if (this.over) return;
    this.responder = responder;
    if (this.#paused) this.pauseRequest(false);
  }

  onRequestData(chunk: Buffer, more: boolean): void {
    this.responder?.onRequestData(chunk, more);
  }

  onRequestError(error: ExchangeError): void {
    if (!this.over) this.leave(error);
  }

  onResponseCredit(bytes: number): void {
    if (this.responder !== null) this.responder.onResponseCredit(bytes);
    else if (!this.over) this.#earlyResponseCredit += bytes;
  }

  /** Begins to move with the responder behind it. Null where one of them cannot. @param own what the relay is made from again */
  protected suspendAs(own: PartState): Suspended<RelayState> | null {
    const inner = this.over ? null : (this.responder?.suspend?.() ?? null);
    if (inner === null) return null;
    return {
      state: { ...own, inner: inner.state },
      resume: () => inner.resume(),
      forget: () => {
        this.finish();
        inner.forget();
      },
    };
  }

  /** Ends this exchange alone for an exception, which is a defect of ours. Rethrows it if nothing is left to end. */
  onFault(thrown: unknown): void {
    this.#counters.faults++;
    if (this.over) throw thrown;
    this.fail(internalError(thrown));
  }

  /** The exchange is over, for any reason: subclasses free what they keep for it. */
  protected onOver(): void {}

  /** Ends it in both directions. */
  protected fail(error: ExchangeError): void {
    if (error.face.cause === 'origin') this.#counters.originErrors++;
    this.leave(error);
    this.requester.onResponseError(error);
  }

  /** Ends it towards the responder, because the requester is gone or gets another response. */
  protected leave(error: ExchangeError): void {
    const { responder } = this;
    this.finish();
    if (responder !== null) responder.onRequestError(error);
    else if (!this.#responded) this.#leftWith = error;
  }

  /** Notes that the responder has ended: it is not called again. */
  protected responded(): void {
    this.#responded = true;
    this.responder = null;
  }

  /** Notes that nothing passes after this. */
  protected finish(): void {
    this.over = true;
    this.responder = null;
    this.onOver();
  }
}
