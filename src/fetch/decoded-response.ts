import { guarded } from '../clock/index.ts';
import { BodyDecoder, type ContentError, type DecodedBody, isDecodable } from '../codec/content/index.ts';
import { contentCodings, withoutFields } from '../codec/fields/index.ts';
import {
  ExchangeError,
  ExchangeRelay,
  type OriginCounters,
  type Requester,
  type ResponseHead,
  UNKNOWN_LENGTH,
  WINDOW,
} from '../exchange/index.ts';

/**
 * Undoes the content coding of a response. As in Zurl, Content-Encoding stays and Content-Length goes. Some responses pass unchanged: those with
 * an unknown coding or several codings, and parts (206), which may not begin where the encoding does.
 *
 * An encoded body has credits of its own towards the origin: one window, renewed as the bytes are decoded. The decoder waits for the requester's
 * credits. So at most one window of encoded bytes and one of decoded bytes are in memory.
 */
export class DecodedResponse extends ExchangeRelay implements DecodedBody {
  /** Null before the head, and if there is nothing to undo. */
  #decoder: BodyDecoder | null = null;
  /** The head has come, and there is nothing to undo. */
  #plain = false;
  /** Bytes that the requester granted before the head. */
  #credits: number;
  /** Bytes granted to the responder before the head. */
  #granted: number;

  /** @param credits of the request */
  constructor(requester: Requester, counters: OriginCounters, credits: number) {
    super(requester, counters);
    this.#credits = credits;
    this.#granted = Math.min(credits, WINDOW);
  }

  /** The credits to send the request with. */
  get firstCredits(): number {
    return this.#granted;
  }

  override onResponse(head: ResponseHead): void {
    if (this.over) return;
    const coding = codingOf(head);
    if (coding === '') {
      this.#plain = true;
      this.#grant(this.#credits - this.#granted);
      super.onResponse(head);
      return;
    }
    this.#decoder = new BodyDecoder(coding, this, this.#credits, (call) => guarded(this, call));
    this.#grant(WINDOW - this.#granted);
    const { status, reason, headers } = head;
    const kept = withoutFields(headers, (name) => name === 'content-length');
    super.onResponse({ status, reason, headers: kept, bodyLength: UNKNOWN_LENGTH });
  }

  override onResponseData(chunk: Buffer, more: boolean): void {
    const decoder = this.#decoder;
    if (decoder === null) {
      super.onResponseData(chunk, more);
      return;
    }
    if (this.over) return;
    if (!more) this.responded();
    decoder.write(chunk);
    if (!more) decoder.end();
  }

  override onResponseCredit(bytes: number): void {
    if (this.#decoder !== null) {
      this.#decoder.credit(bytes);
      return;
    }
    if (this.#plain) {
      super.onResponseCredit(bytes);
      return;
    }
    this.#credits += bytes;
    const missing = Math.min(bytes, WINDOW - this.#granted);
    this.#granted += missing;
    this.#grant(missing);
  }

  onDecoded(chunk: Buffer, more: boolean): void {
    if (more) {
      super.onResponseData(chunk, true);
      return;
    }
    // The origin may not have finished: what it still sends is not part of the encoding, and is not wanted.
    this.leave(new ExchangeError('HF_CLIENT_GONE'));
    this.requester.onResponseData(chunk, false);
  }

  onDecodingError(error: ContentError): void {
    if (!this.over) this.fail(new ExchangeError('HF_ORIGIN_PROTOCOL', `response body is ${error.message}`));
  }

  onEncodedTaken(bytes: number): void {
    this.#grant(bytes);
  }

  protected override onOver(): void {
    this.#decoder?.destroy();
  }

  #grant(bytes: number): void {
    if (bytes > 0) super.onResponseCredit(bytes);
  }
}

/** The single coding to undo, or an empty text. */
function codingOf({ status, headers, bodyLength }: ResponseHead): string {
  if (bodyLength === 0 || status === 206) return '';
  const [coding, second] = contentCodings(headers);
  return coding !== undefined && second === undefined && isDecodable(coding) ? coding : '';
}
