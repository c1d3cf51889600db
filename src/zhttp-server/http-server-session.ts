import type { Fetcher, FetchRequest } from '../client/index.ts';
import { NO_BODY, type PacketFormat, type RequestPacket } from '../codec/zhttp/index.ts';
import type { Responder, ResponseHead } from '../exchange/index.ts';
import { RequestBody } from './request-body.ts';
import { responsePacket } from './response-packet.ts';
import type { ServerHost } from './server-host.ts';
import { ServerSession } from './server-session.ts';

/**
 * Bytes of a body that one packet can hold whatever the configuration says. The length of a tnetstring has nine digits; a string of the
 * engine, which a packet is on its way to JSON, less than 2^29 characters, and each byte may become six of them.
 */
const MAX_BODY = { T: 900_000_000, J: 67_108_864 } as const;

const NONE: Buffer[] = [];

/** One HTTP request. Its response is passed on as it comes, or goes out whole, or nobody wants it. */
export class HttpServerSession extends ServerSession {
  /** Whether the response is answered in as many packets as it takes. */
  readonly #stream: boolean;
  readonly #maxBody: number;
  /** Whether a body was announced, if perhaps an empty one, and may be passed on. */
  readonly #wantsBody: boolean;
  /** The responder takes nothing of the request for now. */
  #paused = false;
  #body: RequestBody | null;
  /** The head that has not been sent yet. */
  #head: ResponseHead | null = null;
  /** What has come of a response that goes out whole. */
  #chunks = NONE;

  /** @param bodyLength of the request, as the fetcher is told */
  constructor(
    host: ServerHost,
    packet: RequestPacket,
    format: PacketFormat,
    envelope: Buffer[] | null,
    bodyLength: number,
  ) {
    super(host, packet, format, envelope);
    const { body, more } = packet;
    this.#stream = packet.stream && this.named;
    this.#maxBody = Math.min(host.maxBodyBytes, MAX_BODY[format]);
    this.#wantsBody = bodyLength !== 0;
    this.#body = more || body.length > 0 ? new RequestBody(body, more) : null;
  }

  /** Bytes of the response that the fetcher may send before it is granted more. @param given by the requester */
  initialCredits(given: number): number {
    if (this.#stream) return given;
    // One byte more than fits: so a body that is too long is seen to be. Of one that nobody wants nothing is kept.
    return this.mute ? Number.MAX_SAFE_INTEGER : this.#maxBody + 1;
  }

  /** One that asks for a single answer may leave as soon as it has sent its request. */
  protected override get needsRequester(): boolean {
    return this.#stream || this.#uploading;
  }

  get #uploading(): boolean {
    return this.#body !== null && !this.#body.complete;
  }

  protected override ask(fetcher: Fetcher, request: FetchRequest): Responder {
    return fetcher.fetch(request, this);
  }

  protected override onAsked(): void {
    this.#pump();
  }

  // ---- the request's body

  protected override onPacket(packet: RequestPacket): void {
    switch (packet.type) {
      case 'data':
        this.#onBody(packet);
        break;
      case 'credit':
      case 'keep-alive':
      case 'handoff-proceed':
        break;
      default:
        this.abort('HF_FETCH_INVALID', `the requester of an HTTP request sent a packet of type ${packet.type}`);
        return;
    }
    // An answer that goes out whole needs none.
    if (packet.credits > 0 && this.#stream && !this.over) this.grantResponse(packet.credits);
  }

  #onBody({ body, more }: RequestPacket): void {
    if (!this.#uploading) {
      this.abort('HF_FETCH_INVALID', 'the requester sent data after the end of the request body');
      return;
    }
    if (!this.spend(body.length)) return;
    if (!this.#wantsBody && body.length > 0) {
      this.abort('HF_FETCH_INVALID', 'the requester sent a body in spite of a Content-Length of 0');
      return;
    }
    this.#body?.take(body, more);
    this.#pump();
  }

  override onRequestCredit(bytes: number): void {
    if (this.over) return;
    this.#body?.grant(bytes);
    this.#pump();
  }

  override pauseRequest(paused: boolean): void {
    this.#paused = paused;
    if (!paused && !this.over) this.#pump();
  }

  #pump(): void {
    if (this.#paused || this.#body === null || this.responder === null || !this.#wantsBody) return;
    const taken = this.#body.pump(this.responder);
    if (taken === 0 || this.over) return;
    this.activeAt = this.host.now;
    // The end of a body has come: credits would be for nothing.
    if (this.#uploading) this.owe(taken);
  }

  // ---- the response

  override onResponse(head: ResponseHead): void {
    if (this.over) return;
    this.status = head.status;
    this.#head = head;
    // The beginning of the body has mostly come with it, and goes with it.
    if (this.#stream) this.host.atTurnEnd(this);
  }

  override onTurnEnd(): void {
    if (this.#head !== null && !this.over) this.#pass(NO_BODY, true);
  }

  override onResponseData(chunk: Buffer, more: boolean): void {
    if (this.over) return;
    this.activeAt = this.host.now;
    this.received += chunk.length;
    this.fetched = !more;
    if (!this.#stream) this.#collect(chunk, more);
    else if (chunk.length > 0 || !more) this.#pass(chunk, more);
  }

  #pass(chunk: Buffer, more: boolean): void {
    const packet = responsePacket();
    const head = this.#head;
    if (head !== null) {
      this.#head = null;
      packet.code = head.status;
      packet.reason = head.reason;
      packet.headers = head.headers;
    }
    packet.body = chunk;
    packet.more = more;
    this.send(packet);
    if (!more) this.complete();
  }

  #collect(chunk: Buffer, more: boolean): void {
    if (this.mute) {
      if (!more) this.complete();
      return;
    }
    if (this.received > this.#maxBody) {
      const detail = `the response body has more than ${this.#maxBody} bytes, which is all that one packet may have`;
      this.abort('HF_ORIGIN_BODY_TOO_LARGE', detail, 'undefined-condition');
      return;
    }
    if (!more && this.#chunks === NONE) {
      this.#pass(chunk, false);
      return;
    }
    if (this.#chunks === NONE) this.#chunks = [chunk];
    else if (chunk.length > 0) this.#chunks.push(chunk);
    if (!more) this.#pass(Buffer.concat(this.#chunks, this.received), false);
  }

  protected override onOver(): void {
    this.#head = null;
    this.#chunks = NONE;
    this.#body?.drop();
  }
}
