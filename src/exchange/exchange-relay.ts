import type { Counters } from './counters.ts';
import type { ExchangeError } from './errors.ts';
import type { Requester, Responder, ResponseHead } from './exchange.ts';
import { internalError } from './internal-error.ts';
import type { Payload } from './payload.ts';

/**
 * Stands in the middle of an exchange and passes everything on unchanged in both directions. Extend it to change one thing: to the requester it
 * is a responder, to the responder it is the requester.
 */
export abstract class ExchangeRelay implements Requester, Responder {
  protected readonly requester: Requester;
  readonly #counters: Counters;
  /** Null until `attach`, and after the end. */
  protected responder: Responder | null = null;
  /** Nothing passes after this. */
  protected over = false;
  /** The responder has ended, which need not be the end here. */
  #answered = false;
  /** Why it ended before `attach`. */
  #leftWith: ExchangeError | null = null;

  constructor(requester: Requester, counters: Counters) {
    this.requester = requester;
    this.#counters = counters;
  }

  /** Sets the responder once it is known. It may already have begun to respond. */
  attach(responder: Responder): void {
    if (this.#answered) return;
    if (this.#leftWith !== null) responder.onRequestError(this.#leftWith);
    else if (!this.over) this.responder = responder;
  }

  onResponse(head: ResponseHead): void {
    if (!this.over) this.requester.onResponse(head);
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    if (this.over) return;
    if (!more) {
      this.answered();
      this.finish();
    }
    this.requester.onResponseData(chunk, more);
  }

  onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  onResponseError(error: ExchangeError): void {
    if (this.over) return;
    this.answered();
    this.finish();
    this.requester.onResponseError(error);
  }

  onRequestCredit(bytes: number): void {
    if (!this.over) this.requester.onRequestCredit(bytes);
  }

  pauseRequest(paused: boolean): void {
    if (!this.over) this.requester.pauseRequest(paused);
  }

  abortOnHalfClose(): void {
    if (!this.over) this.requester.abortOnHalfClose?.();
  }

  handOver(responder: Responder): void {
    if (!this.over) this.responder = responder;
  }

  onRequestData(chunk: Buffer, more: boolean): void {
    this.responder?.onRequestData(chunk, more);
  }

  onRequestError(error: ExchangeError): void {
    if (!this.over) this.leave(error);
  }

  onResponseCredit(bytes: number): void {
    this.responder?.onResponseCredit(bytes);
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
    else if (!this.#answered) this.#leftWith = error;
  }

  /** Notes that the responder has ended: it is not called again. */
  protected answered(): void {
    this.#answered = true;
    this.responder = null;
  }

  /** Notes that nothing passes after this. */
  protected finish(): void {
    this.over = true;
    this.responder = null;
    this.onOver();
  }
}
