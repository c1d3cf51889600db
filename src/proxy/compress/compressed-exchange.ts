import { guarded } from '../../clock/index.ts';
import {
  acceptedCodings,
  BodyEncoder,
  type EncodedBody,
  type EncodedCoding,
  GZIP_BEGINNING,
  GzipSum,
  gzipBlock,
} from '../../codec/content/index.ts';
import {
  CreditedResponse,
  ExchangeRelay,
  type Payload,
  type Requester,
  type RequestHead,
  type ResponseHead,
  reportFault,
  UNKNOWN_LENGTH,
} from '../../exchange/index.ts';
import type { CompressRoom } from './compress-room.ts';
import { type Compression, encodedHeaders, varying } from './compression.ts';
import { BLOCK_BYTES } from './shared-blocks.ts';

/** Smaller chunks are for one client, and are not kept for others. */
const SMALL_CHUNK = 4_096;

/**
 * Compresses the response of one exchange, if its route and its client want that. What an origin sends goes through an encoder of its own. What
 * the hub sends is compressed once for all clients, as blocks of gzip, so that a held client costs no encoder.
 */
export class CompressedExchange extends ExchangeRelay implements EncodedBody {
  readonly #room: CompressRoom;
  readonly #compression: Compression;
  readonly #codings: readonly EncodedCoding[];
  readonly #id: string;
  readonly #isHead: boolean;
  /** Bytes that the client takes, until the head of the response has come. */
  #credits: number;
  /** Null while the response is not compressed. */
  #sender: CreditedResponse | null = null;
  #encoder: BodyEncoder | null = null;
  #coding: EncodedCoding | null = null;
  #sum: GzipSum | null = null;
  /** Bytes that have been encoded and are granted again once the client has taken what they became. */
  #owed = 0;

  constructor(room: CompressRoom, compression: Compression, request: RequestHead, requester: Requester) {
    super(requester, room.counters);
    this.#room = room;
    this.#compression = compression;
    this.#codings = acceptedCodings(request.headers, compression.codings);
    this.#id = request.id;
    this.#isHead = request.method === 'HEAD';
    this.#credits = request.credits;
  }

  override onResponse(head: ResponseHead): void {
    if (this.over) return;
    if (!this.#compression.concerns(head, this.#isHead)) {
      super.onResponse(head);
      return;
    }
    const coding = this.#isHead ? (this.#codings[0] ?? null) : this.#begin();
    const headers = coding === null ? varying(head.headers) : encodedHeaders(head.headers, coding);
    super.onResponse({
      ...head,
      headers,
      bodyLength: coding === null || this.#isHead ? head.bodyLength : UNKNOWN_LENGTH,
    });
    if (this.#sum !== null) this.#sender?.give(GZIP_BEGINNING);
  }

  /** Makes what compresses the response. Returns the coding; null for none. */
  #begin(): EncodedCoding | null {
    if (this.#codings.length === 0) return null;
    if (this.sendsToMany && this.#codings.includes('gzip')) {
      this.#sum = new GzipSum();
      this.#sender = new CreditedResponse(this.requester, this.#credits);
      return 'gzip';
    }
    const coding = this.#room.take(this.#codings);
    if (coding === null) return null;
    this.#coding = coding;
    this.#encoder = new BodyEncoder(coding, this, (call) => guarded(this, call));
    this.#sender = new CreditedResponse(this.requester, this.#credits);
    return coding;
  }

  override onResponseData(chunk: Buffer, more: boolean): void {
    if (this.over) return;
    const sender = this.#sender;
    if (sender === null) {
      super.onResponseData(chunk, more);
      return;
    }
    if (this.#sum === null) {
      if (!more) this.responded();
      if (chunk.length > 0) this.#encoder?.write(chunk);
      if (!more) this.#encoder?.end();
    } else if (chunk.length > SMALL_CHUNK) {
      this.#sendPart(sender, this.#sum, chunk, 0, chunk.length, more);
    } else {
      if (!more) this.responded();
      this.#sum.add(chunk);
      this.#owed += chunk.length;
      if (chunk.length > 0) sender.give(gzipBlock(chunk));
      if (!more) sender.give(this.#sum.end(), true);
      this.#grant();
    }
  }

  onResponsePart(whole: Buffer, start: number, end: number, more: boolean): void {
    if (this.over) return;
    if (this.#sender === null || this.#sum === null) this.onResponseData(whole.subarray(start, end), more);
    else this.#sendPart(this.#sender, this.#sum, whole, start, end, more);
  }

  /**
   * Sends the blocks of `whole` that are complete with this part. An incomplete one waits for the rest, which comes: what was given of it is
   * granted again as if it had been sent.
   */
  #sendPart(sender: CreditedResponse, sum: GzipSum, whole: Buffer, start: number, end: number, more: boolean): void {
    if (!more) this.responded();
    sum.add(whole.subarray(start, end));
    this.#owed += end - start;
    for (let at = start - (start % BLOCK_BYTES); at < end && !this.over; at += BLOCK_BYTES) {
      if (end < Math.min(at + BLOCK_BYTES, whole.length)) break;
      sender.givePayload(this.#room.blocks.at(whole, at));
    }
    if (!more) sender.give(sum.end(), true);
    this.#grant();
  }

  override onResponsePayload(payload: Payload): void {
    if (this.over) return;
    const sender = this.#sender;
    if (sender === null) {
      this.requester.onResponsePayload(payload);
    } else if (this.#sum === null) {
      this.onResponseData(payload.body, true);
    } else {
      this.#sendPart(sender, this.#sum, payload.body, 0, payload.body.length, true);
    }
  }

  override onResponseCredit(bytes: number): void {
    if (this.#sender === null) {
      this.#credits += bytes;
      super.onResponseCredit(bytes);
      return;
    }
    this.#sender.credit(bytes);
    this.#grant();
  }

  onEncoded(chunk: Buffer, more: boolean): void {
    this.#sender?.give(chunk, !more);
    this.#grant();
  }

  onPlainTaken(bytes: number): void {
    this.#owed += bytes;
    this.#grant();
  }

  override onFault(thrown: unknown): void {
    const error = reportFault(this.#room, thrown, { id: this.#id });
    if (!this.over) this.fail(error);
  }

  /** Ends with the last bytes, or lets the responder send as much as was encoded once nothing of it waits. */
  #grant(): void {
    if (this.#sender?.done && !this.over) this.finish();
    if (this.#owed === 0 || this.responder === null || (this.#sender?.waiting ?? 0) > 0) return;
    const bytes = this.#owed;
    this.#owed = 0;
    super.onResponseCredit(bytes);
  }

  protected override onOver(): void {
    this.#encoder?.destroy();
    this.#encoder = null;
    this.#sender?.drop();
    if (this.#coding !== null) this.#room.release(this.#coding);
    this.#coding = null;
  }
}
