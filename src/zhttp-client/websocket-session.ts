import { isUtf8 } from 'node:buffer';
import { isCloseCode, MAX_CONTROL_BYTES, MAX_REASON_BYTES, NO_STATUS } from '../codec/websocket/index.ts';
import { type FirstPackets, type PacketType, RequestPacket, type ResponsePacket } from '../codec/zhttp/index.ts';
import {
  allFields,
  CreditedResponse,
  type ExchangeError,
  type RequestHead,
  type ResponseHead,
  type WebSocketRequester,
  type WebSocketResponder,
} from '../exchange/index.ts';
import { HandlerSession } from './handler-session.ts';
import { responseHead } from './packet-head.ts';
import { requestUri } from './request-uri.ts';
import type { SessionHost } from './session-host.ts';

/** Close code for a handler that names none, as Condure's. */
const NORMAL_CLOSURE = 1000;

/** One WebSocket with a handler. */
export class WebSocketSession extends HandlerSession<WebSocketRequester> implements WebSocketResponder {
  #accepted = false;
  /** Whether the handler is in the middle of a message, and then whether that is text. */
  #within = false;
  #text = false;
  #closeReceived = false;
  #closeSent = false;
  /** Bytes of a response body that the requester takes at first. */
  readonly #requesterCredits: number;
  /** The body of the response that the client gets in place of a WebSocket. */
  #response: CreditedResponse | null = null;
  /** Bytes of it that count as kept. */
  #kept = 0;

  constructor(
    host: SessionHost,
    packets: FirstPackets,
    id: string,
    request: RequestHead,
    requester: WebSocketRequester,
  ) {
    super(host, packets, id, request, requester);
    this.#requesterCredits = request.credits;
  }

  override get responded(): boolean {
    return this.#accepted;
  }

  override firstPacket(request: RequestHead): string {
    const { method, peer } = request;
    const credits = this.firstCredits(request);
    return this.packets.encode(this.id, method, requestUri(request), allFields(request), peer, false, credits);
  }

  // ---- from the client

  /** A WebSocket's request has no body. */
  override onRequestData(): void {}

  onRequestMessage(chunk: Buffer, text: boolean, more: boolean): void {
    const packet = new RequestPacket();
    packet.contentType = text ? 'text' : 'binary';
    packet.body = chunk;
    packet.more = more;
    this.#pass(packet);
  }

  onRequestPing(data: Buffer): void {
    this.#passControl('ping', data);
  }

  onRequestPong(data: Buffer): void {
    this.#passControl('pong', data);
  }

  onRequestClose(code: number, reason: string): void {
    const packet = new RequestPacket('close');
    if (code !== NO_STATUS) packet.code = code;
    packet.body = Buffer.from(reason);
    this.#closeReceived = true;
    if (this.#closeSent) this.completeSending(packet);
    else this.#pass(packet);
  }

  #passControl(type: PacketType, data: Buffer): void {
    const packet = new RequestPacket(type);
    packet.body = data;
    this.#pass(packet);
  }

