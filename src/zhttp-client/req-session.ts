import { type FirstPackets, NO_BODY, type ResponsePacket } from '../codec/zhttp/index.ts';
import {
  allFields,
  BodyCollector,
  CreditedResponse,
  type ErrorCode,
  type Log,
  type Requester,
  type RequestHead,
  type Responder,
  reportFault,
  WINDOW,
} from '../exchange/index.ts';
import type { CollectedBytes, Collector, SessionCounters } from '../zhttp/index.ts';
import { responseHead } from './packet-head.ts';
import { requestUri } from './request-uri.ts';
import { sessionFailure } from './session-failure.ts';

/** What a request needs of the client half that it belongs to. */
export interface ReqSessionHost {
  readonly maxBodyBytes: number;
  /** Whether handlers stand for origins. */
  readonly origins: boolean;
  readonly now: number;
  readonly counters: SessionCounters;
  readonly log: Log;
  /** What all sessions collect. */
  readonly collected: CollectedBytes;
  /** Sends the session's `packet` to a handler, as soon as one takes it. */
  offer(session: ReqSession): void;
  ended(session: ReqSession): void;
}

/** One request in one message, with its response in one message. */
export class ReqSession implements Responder, Collector {
  readonly id: string;
  /** When its head was there, by the wheel's clock. */
  readonly begunAt: number;
  /** When bytes of its body last came. */
  movedAt: number;
  readonly #host: ReqSessionHost;
  readonly #packets: FirstPackets;
  readonly #request: RequestHead;
  readonly #requester: Requester;
  /** Null where there is no body, before the request has one, and after it is sent. */
  #body: BodyCollector | null = null;
  /** Bytes of it that are counted with those of other sessions. */
  #collected = 0;
  /** Bytes of the response that the client may be given, until the response is there. */
  #window: number;
  #response: CreditedResponse | null = null;
  /** Whether all of the body is here, and a handler is asked. */
  #offered = false;
  #ended = false;

  /** @param packets writes the packet of the request */
  constructor(host: ReqSessionHost, packets: FirstPackets, id: string, request: RequestHead, requester: Requester) {
    this.id = id;
    this.begunAt = host.now;
    this.movedAt = host.now;
    this.#host = host;
    this.#packets = packets;
    this.#request = request;
    this.#requester = requester;
    this.#window = request.credits;
  }

  /** Whether it keeps bytes of a body that is not complete. */
  get collects(): boolean {
    return this.#collected > 0;
  }

  /** Collects the body, and then asks a handler. */
  begin(): void {
    const { bodyLength } = this.#request;
    if (bodyLength === 0) this.#offer();
    else if (bodyLength > this.#host.maxBodyBytes) this.#refuseBody();
    else {
      this.#body = new BodyCollector(this.#host.maxBodyBytes);
      // One byte more than fits: so a body that is too long is seen to be.
      this.#requester.onRequestCredit(Math.min(WINDOW, this.#host.maxBodyBytes + 1));
    }
  }

  /** Writes the request with its body, which is kept no longer. */
  packet(): Buffer | string {
    const { method, peer } = this.#request;
    const headers = allFields(this.#request);
    const uri = requestUri(this.#request);
    const packet = this.#packets.encodeWhole(this.id, method, uri, headers, peer, this.#body?.body ?? NO_BODY);
    this.#dropBody();
    return packet;
  }

  onRequestData(chunk: Buffer, more: boolean): void {
    if (this.#ended) return;
    if (this.#body?.add(chunk) === false) this.#refuseBody();
    else if (!more) this.#offer();
    else if (chunk.length > 0) this.#count(chunk.length);
  }

  #count(bytes: number): void {
    this.movedAt = this.#host.now;
    this.#collected += bytes;
    if (this.#host.collected.take(this, bytes)) this.#requester.onRequestCredit(bytes);
  }

  onRoom(bytes: number): void {
    if (this.#ended) return;
    // Nothing was read of the client while the body waited.
    this.movedAt = this.#host.now;
    this.#requester.onRequestCredit(bytes);
  }

  onRequestError(): void {
    this.#response?.drop();
    this.#end();
  }

  onResponseCredit(bytes: number): void {
    if (this.#response === null) this.#window += bytes;
    else this.#response.credit(bytes);
  }

  /** Takes the handler's response. */
  receive(packet: ResponsePacket): void {
    const { type, condition, body } = packet;
    if (type === 'error' || type === 'cancel') {
      this.fail('HF_BACKEND_ERROR', `the handler reports ${condition || type}`, condition);
      return;
    }
    if (type !== 'data') {
      this.fail('HF_BACKEND_PROTOCOL', `the handler responded with a packet of type ${type}`);
      return;
    }
    if (body.length > this.#host.maxBodyBytes) {
      this.fail(
        'HF_BACKEND_OVERRUN',
        `the body of the response has ${body.length} bytes, not up to ${this.#host.maxBodyBytes}`,
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
    // Responses do not say which handler they are from.
    const { record = null } = this.#request;
    if (record !== null && !this.#host.origins) record.originTime = performance.now() - record.startedAt;
    this.#response = new CreditedResponse(this.#requester, this.#window);
    this.#requester.onResponse(head);
    this.#response.give(body, true);
  }

  /** Tells the client that it gets no response. @param condition of the handler's error */
  fail(code: ErrorCode, detail: string, condition = ''): void {
    if (this.#ended) return;
    this.#end();
    const { counters, log, origins } = this.#host;
    const error = sessionFailure(origins, code, detail, condition);
    counters.sessionsFailed++;
    // A proxy tells of failures of its origins itself.
    log[origins ? 'debug' : error.face.level](
      {
        id: this.#request.id,
        peer: this.#request.peer.address,
        request: this.id,
        code: error.code,
        detail: error.detail,
      },
      'request failed',
    );
    this.#requester.onResponseError(error);
  }

  /** The time for the request and its response is over. @param seconds how long that was */
  expire(seconds: number): void {
    if (this.#offered) this.fail('HF_BACKEND_TIMEOUT', `no response within ${seconds} s`);
    else this.fail('HF_REQUEST_TIMEOUT', `the request body took over ${seconds} s`);
  }

  /** A defect of ours ends this request alone. */
  onFault(thrown: unknown): void {
    const { code, detail } = reportFault(this.#host, thrown, { request: this.id });
    this.fail(code, detail);
  }

  #offer(): void {
    this.#offered = true;
    this.#host.offer(this);
  }

  #refuseBody(): void {
    this.fail('HF_BODY_TOO_LARGE', `the request body has over ${this.#host.maxBodyBytes} bytes`);
  }

  #dropBody(): void {
    this.#body = null;
    const collected = this.#collected;
    this.#collected = 0;
    if (collected > 0) this.#host.collected.release(this, collected);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#host.ended(this);
    this.#dropBody();
  }
}
