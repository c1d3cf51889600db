import type { RequestPacket, ResponsePacket } from '../codec/zhttp/index.ts';
import {
  type ErrorCode,
  ExchangeError,
  type Log,
  type Requester,
  type RequestHead,
  type Responder,
} from '../exchange/index.ts';
import type { BridgeCounters } from '../zhttp/index.ts';
import { responseHead } from './packet-head.ts';
import { requestPacket } from './request-packet.ts';

/** What a request needs of the edge that it belongs to. */
export interface ReqSessionHost {
  readonly maxBodyBytes: number;
  readonly now: number;
  readonly counters: BridgeCounters;
  readonly log: Log;
  /** Sends `session.packet()` to a handler, as soon as one takes it. */
  offer(session: ReqSession): void;
  ended(session: ReqSession): void;
}

/** One request that is handed over whole and answered whole. */
export class ReqSession implements Responder {
  readonly id: string;
  /** When its head was there, by the wheel's clock. */
  readonly begunAt: number;
  readonly #host: ReqSessionHost;
  readonly #request: RequestHead;
  readonly #requester: Requester;
  #body: Buffer[] = [];
  #bodyBytes = 0;
  /** Bytes of the answer that the client has not taken, and those that it may still be given. */
  #window: number;
  /** What of the answer waits for that. */
  #rest: Buffer | null = null;
  /** Whether all of the body is here, and a handler is asked. */
  #offered = false;
  #ended = false;

  constructor(host: ReqSessionHost, id: string, request: RequestHead, requester: Requester) {
    this.id = id;
    this.begunAt = host.now;
    this.#host = host;
    this.#request = request;
    this.#requester = requester;
    this.#window = request.credits;
  }

  /** Collects the body, and then asks a handler. */
  begin(): void {
    const { bodyLength } = this.#request;
    const { maxBodyBytes } = this.#host;
    if (bodyLength === 0) this.#offer();
    else if (bodyLength > maxBodyBytes) this.#refuseBody();
    // One byte more than fits: so a body that is too long is seen to be.
    else this.#requester.onRequestCredit(maxBodyBytes + 1);
  }

  /** The request with its body. */
  packet(): RequestPacket {
    const packet = requestPacket(this.#request);
    packet.ids = [{ id: this.id, seq: null }];
    packet.body = this.#body.length === 1 ? (this.#body[0] as Buffer) : Buffer.concat(this.#body, this.#bodyBytes);
    this.#body = [];
    return packet;
  }

  onRequestData(chunk: Buffer, more: boolean): void {
    if (this.#ended) return;
    this.#body.push(chunk);
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes > this.#host.maxBodyBytes) this.#refuseBody();
    else if (!more) this.#offer();
  }

  onRequestError(): void {
    this.#rest = null;
    this.#end();
  }

  onResponseCredit(bytes: number): void {
    this.#window += bytes;
    this.#sendRest();
  }

  /** Takes the handler's answer. */
  receive(packet: ResponsePacket): void {
    const { type, condition, body } = packet;
    if (type === 'error' || type === 'cancel') {
      this.fail('HF_BACKEND_ERROR', `the handler reports ${condition || type}`);
      return;
    }
    if (type !== 'data') {
      this.fail('HF_BACKEND_PROTOCOL', `the handler answered with a packet of type ${type}`);
      return;
    }
    if (body.length > this.#host.maxBodyBytes) {
      this.fail(
        'HF_BACKEND_OVERRUN',
        `the body of the answer has ${body.length} bytes, not up to ${this.#host.maxBodyBytes}`,
      );
      return;
    }
    // There is one packet, whatever its `more` says.
    const head = responseHead(packet, false);
    if (typeof head === 'string') {
      this.fail('HF_BACKEND_PROTOCOL', head);
      return;
    }
    this.#end();
    this.#requester.onResponse(head);
    this.#rest = body;
    this.#sendRest();
  }

  /** Hands over as much of the answer as the client may be given. */
  #sendRest(): void {
    while (this.#rest !== null) {
      const rest = this.#rest;
      const length = Math.min(rest.length, this.#window);
      if (length === 0 && rest.length > 0) return;
      const more = length < rest.length;
      this.#rest = more ? rest.subarray(length) : null;
      this.#window -= length;
      this.#requester.onResponseData(rest.subarray(0, length), more);
    }
  }

  /** Tells the client that it gets no answer. */
  fail(code: ErrorCode, detail: string): void {
    if (this.#ended) return;
    this.#end();
    const error = new ExchangeError(code, detail);
    const { counters, log } = this.#host;
    counters.sessionsFailed++;
    log[error.face.level](
      { id: this.#request.id, peer: this.#request.peer.address, request: this.id, code, detail },
      'request failed',
    );
    this.#requester.onResponseError(error);
  }

  /** The time for the request and its answer is over. @param seconds how long that was */
  expire(seconds: number): void {
    if (this.#offered) this.fail('HF_BACKEND_TIMEOUT', `no answer within ${seconds} s`);
    else this.fail('HF_REQUEST_TIMEOUT', `the request body took over ${seconds} s`);
  }

  #offer(): void {
    this.#offered = true;
    this.#host.offer(this);
  }

  #refuseBody(): void {
    this.fail('HF_BODY_TOO_LARGE', `the request body has over ${this.#host.maxBodyBytes} bytes`);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#body = [];
    this.#host.ended(this);
  }
}
