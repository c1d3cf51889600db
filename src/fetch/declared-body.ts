import { ExchangeError, ExchangeRelay, type OriginCounters, type Requester } from '../exchange/index.ts';

/** Checks that a request body is as long as its Content-Length field says. */
export class DeclaredBody extends ExchangeRelay {
  readonly #length: number;
  #left: number;

  /** @param length from the field */
  constructor(requester: Requester, counters: OriginCounters, length: number) {
    super(requester, counters);
    this.#length = length;
    this.#left = length;
  }

  override onRequestData(chunk: Buffer, more: boolean): void {
    if (this.over) return;
    this.#left -= chunk.length;
    if (this.#left < 0) this.#differ('longer');
    else if (!more && this.#left > 0) this.#differ('shorter');
    // The responder of a request without a body does not learn of its end.
    else if (this.#length > 0) super.onRequestData(chunk, more);
  }

  #differ(how: string): void {
    this.fail(new ExchangeError('HF_FETCH_INVALID', `request body is ${how} than its Content-Length`));
  }
}
