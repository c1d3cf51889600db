import { isUtf8 } from 'node:buffer';
import { withoutFields } from '../codec/fields/index.ts';
import { isCloseCode, MAX_CONTROL_BYTES, MAX_REASON_BYTES, NO_STATUS } from '../codec/websocket/index.ts';
import { NO_BODY, type PacketType, type RequestPacket, ResponsePacket } from '../codec/zhttp/index.ts';
import {
  BodyCollector,
  ExchangeError,
  type JoinedMessages,
  type MessagePayload,
  type ResponseHead,
  type WebSocketRequester,
  type WebSocketResponder,
  WINDOW,
} from '../exchange/index.ts';
import type { Collector } from '../zhttp/index.ts';
import { framedHead } from './framed-head.ts';
import { MAX_BODY } from './http-server-session.ts';
import { errorPacket } from './server-notices.ts';
import { ServerSession } from './server-session.ts';
import type { ServerTarget, TargetRequest } from './server-target.ts';
import { WebSocketOutbox } from './websocket-outbox.ts';

/**
 * Empty messages, pings and pongs of an origin that are passed on while nothing is heard of the requester. They cost the origin no credit, and
 * a flood of them would push what is published for the requester's other sessions out of its queue.
 */
const MAX_EMPTY = 1_000;

/** One WebSocket. */
export class WebSocketServerSession extends ServerSession<WebSocketResponder> implements WebSocketRequester, Collector {
  #accepted = false;
  /** The head of a response other than 101, and what has come of its body. */
  #rejection: ResponseHead | null = null;
  #rejectionBody: BodyCollector | null = null;
  /** Bytes of `#rejectionBody`, as far as more may follow. */
  #collected = 0;
  readonly #outbox = new WebSocketOutbox();
  /** Whether the requester is in the middle of a message, and then whether that is text. */
  #within = false;
  #text = false;
  /** Whether the origin is in the middle of a message some of which has been passed on. */
  #originWithin = false;
  /** What has been passed on that was empty, since the requester was heard of. */
  #empties = 0;
  /** Which sides have closed. */
  #requesterClosed = false;
  #originClosed = false;

  protected override get needsRequester(): boolean {
    return true;
  }

  override get collects(): boolean {
    return this.#collected > 0;
  }

  protected override firstCredits(granted: number): number {
    return granted;
  }

  protected override begin(target: ServerTarget, request: TargetRequest): WebSocketResponder {
    return target.openWebSocket(request, this);
  }

  protected override onBegun(): void {}

  protected override acknowledge(more: boolean): void {
    if (this.host.quietWebSockets) this.keepAliveAt = this.host.now + this.host.keepAliveInterval;
    else super.acknowledge(more);
  }

  // ---- from the requester

  protected override onPacket(packet: RequestPacket): void {
    this.#empties = 0;
    switch (packet.type) {
      case 'credit':
      case 'keep-alive':
      case 'handoff-proceed':
        break;
      default:
        if (!this.#onFrame(packet)) return;
    }
    if (packet.credits > 0) this.addCredits(packet.credits);
  }

  /** Returns false when that was the end. */
  #onFrame(packet: RequestPacket): boolean {
    const { type } = packet;
    const fault = this.#accepted ? this.#faultOf(packet) : `${type} before the WebSocket was open`;
    if (fault !== null) {
      this.abort('HF_FETCH_INVALID', `the requester sent ${fault}`);
      return false;
    }
    if (type !== 'close' && !this.spend(packet.body.length)) return false;
    if (this.#outbox.full) {
      this.abort('HF_FETCH_INVALID', 'the requester sent more messages than are taken');
      return false;
    }
    this.#keep(packet);
    this.#pump();
    return !this.over;
  }

  #faultOf({ type, code, body }: RequestPacket): string | null {
    if (this.#requesterClosed) return `${type} after its close`;
    if (type === 'ping' || type === 'pong') {
      return body.length > MAX_CONTROL_BYTES ? `a ${type} of ${body.length} bytes` : null;
    }
    if (type !== 'close') return null;
    if (code !== 0 && code !== NO_STATUS && !isCloseCode(code)) return `a close with ${code}, which cannot be sent`;
    if (body.length > MAX_REASON_BYTES || !isUtf8(body)) {
      return `a close whose reason is not up to ${MAX_REASON_BYTES} bytes of UTF-8`;
    }
    return null;
  }

  #keep({ type, contentType, code, body, more }: RequestPacket): void {
    this.activeAt = this.host.now;
    switch (type) {
      case 'data':
        // The first piece of a message says what it is.
        if (!this.#within) this.#text = contentType !== 'binary';
        this.#within = more;
        this.#outbox.message(body, this.#text, more);
        break;
      case 'ping':
      case 'pong':
        this.#outbox.control(type, body);
        break;
      default: {
        this.#requesterClosed = true;
        // RFC 6455 §5.5.1: without a code there is no reason either.
        const named = code !== 0 && code !== NO_STATUS;
        this.#outbox.close(named ? code : NO_STATUS, named ? body : NO_BODY);
      }
    }
  }

  override onRequestCredit(bytes: number): void {
    if (this.over) return;
    this.#outbox.grant(bytes);
    this.#pump();
  }

  override handOver(responder: WebSocketResponder): void {
    super.handOver(responder);
    if (!this.over) this.pauseRequest(false);
  }

  override pauseRequest(paused: boolean): void {
    this.#outbox.pause(paused);
    if (!paused && !this.over) this.#pump();
  }

