import type { Responder } from '../exchange/index.ts';

const EMPTY = Buffer.alloc(0);

/** The body of a request on its way from the requester to the fetcher: keeps what the fetcher has not asked for yet. */
export class RequestBody {
  /** The requester has sent all of it. */
  complete: boolean;
  readonly #chunks: Buffer[] = [];
  /** Bytes of the first packet that are still here: nobody was granted those, so they are not granted again. */
  #free: number;
  /** Bytes that the fetcher takes. */
  #credits = 0;
  /** The fetcher has all of it. */
  #done = false;
  #pumping = false;

  /** @param first what the first packet has of it @param more whether that is not all */
  constructor(first: Buffer, more: boolean) {
    if (first.length > 0) this.#chunks.push(first);
    this.#free = first.length;
    this.complete = !more;
  }

  /** The requester sends more of it. */
  take(chunk: Buffer, more: boolean): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
    this.complete = !more;
  }

  /** The fetcher takes so many bytes more. */
  grant(bytes: number): void {
    this.#credits += bytes;
  }

  /** The exchange is over: the fetcher gets nothing more. */
  drop(): void {
    this.#done = true;
    this.#chunks.length = 0;
  }

  /**
   * Hands over what the fetcher takes.
   * @returns how many bytes that was, without those that came unasked for with the first packet
   */
  pump(responder: Responder): number {
    // The fetcher may grant from within.
    if (this.#pumping) return 0;
    this.#pumping = true;
    let taken = 0;
    while (!this.#done) {
      const chunk = this.#chunks[0] ?? EMPTY;
      const length = Math.min(chunk.length, this.#credits);
      const whole = length === chunk.length;
      const last = this.complete && whole && this.#chunks.length <= 1;
      if (length === 0 && !last) break;
      if (whole) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(length);
      this.#credits -= length;
      const free = Math.min(this.#free, length);
      this.#free -= free;
      taken += length - free;
      this.#done = last;
      responder.onRequestData(whole ? chunk : chunk.subarray(0, length), !last);
    }
    this.#pumping = false;
    return taken;
  }
}