  #pass(packet: RequestPacket): void {
    this.activeAt = this.host.now;
    this.send(packet);
  }

  // ---- from the handler

  protected override onPacket(packet: ResponsePacket): void {
    if (!this.#accepted) this.#onOpening(packet);
    else this.#onFrame(packet);
    if (packet.credits > 0 && this.open) this.requester.onRequestCredit(packet.credits);
  }

  #onOpening(packet: ResponsePacket): void {
    switch (packet.type) {
      case 'data':
        if (packet.code === 101) this.#accept(packet);
        else this.#refuse(packet);
        break;
      case 'credit':
      case 'keep-alive':
        break;
      default:
        this.abort('HF_BACKEND_PROTOCOL', `the handler sent ${packet.type} before it accepted the WebSocket`);
    }
  }

  #accept(packet: ResponsePacket): void {
    const { code, reason, headers, body, credits } = packet;
    if (body.length > 0) {
      this.abort('HF_BACKEND_PROTOCOL', 'the packet that accepts the WebSocket has a body');
      return;
    }
    this.#accepted = true;
    this.noteResponse();
    this.requester.onResponse({ status: code, reason, headers, bodyLength: 0 });
    // As Condure does: handlers that grant nothing with their acceptance expect the client to have the same credit as they have.
    if (credits === 0 && this.open) this.requester.onRequestCredit(this.host.initialCredits);
  }

  /** A response other than 101: the client gets it in place of a WebSocket. */
  #refuse(packet: ResponsePacket): void {
    const head = packet.more ? 'a response that refuses a WebSocket comes in one packet' : responseHead(packet, false);
    if (typeof head === 'string') {
      this.abort('HF_BACKEND_PROTOCOL', head);
      return;
    }
    this.#respond({ ...head, bodyLength: packet.body.length }, packet.body);
  }

  /** Sends the client a whole response, its body as the client takes it. */
  #respond(head: ResponseHead, body: Buffer): void {
    this.complete();
    const kept = Math.max(0, body.length - this.#requesterCredits);
    if (kept > 0 && !this.host.keepResponse(kept)) {
      this.fail('HF_BACKEND_OVERRUN', `there is no room for a response of ${body.length} bytes`);
      return;
    }
    this.#kept = kept;
    const response = new CreditedResponse(this.requester, this.#requesterCredits);
    this.#response = response;
    this.noteResponse();
    this.requester.onResponse(head);
    response.give(body, true);
    this.#countKept(response);
  }

  override onResponseCredit(bytes: number): void {
    const response = this.#response;
    if (response === null) {
      super.onResponseCredit(bytes);
    } else {
      response.credit(bytes);
      this.#countKept(response);
    }
  }

  override onRequestError(error: ExchangeError): void {
    super.onRequestError(error);
    if (this.#response === null) return;
    this.#response.drop();
    this.#countKept(this.#response);
  }

  #countKept({ waiting }: CreditedResponse): void {
    if (this.#kept > waiting) this.host.dropResponse(this.#kept - waiting);
    this.#kept = Math.min(this.#kept, waiting);
  }

  #onFrame(packet: ResponsePacket): void {
    const { type, body } = packet;
    if (type === 'credit' || type === 'keep-alive') return;
    if (this.#closeSent) {
      this.abort('HF_BACKEND_PROTOCOL', `the handler sent ${type} after its close`);
      return;
    }
    switch (type) {
      case 'data':
        if (!this.#within) this.#text = packet.contentType !== 'binary';
        this.#within = packet.more;
        if (this.spend(body.length)) this.requester.onResponseMessage(body, this.#text, packet.more);
        break;
      case 'ping':
      case 'pong':
        if (body.length > MAX_CONTROL_BYTES) {
          this.abort('HF_BACKEND_PROTOCOL', `the handler sent a ${type} of ${body.length} bytes`);
        } else if (this.spend(body.length)) {
          if (type === 'ping') this.requester.onResponsePing(body);
          else this.requester.onResponsePong(body);
        }
        break;
      case 'close':
        this.#onClose(packet);
        break;
      default:
        this.abort('HF_BACKEND_PROTOCOL', `the handler sent a packet of type ${type}`);
    }
  }

  #onClose({ code, body }: ResponsePacket): void {
    if (code !== 0 && code !== NO_STATUS && !isCloseCode(code)) {
      this.abort('HF_BACKEND_PROTOCOL', `the handler closes with ${code}, which cannot be sent`);
      return;
    }
    if (body.length > MAX_REASON_BYTES || !isUtf8(body)) {
      this.abort(
        'HF_BACKEND_PROTOCOL',
        `the reason of the handler's close is not up to ${MAX_REASON_BYTES} bytes of UTF-8`,
      );
      return;
    }
    this.#closeSent = true;
    if (this.#closeReceived) this.completeSending(null);
    const none = this.host.origins ? NO_STATUS : NORMAL_CLOSURE;
    this.requester.onResponseClose(code === 0 ? none : code, body.toString());
  }

  protected override onError(packet: ResponsePacket): void {
    const { condition, code, reason, headers, body } = packet;
    if (condition !== 'rejected' || this.#accepted || code < 200 || code > 999) {
      this.fail('HF_BACKEND_ERROR', `the handler reports ${condition || 'an error'}`, condition);
      return;
    }
    this.#respond({ status: code, reason, headers, bodyLength: body.length }, body);
  }
}