  #pump(): void {
    if (this.responder === null) return;
    const taken = this.#outbox.pump(this.responder);
    if (this.over) return;
    if (taken > 0) {
      this.activeAt = this.host.now;
      // After its close the requester has nothing to spend them on.
      if (!this.#requesterClosed) this.owe(taken);
    }
    this.#checkClosed();
  }

  // ---- from the target

  override onResponse(head: ResponseHead): void {
    if (this.over) return;
    this.record.status = head.status;
    this.activeAt = this.host.now;
    if (head.status !== 101) {
      this.#rejection = head;
      // The body goes out in one packet, so it has credits of its own.
      this.grantTarget(WINDOW);
      return;
    }
    this.#accepted = true;
    const packet = new ResponsePacket();
    packet.code = head.status;
    packet.reason = head.reason;
    packet.headers = head.headers;
    this.openWindow(packet);
  }

  override onResponseData(chunk: Buffer, more: boolean): void {
    if (this.over || this.#rejection === null) return;
    this.activeAt = this.host.now;
    this.record.received += chunk.length;
    this.responded = !more;
    this.#rejectionBody ??= new BodyCollector(this.#maxRejection);
    const left = this.#maxRejection - this.#rejectionBody.length;
    this.#rejectionBody.add(chunk.length > left ? chunk.subarray(0, left) : chunk);
    if (more && chunk.length <= left) {
      if (chunk.length === 0) return;
      this.#collected += chunk.length;
      if (this.host.collected.take(this, chunk.length)) this.grantTarget(chunk.length);
      return;
    }
    const error = new ExchangeError('HF_ORIGIN_WEBSOCKET', `the origin responded with ${this.record.status}`);
    this.#reject(error, this.#rejection, this.#rejectionBody.body);
    this.letGo(error);
  }

  onRoom(bytes: number): void {
    if (this.over) return;
    // Nothing was read of the origin while the body waited.
    this.activeAt = this.host.now;
    this.grantTarget(bytes);
  }

  /** Bytes of a rejection's body that fit into a packet. The rest of a longer one is left out. */
  get #maxRejection(): number {
    return Math.min(this.host.maxBodyBytes, MAX_BODY[this.format]);
  }

  #reject(error: ExchangeError, rejection: ResponseHead, body: Buffer): void {
    const { status, reason, headers } = this.host.framed ? rejection : framedHead(rejection, 'GET');
    const packet = errorPacket('rejected');
    packet.code = status;
    packet.reason = reason;
    packet.body = body;
    // The packet frames the body now, and may have cut it.
    const kept = withoutFields(headers, (name) => name === 'content-length' || name === 'transfer-encoding');
    kept.push('Content-Length', String(packet.body.length));
    packet.headers = kept;
    this.failWith(error, packet);
  }

  onResponseMessage(chunk: Buffer, text: boolean, more: boolean): void {
    // An empty piece says nothing, and costs the origin no credit.
    if (chunk.length === 0 && more) return;
    const begun = this.#originWithin;
    this.#originWithin = more;
    // The end of a message that has cost credit is not empty for nothing.
    if (chunk.length === 0 && !begun && this.#isFlood()) return;
    const packet = new ResponsePacket();
    packet.contentType = text ? this.host.textType : 'binary';
    packet.body = chunk;
    packet.more = more;
    this.#pass(packet);
  }

  onResponseShared(message: MessagePayload): void {
    this.onResponseMessage(message.body, message.text, false);
  }

  onResponseJoined({ messages }: JoinedMessages): void {
    for (const message of messages) this.onResponseShared(message);
  }

  onResponsePing(data: Buffer): void {
    this.#passControl('ping', data);
  }

  onResponsePong(data: Buffer): void {
    this.#passControl('pong', data);
  }

  onResponseClose(code: number, reason: string): void {
    const packet = new ResponsePacket('close');
    if (code !== NO_STATUS) {
      packet.code = code;
      packet.body = Buffer.from(reason);
    }
    this.#originClosed = true;
    this.#pass(packet);
    this.#checkClosed();
  }

  #passControl(type: PacketType, data: Buffer): void {
    if (data.length === 0 && this.#isFlood()) return;
    const packet = new ResponsePacket(type);
    packet.body = data;
    this.#pass(packet);
  }

  /** Counts something empty. Returns true if that was too much, or all is over anyway. */
  #isFlood(): boolean {
    if (this.over) return true;
    if (++this.#empties <= MAX_EMPTY) return false;
    const detail = `the origin sent over ${MAX_EMPTY} empty messages while its requester was silent`;
    this.abort('HF_ORIGIN_WEBSOCKET', detail);
    return true;
  }

  #pass(packet: ResponsePacket): void {
    if (this.over) return;
    this.activeAt = this.host.now;
    const bytes = packet.type === 'close' ? 0 : packet.body.length;
    this.record.received += bytes;
    this.send(packet);
    if (bytes > 0 && !this.over) this.spendCredits(bytes);
  }

  // ---- the end

  #checkClosed(): void {
    if (!this.#originClosed || !this.#requesterClosed || !this.#outbox.empty) return;
    this.responded = true;
    this.complete();
  }

  protected override onOver(): void {
    this.#rejectionBody = null;
    this.#outbox.drop();
    if (this.#collected > 0) this.host.collected.release(this, this.#collected);
    this.#collected = 0;
  }
}
