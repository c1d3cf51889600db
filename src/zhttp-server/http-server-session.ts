import { NO_BODY, type PacketFormat, type RequestPacket, ResponsePacket } from '../codec/zhttp/index.ts';
import { BodyCollector, type Responder, type ResponseHead, UNKNOWN_LENGTH, WINDOW } from '../exchange/index.ts';
import type { Collector } from '../zhttp/index.ts';
import { framedHead } from './framed-head.ts';
import { RequestBody } from './request-body.ts';
import type { ServerHost } from './server-host.ts';
import { ServerSession } from './server-session.ts';
import type { ServerTarget, TargetRequest } from './server-target.ts';

/**
 * Bytes of a body that one packet can hold whatever the configuration says. The length of a tnetstring has nine digits. A JavaScript
 * string, which a packet is on its way to JSON, has less than 2^29 characters, and each byte may become six of them.
 */
export const MAX_BODY = { T: 900_000_000, J: 67_108_864 } as const;

/** One HTTP request. Its response is passed on as it comes, collected and sent whole, or discarded. */
export class HttpServerSession extends ServerSession implements Collector {
  /** Whether the response goes out in as many packets as it takes. */
  readonly #stream: boolean;
  readonly #maxBody: number;
  /** Whether a body was announced, if perhaps an empty one, and may be passed on. */
  readonly #wantsBody: boolean;
  /** Empty where the target frames its responses. */
  readonly #method: string;
  /** Bytes of the request body that are still to come; null where their number is not known. */
  #left: number | null;
  /** The target takes nothing of the request for now. */
  #paused = false;
  #body: RequestBody | null;
  /** The head that has not been sent yet. */
  #head: ResponseHead | null = null;
  /** What has come of a response that goes out whole. */
  #whole: BodyCollector | null = null;
  /** Bytes of `#whole` that are counted with those of other sessions. */
  #collected = 0;

  /** @param bytes of the packet @param bodyLength of the request, for the target */
  constructor(
    host: ServerHost,
    packet: RequestPacket,
    bytes: number,
    format: PacketFormat,
    envelope: Buffer[] | null,
    bodyLength: number,
  ) {
    super(host, packet, bytes, format, envelope);
    const { body, more } = packet;
    this.#stream = packet.stream && this.named;
    this.#maxBody = Math.min(host.maxBodyBytes, MAX_BODY[format]);
    this.#wantsBody = bodyLength !== 0;
    this.#method = host.framed ? '' : packet.method;
    this.#left = bodyLength === UNKNOWN_LENGTH ? null : bodyLength - body.length;
    this.#body = more || body.length > 0 ? new RequestBody(body, more) : null;
  }

  protected override firstCredits(granted: number): number {
    if (this.#stream) return granted;
    // Nothing is kept of a response that is discarded.
    return this.mute ? Number.MAX_SAFE_INTEGER : Math.min(WINDOW, this.#maxBody + 1);
  }

  /** A requester that wants a single response may leave as soon as it has sent its request. */
  protected override get needsRequester(): boolean {
    return this.#stream || this.#uploading;
  }

  override get collects(): boolean {
    return this.#collected > 0;
  }

  get #uploading(): boolean {
    return this.#body !== null && !this.#body.complete;
  }

  protected override begin(target: ServerTarget, request: TargetRequest): Responder {
    return target.request(request, this);
  }

  protected override onBegun(responder: Responder): void {
    if (this.#body === null) return;
    this.#body.responder = responder;
    if (this.#fits(0, !this.#body.complete)) this.#releaseBody();
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
    // A response that goes out whole needs none.
    if (packet.credits > 0 && this.#stream && !this.over) this.addCredits(packet.credits);
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
    if (!this.#fits(body.length, more)) return;
    this.#body?.give(body, !more);
    this.#settleBody();
  }

  /** Counts bytes of a body of known length. Returns false, and ends the session, if it turns out to have another one. */
  #fits(bytes: number, more: boolean): boolean {
    if (this.#left === null) return true;
    const left = this.#left - bytes;
    if (left < 0 || (!more && left > 0)) {
      this.abort('HF_FETCH_INVALID', `request body is ${left < 0 ? 'longer' : 'shorter'} than its Content-Length`);
      return false;
    }
    this.#left = left;
    return true;
  }

  override onRequestCredit(bytes: number): void {
    if (this.over) return;
    this.#body?.credit(bytes);
    this.#settleBody();
  }

  override pauseRequest(paused: boolean): void {
    this.#paused = paused;
    if (paused) this.#body?.hold();
    else this.#releaseBody();
  }

  /** Passes the body on, as soon as there is a target that takes it. */
  #releaseBody(): void {
    if (this.#body === null || this.#paused || this.responder === null || !this.#wantsBody) return;
    this.#body.release();
    this.#settleBody();
  }

  /** Grants the requester what the target has taken. */
  #settleBody(): void {
    if (this.#body === null || this.over) return;
    const taken = this.#body.settle();
    if (taken === 0) return;
    this.activeAt = this.host.now;
    // After the end of the body the requester has no use for credits.
    if (this.#uploading) this.owe(taken);
  }

  override handOver(responder: Responder): void {
    super.handOver(responder);
    if (this.over) return;
    if (this.#body !== null) this.#body.responder = responder;
    if (this.#paused) this.pauseRequest(false);
  }

  // ---- the response

  override onResponse(head: ResponseHead): void {
    if (this.over) return;
    this.record.status = head.status;
    this.#head = this.host.framed ? head : framedHead(head, this.#method);
    // The beginning of the body has mostly arrived in the same read, and goes out in the same packet.
    if (this.#stream) this.host.turn.add(this);
  }

  override onTurnEnd(): void {
    if (this.#head !== null && !this.over) this.#pass(NO_BODY, true);
  }

  override onResponseData(chunk: Buffer, more: boolean): void {
    if (this.over) return;
    this.activeAt = this.host.now;
    this.record.received += chunk.length;
    this.responded = !more;
    if (!this.#stream) {
      this.#collect(chunk, more);
      return;
    }
    if (chunk.length > 0 || !more) this.#pass(chunk, more);
    if (more && !this.over) this.spendCredits(chunk.length);
  }

  #pass(chunk: Buffer, more: boolean): void {
    const packet = new ResponsePacket();
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
    if (this.record.received > this.#maxBody) {
      const detail = `the response body has more than ${this.#maxBody} bytes, which is all that one packet may have`;
      this.abort('HF_ORIGIN_BODY_TOO_LARGE', detail, 'undefined-condition');
      return;
    }
    if (!more && this.#whole === null) {
      this.#pass(chunk, false);
      return;
    }
    if (more && chunk.length === 0) return;
    this.#whole ??= new BodyCollector(this.#maxBody);
    this.#whole.add(chunk);
    if (!more) {
      this.#pass(this.#whole.body, false);
      return;
    }
    this.#collected += chunk.length;
    if (this.host.collected.take(this, chunk.length)) this.grantTarget(chunk.length);
  }

  onRoom(bytes: number): void {
    if (this.over) return;
    // Nothing was read of the origin while the body waited.
    this.activeAt = this.host.now;
    this.grantTarget(bytes);
  }

  protected override onOver(): void {
    this.#head = null;
    this.#whole = null;
    this.#body?.drop();
    if (this.#collected > 0) this.host.collected.release(this, this.#collected);
    this.#collected = 0;
  }
}
