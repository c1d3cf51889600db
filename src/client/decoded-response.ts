import { BodyDecoder, type ContentError, type DecodedBody, isDecodable } from '../codec/content/index.ts';
import { fieldValues, listMembers, withoutFields } from '../codec/fields/index.ts';
import {
  type Counters,
  ExchangeError,
  type Requester,
  type Responder,
  type ResponseHead,
  UNKNOWN_LENGTH,
  WINDOW,
} from '../exchange/index.ts';
import { ExchangeRelay } from './exchange-relay.ts';

const EMPTY: Buffer = Buffer.alloc(0);

/**
 * Undoes the content coding of a response. Content-Encoding stays and Content-Length goes, as with Zurl. What cannot be undone passes as
 * it came: codings that are not known, several of them, and parts (206), which need not begin where the encoding does.
 *
 * An encoded body has credits of its own towards the origin: one window, renewed as the bytes are decoded, which waits for the credits
 * of the requester. So that window and what the decoder has made last are all that is in memory, however large it grows.
 */
export class DecodedResponse extends ExchangeRelay implements DecodedBody {
  /** Null before the head, and when there is nothing to undo. */
  #decoder: BodyDecoder | null = null;
  /** There is nothing to undo. */
  #plain = false;
  /** Bytes that the requester takes. */
  #credits: number;
  /** Bytes that the responder has been granted before the head. */
  #granted: number;
  /** Bytes that it is to be granted as soon as it is known. */
  #owed = 0;
  /** Decoded bytes that wait for credits, and make the decoder wait. */
  #waiting = EMPTY;
  /** All decoded bytes have come. */
  #decoded = false;

  /** @param credits of the request */
  constructor(requester: Requester, counters: Counters, credits: number) {
    super(requester, counters);
    this.#credits = credits;
    this.#granted = Math.min(credits, WINDOW);
  }

  /** The credits with which the request is to be sent. */
  get firstCredits(): number {
    return this.#granted;
  }

  override attach(responder: Responder): void {
    super.attach(responder);
    if (this.#owed > 0) this.responder?.onResponseCredit(this.#owed);
  }

  override onResponse(head: ResponseHead): void {
    if (this.over) return;
    const coding = codingOf(head);
    if (coding === null) {
      this.#plain = true;
      this.#grant(this.#credits - this.#granted);
      super.onResponse(head);
      return;
    }
    this.#decoder = new BodyDecoder(coding, this);
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
    const { length } = chunk;
    if (length > 0) decoder.write(chunk, () => this.#grant(length));
    if (more) return;
    this.answered();
    decoder.end();
  }

  override onResponseCredit(bytes: number): void {
    if (this.#plain) {
      super.onResponseCredit(bytes);
      return;
    }
    this.#credits += bytes;
    if (this.#decoder !== null) {
      this.#deliver();
      return;
    }
    const missing = Math.min(bytes, WINDOW - this.#granted);
    this.#granted += missing;
    this.#grant(missing);
  }

  onDecoded(chunk: Buffer): void {
    this.#waiting = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk]);
    this.#deliver();
  }

  onDecodedEnd(): void {
    this.#decoded = true;
    this.#deliver();
  }

  onDecodingError(error: ContentError): void {
    if (!this.over) this.fail(new ExchangeError('HF_ORIGIN_PROTOCOL', `response body is ${error.message}`));
  }

  protected override onOver(): void {
    this.#decoder?.destroy();
    this.#waiting = EMPTY;
  }

  #grant(bytes: number): void {
    if (bytes <= 0) return;
    if (this.responder !== null) this.responder.onResponseCredit(bytes);
    // To be said as soon as there is somebody to say it to, if there will be.
    else this.#owed += bytes;
  }

  /** Passes on what waits, as far as the credits go, and lets the decoder go on, or wait in its turn. */
  #deliver(): void {
    // The requester may grant more, or leave, in the midst of it.
    while (!this.over && this.#waiting.length > 0 && this.#credits > 0) {
      const piece = this.#waiting.subarray(0, this.#credits);
      this.#waiting = this.#waiting.subarray(piece.length);
      this.#credits -= piece.length;
      super.onResponseData(piece, true);
    }
    if (this.over) return;
    if (this.#waiting.length > 0) this.#decoder?.pause();
    else if (this.#decoded) this.#end();
    else this.#decoder?.resume();
  }

  #end(): void {
    // Whatever else comes belongs to no encoding: nobody wants it.
    this.leave(new ExchangeError('HF_CLIENT_GONE'));
    this.requester.onResponseData(EMPTY, false);
  }
}

/** The one coding that is to be undone, or null. */
function codingOf({ status, headers, bodyLength }: ResponseHead): string | null {
  if (bodyLength === 0 || status === 206) return null;
  const values = fieldValues(headers, 'content-encoding');
  if (values.length === 0) return null;
  const codings = listMembers(values).filter((coding) => coding.toLowerCase() !== 'identity');
  const coding = codings[0];
  return codings.length === 1 && coding !== undefined && isDecodable(coding) ? coding : null;
}
