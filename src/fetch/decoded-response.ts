import { type Guarded, guarded } from '../clock/index.ts';
import { BodyDecoder, type ContentError, type DecodedBody, decodeAtOnce, isDecodable } from '../codec/content/index.ts';
import { fieldValues, listMembers, withoutFields } from '../codec/fields/index.ts';
import {
  type Counters,
  ExchangeError,
  ExchangeRelay,
  internalError,
  type Requester,
  type Responder,
  type ResponseHead,
  UNKNOWN_LENGTH,
  WINDOW,
} from '../exchange/index.ts';

const EMPTY: Buffer = Buffer.alloc(0);

/** Bytes of an encoded body that is decoded at once if it comes as a whole: small answers are by far the most frequent ones. */
const MAX_AT_ONCE = 16_384;

/**
 * Undoes the content coding of a response. Content-Encoding stays and Content-Length goes, as with Zurl. What cannot be undone passes as
 * it came: codings that are not known, several of them, and parts (206), which need not begin where the encoding does.
 *
 * An encoded body has credits of its own towards the origin: one window, renewed as the bytes are decoded, which waits for the credits
 * of the requester. So that window and what was decoded last, a window too, are all that is in memory, however large it grows.
 */
export class DecodedResponse extends ExchangeRelay implements DecodedBody, Guarded {
  /** What is to be undone: null before the head, empty for nothing. */
  #coding: string | null = null;
  /** Null when there is nothing to undo, or nothing that is undone piece by piece. */
  #decoder: BodyDecoder | null = null;
  /** The beginning of the encoded body, until it is known whether that is all of it. */
  #held = EMPTY;
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
    this.#coding = codingOf(head);
    if (this.#coding === '') {
      this.#grant(this.#credits - this.#granted);
      super.onResponse(head);
      return;
    }
    this.#grant(WINDOW - this.#granted);
    const { status, reason, headers } = head;
    const kept = withoutFields(headers, (name) => name === 'content-length');
    super.onResponse({ status, reason, headers: kept, bodyLength: UNKNOWN_LENGTH });
  }

  override onResponseData(chunk: Buffer, more: boolean): void {
    if (this.#coding === '') {
      super.onResponseData(chunk, more);
      return;
    }
    if (this.over) return;
    if (!more) this.answered();
    if (this.#decoder !== null) this.#write(this.#decoder, chunk, more);
    else if (this.#held.length + chunk.length > MAX_AT_ONCE) this.#open(chunk, more);
    else this.#hold(chunk, more);
  }

  override onResponseCredit(bytes: number): void {
    if (this.#coding === '') {
      super.onResponseCredit(bytes);
      return;
    }
    this.#credits += bytes;
    if (this.#coding !== null) {
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

  /** Ends the exchange for which zlib's call threw. */
  onFault(thrown: unknown): void {
    if (!this.over) this.fail(internalError(thrown));
  }

  /** The turn in which the body began is over, and the body is not: it is decoded piece by piece. */
  openHeld(): void {
    if (!this.over && this.#decoder === null && !this.#decoded) this.#open(EMPTY, true);
  }

  protected override onOver(): void {
    this.#decoder?.destroy();
    this.#waiting = EMPTY;
    this.#held = EMPTY;
  }

  #grant(bytes: number): void {
    if (bytes <= 0) return;
    if (this.responder !== null) this.responder.onResponseCredit(bytes);
    // To be said as soon as there is somebody to say it to, if there will be.
    else this.#owed += bytes;
  }

  /** Waits for the end of the body, though not beyond this turn; with the end, decodes it. */
  #hold(chunk: Buffer, more: boolean): void {
    const first = this.#held.length === 0;
    const held = first ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = held;
    if (more) {
      if (first) process.nextTick(openHeld, this);
      return;
    }
    const decoded = decodeAtOnce(this.#coding as string, held, WINDOW);
    if (decoded === null) {
      this.#open(EMPTY, false);
      return;
    }
    this.#held = EMPTY;
    this.#waiting = decoded;
    this.onDecodedEnd();
  }

  /** Begins to decode piece by piece, with what was held and with `chunk`. */
  #open(chunk: Buffer, more: boolean): void {
    const held = this.#held;
    const decoder = new BodyDecoder(this.#coding as string, this, (call) => guarded(this, call));
    this.#held = EMPTY;
    this.#decoder = decoder;
    if (held.length > 0) this.#write(decoder, held, true);
    this.#write(decoder, chunk, more);
  }

  #write(decoder: BodyDecoder, chunk: Buffer, more: boolean): void {
    const { length } = chunk;
    if (length > 0) decoder.write(chunk, () => this.#grant(length));
    if (!more) decoder.end();
  }

  /** Passes on what waits, as far as the credits go, and lets the decoder go on, or wait in its turn. */
  #deliver(): void {
    // The requester may grant more, or leave, in the midst of it.
    while (!this.over && this.#waiting.length > 0 && this.#credits > 0) {
      const piece = this.#waiting.subarray(0, this.#credits);
      this.#waiting = this.#waiting.subarray(piece.length);
      this.#credits -= piece.length;
      if (this.#decoded && this.#waiting.length === 0) this.#end(piece);
      else super.onResponseData(piece, true);
    }
    if (this.over) return;
    if (this.#waiting.length > 0) this.#decoder?.pause();
    else if (this.#decoded) this.#end(EMPTY);
    else this.#decoder?.resume();
  }

  #end(last: Buffer): void {
    // Whatever else comes belongs to no encoding: nobody wants it.
    this.leave(new ExchangeError('HF_CLIENT_GONE'));
    this.requester.onResponseData(last, false);
  }
}

function openHeld(response: DecodedResponse): void {
  response.openHeld();
}

/** The one coding that is to be undone, or nothing. */
function codingOf({ status, headers, bodyLength }: ResponseHead): string {
  if (bodyLength === 0 || status === 206) return '';
  const values = fieldValues(headers, 'content-encoding');
  if (values.length === 0) return '';
  const codings = listMembers(values).filter((coding) => coding.toLowerCase() !== 'identity');
  const coding = codings[0];
  return codings.length === 1 && coding !== undefined && isDecodable(coding) ? coding : '';
}
