import {
  ExchangeError,
  ExchangeRelay,
  type OriginCounters,
  type Requester,
  type ResponseHead,
} from '../exchange/index.ts';

/** Ends an exchange with HF_ORIGIN_BODY_TOO_LARGE if the response body exceeds the limit, or its head says that it will. */
export class SizeLimit extends ExchangeRelay {
  readonly #limit: number;
  #left: number;

  constructor(requester: Requester, counters: OriginCounters, limit: number) {
    super(requester, counters);
    this.#limit = limit;
    this.#left = limit;
  }

  override onResponse(head: ResponseHead): void {
    if (head.bodyLength > this.#limit) this.#exceed();
    else super.onResponse(head);
  }

  override onResponseData(chunk: Buffer, more: boolean): void {
    this.#left -= chunk.length;
    if (this.#left >= 0) {
      super.onResponseData(chunk, more);
      return;
    }
    if (!more) this.responded();
    this.#exceed();
  }

  #exceed(): void {
    if (this.over) return;
    this.fail(new ExchangeError('HF_ORIGIN_BODY_TOO_LARGE', `response body exceeds ${this.#limit} bytes`));
  }
}
