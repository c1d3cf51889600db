import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type BodyReader, bodyReader, type Http1RequestHead, RequestHeadReader } from '../codec/http1/index.ts';
import { ExchangeError, type Payload, type Requester, type Responder, type ResponseHead } from '../exchange/index.ts';
import { peerAddress } from '../net/index.ts';
import { ClientConnection } from './client-connection.ts';
import type { ConnectionHost } from './connection-host.ts';
import { LastLook } from './last-look.ts';
import { ResponseWriter } from './response-writer.ts';
import { LONG_EXCHANGE, PROBE_INTERVAL } from './server-limits.ts';
import { toExchangeError } from './to-exchange-error.ts';
import { toRequestHead } from './to-request-head.ts';
import { WebSocketConnection } from './websocket-connection.ts';
import { requestedHandshake } from './websocket-handshake.ts';

/** Between requests. */
const IDLE = 0;
/** Part of a request head is here. */
const HEAD = 1;
/** A service has the request. */
const EXCHANGE = 2;

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const EMPTY = Buffer.alloc(0);
const UPGRADE_TO = ['Upgrade', 'websocket', 'Sec-WebSocket-Version', '13'];
const NEVER = Number.POSITIVE_INFINITY;

/**
 * One client connection speaking HTTP/1 (RFC 9112): reads requests one at a time, gives each to the service as an exchange, and is the
 * `Requester` that takes the response.
 */
export class Http1Connection extends ClientConnection<Responder> implements Requester {
  readonly #number: number;
  #exchanges = 0;
  #state = IDLE;
  /** When the whole request has to be here. */
  #requestDeadline = NEVER;
  #reader: RequestHeadReader | null = null;
  /** Not null while bytes of the request body are to come. */
  #body: BodyReader | null = null;
  #requestCredit = 0;
  /** The responder takes nothing of the body for now. */
  #requestPaused = false;
  #awaitsContinue = false;
  #writer: ResponseWriter | null = null;
  /** What has the connection if the service accepts the WebSocket that the request asks for; null if it asks for none. */
  #webSocket: WebSocketConnection | null = null;
  /** Whether the client has said that this request is its last one. */
  #last = false;
  /** Whether a FIN ends the exchange that runs, because its responder asks for it. */
  #halfCloseAborts = false;
  /** Whether it ends as soon as it is between two requests. */
  #leaving = false;

  constructor(socket: Socket, server: ConnectionHost, number: number) {
    super(socket, server, { address: peerAddress(socket), port: socket.remotePort ?? 0 });
    this.#number = number;
    this.watch();
  }

  /** Names the connection and the exchange on it. */
  protected override get id(): string {
    return `${this.#number}-${this.#exchanges}`;
  }

  // ---- input

  protected override consume(input: Buffer): Buffer | null {
    let offset = 0;
    try {
      while (offset < input.length && !this.finished) {
        const before = offset;
        if (this.#state !== EXCHANGE) {
          // A client that does not read its responses gets no further ones.
          if (this.blocked) break;
          offset = this.#readHead(input, offset);
        } else {
          if (this.#body === null) break;
          offset = this.#readBody(this.#body, input, offset);
          if (offset === before && this.#body !== null) break;
        }
      }
    } catch (thrown) {
      this.#onThrown(toExchangeError(thrown));
    }
    const rest = offset < input.length ? input.subarray(offset) : null;
    // What stands behind the handshake is for the WebSocket.
    if (rest !== null && this.#webSocket?.open === true) this.#webSocket.onInput(rest);
    return rest;
  }

  protected override afterInput(): void {
    if (!this.finished && this.inputEnded && this.unread === null) this.#checkEnd();
  }

  #readHead(input: Buffer, offset: number): number {
    const { limits, wheel } = this.server;
    let reader = this.#reader;
    if (reader === null) {
      reader = new RequestHeadReader(limits);
      this.#requestDeadline = limits.requestTimeout === 0 ? NEVER : wheel.now + limits.requestTimeout * 1000;
    }
    const head = reader.read(input, offset);
    if (head === null) {
      this.#reader = reader;
      if (this.#state === IDLE) {
        this.#state = HEAD;
        this.setDeadline(Math.min(limits.headerTimeout, this.#requestTimeLeft));
      }
      return reader.offset;
    }
    this.#reader = null;
    this.#begin(head, reader.offset < input.length);
    return reader.offset;
  }

  /** @param bodyHere whether the body has begun to arrive with the head */
  #begin(head: Http1RequestHead, bodyHere: boolean): void {
    const server = this.server;
    this.#state = EXCHANGE;
    server.counters.requests++;
    this.#last = !head.keepAlive;
    this.#halfCloseAborts = false;
    const keepAlive = head.keepAlive && !server.draining && !server.crowded && !this.#leaving;
    const writer = new ResponseWriter(this.socket, head.method, head.version, keepAlive);
    this.#writer = writer;
    this.#exchanges++;
    this.#requestCredit = 0;
    this.#requestPaused = false;
    this.owedCredit = 0;
    this.responder = null;
    this.#webSocket = null;
    if (head.expectUnknown) throw new ExchangeError('HF_EXPECTATION');
    if (head.bodyLength === 0) {
      this.#body = null;
    } else {
      this.#body = bodyReader(head.bodyLength, server.limits);
      this.#awaitsContinue = head.expectContinue && !bodyHere;
    }
    this.watch();
    const responder = this.#ask(head);
    // The service may have responded already, or handed over to another responder.
    if (this.#writer !== writer) return;
    this.responder ??= responder;
    if (!this.blocked) this.returnCredit();
  }

  /** Whether the connection may be closed without an end in order: nothing waits, and TLS has no close_notify to send. */
  get #endsAtOnce(): boolean {
    return this.socket.writableLength === 0 && !this.#encrypted;
  }

  get #encrypted(): boolean {
    return (this.socket as Partial<TLSSocket>).encrypted === true;
  }

  /** Gives the request to the service that is there for it. */
  #ask(head: Http1RequestHead): Responder {
    const { server, socket, id, peer } = this;
    const handshake = server.webSocketService === null ? null : requestedHandshake(head);
    if (server.webSocketService === null || handshake === null) {
      return server.service(toRequestHead(head, id, peer, this.#encrypted ? 'https' : 'http'), this);
    }
    this.#webSocket = new WebSocketConnection(this, socket, server, peer, id, handshake);
    return this.#webSocket.ask(server.webSocketService, toRequestHead(head, id, peer, this.#encrypted ? 'wss' : 'ws'));
  }

  /**
   * Lets `successor` have the connection, because the service accepts the WebSocket that the request asks for.
   * @returns whether it can: not if the request has its response
   */
  release(successor: object): boolean {
    if (this.#writer === null || this.#writer.answered || this.#webSocket !== successor) return false;
    this.#writer = null;
    this.responder = null;
    return true;
  }

  #readBody(body: BodyReader, input: Buffer, offset: number): number {
    if (this.responder === null || this.#requestPaused) return offset;
    const end = body.read(input, offset, this.#requestCredit);
    const { data, done } = body;
    if (done) this.#body = null;
    if (data !== null) this.#requestCredit -= data.length;
    if (end > offset) this.watch();
    if (data !== null || done) this.responder.onRequestData(data ?? EMPTY, !done);
    return end;
  }

  /** The client sends no more (FIN). */
  onInputEnd(): void {
    this.inputEnded = true;
    if (this.finished) return;
    if (this.#state === EXCHANGE && this.#abortsOnHalfClose) this.cut();
    else if (this.unread === null) this.#checkEnd();
    else if (this.#state === EXCHANGE) this.probe();
  }

  get #abortsOnHalfClose(): boolean {
    return this.#halfCloseAborts || this.server.limits.abortOnHalfClose;
  }

  /** All input has been read, and no more will come. */
  #checkEnd(): void {
    if (this.#state === IDLE) {
      // It has left between two requests: no response is owed.
      if (this.#endsAtOnce) this.closeSocket();
      else this.#end();
    } else if (this.#state === HEAD) {
      this.#refuse(new ExchangeError('HF_BAD_REQUEST', 'the connection ended within the request header'));
    } else if (this.#body !== null) {
      this.#refuse(new ExchangeError('HF_BAD_REQUEST', 'the connection ended within the request body'));
    } else if (this.#writer !== null) {
      // The client may have closed only its sending side, and still wait for the response.
      this.#writer.keepAlive = false;
      this.probe();
    }
  }

  protected override writeProbe(): void {
    this.#writer?.probe();
  }

  // ---- the response (Requester)

  onResponse(head: ResponseHead): void {
    const writer = this.#writer;
    if (writer === null) return;
    if (this.server.crowded) writer.keepAlive = false;
    writer.head(head);
    this.server.turn.add(this);
  }

  /** Writes a head whose body has not begun by the end of the turn. */
  onTurnEnd(): void {
    this.#writer?.flush();
    if (this.#halfCloseAborts && this.inputEnded && this.#writer !== null) this.cut();
  }

  override onFault(thrown: unknown): void {
    this.fault(toExchangeError(thrown));
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    this.#send(chunk, null, more);
  }

  onResponsePayload(payload: Payload): void {
    this.#send(payload.body, payload, true);
  }

  /** @param payload what `chunk` is the body of, if many share it */
  #send(chunk: Buffer, payload: Payload | null, more: boolean): void {
    const writer = this.#writer;
    if (writer === null) return;
    // RFC 9112 §9.6: what is left of the request would have to be read first, and is not wanted any more.
    if (!more && this.#body !== null) writer.keepAlive = false;
    let flowing: boolean;
    try {
      flowing = payload === null ? writer.data(chunk, more) : writer.payload(payload);
    } catch (error) {
      this.fault(toExchangeError(error));
      return;
    }
    this.#afterWrite(chunk.length, flowing, more);
    if (!more) this.#endExchange();
  }

  onResponseError(error: ExchangeError): void {
    if (this.#writer !== null) this.#fail(error);
  }

  onRequestCredit(bytes: number): void {
    if (this.#writer === null || this.#body === null) return;
    const waited = this.#requestCredit === 0;
    this.#requestCredit += bytes;
    if (this.#awaitsContinue) {
      this.#awaitsContinue = false;
      // RFC 9110 §10.1.1: no 100 once the final response has begun, or when the client sends the body anyway.
      if (!this.#writer.answered && this.unread === null) this.socket.write(CONTINUE, 'latin1');
    }
    if (waited) this.watch();
    this.consumeUnread();
  }

  pauseRequest(paused: boolean): void {
    if (this.#writer === null || this.#requestPaused === paused) return;
    this.#requestPaused = paused;
    this.watch();
    if (!paused) this.consumeUnread();
  }

  abortOnHalfClose(): void {
    this.#halfCloseAborts = true;
    // The caller is not done yet: what it does next may be to hand over.
    if (this.inputEnded) this.server.turn.add(this);
  }

  handOver(responder: Responder): void {
    if (this.#writer === null) return;
    this.responder = responder;
    this.pauseRequest(false);
  }

  #afterWrite(bytes: number, flowing: boolean, more: boolean): void {
    if (more) this.owedCredit += bytes;
    if (!flowing) this.block();
    else if (more) this.returnCredit();
  }

  /** The response is complete: on to the next request, or to the end of the connection. */
  #endExchange(): void {
    const read = this.#body === null;
    const keepAlive = (this.#writer as ResponseWriter).keepAlive && read;
    this.forgetExchange();
    if (!keepAlive) {
      const nothingComes = this.#last && read && this.unread === null && this.#state === EXCHANGE;
      if (nothingComes && this.#endsAtOnce) this.closeSocket();
      else this.#end();
      return;
    }
    this.#state = IDLE;
    this.watch();
    if (this.#leaving || this.server.draining || this.server.crowded) this.#leave();
    if (this.consuming) return;
    if (this.unread !== null) this.consumeUnread();
    else if (this.inputEnded) this.#end();
  }

  protected override forgetExchange(): void {
    this.responder = null;
    this.#writer = null;
    this.#body = null;
    this.#awaitsContinue = false;
    this.owedCredit = 0;
  }

  // ---- failures

  /** The request itself is at fault: the responder, if any, hears of it, and the connection ends with the response. */
  #refuse(error: ExchangeError): void {
    this.server.counters.requestsRefused++;
    this.report(error, 'request refused');
    const responder = this.responder;
    this.responder = null;
    responder?.onRequestError(error);
    const writer = this.#writer ?? new ResponseWriter(this.socket, 'GET', '1.1', false);
    this.#writer = writer;
    writer.keepAlive = false;
    this.#fail(error);
  }

  #onThrown(error: ExchangeError): void {
    if (this.#webSocket?.open === true) this.#webSocket.fault(error);
    else if (error.code === 'HF_INTERNAL') this.fault(error);
    else this.#refuse(error);
  }

  /** A service or a responder has thrown, or wants to send a malformed response. */
  fault(error: ExchangeError): void {
    this.reportFault(error);
    const responder = this.responder;
    if (this.#writer === null) {
      // The response is complete: a second one would be taken for the response to the next request.
      this.#end();
      return;
    }
    this.#writer.keepAlive = false;
    this.#fail(error);
    this.tell(responder, error);
  }

  /** Tells the client of `error` if its response has not begun; otherwise cuts the response off, so that it cannot be taken for a whole one. */
  #fail(error: ExchangeError): void {
    const writer = this.#writer as ResponseWriter;
    if (writer.started) {
      this.cut();
      this.finished = true;
      this.forgetExchange();
      return;
    }
    writer.dropHead();
    // RFC 9112 §9.6: what is left of the request would have to be read first, and is not wanted any more.
    if (this.#body !== null) writer.keepAlive = false;
    const { head, body } = this.server.describeError(error);
    // RFC 6455 §4.4, RFC 9110 §15.5.22: the response names what to upgrade to.
    if (error.code === 'HF_WEBSOCKET_VERSION') writer.head({ ...head, headers: [...head.headers, ...UPGRADE_TO] });
    else writer.head(head);
    this.#afterWrite(body.length, writer.data(body, false), false);
    this.#endExchange();
  }

  // ---- time

  protected override onDeadline(): void {
    if (this.finished) {
      this.endLingering();
    } else if (this.blocked) {
      this.cutStalled();
    } else if (this.#state === IDLE) {
      this.#leave();
    } else if (this.#state === HEAD) {
      this.#refuse(new ExchangeError('HF_REQUEST_TIMEOUT', 'the request header took too long'));
    } else if (this.#bodyIsDue) {
      this.#refuse(new ExchangeError('HF_REQUEST_TIMEOUT', 'the request body took too long'));
    } else if (this.paused || this.inputEnded) {
      this.probe();
    } else {
      this.keepAlive();
    }
  }

  /** Whether it is the client's turn in an exchange: part of its body is wanted. Without credit it is not the client that is late. */
  get #bodyIsDue(): boolean {
    return this.#body !== null && this.#requestCredit > 0 && !this.#requestPaused;
  }

  /** Seconds until the whole request has to be here. */
  get #requestTimeLeft(): number {
    return Math.max(0, this.#requestDeadline - this.server.wheel.now) / 1_000;
  }

  /** Sets the deadline for what is waited for now, between two requests and in an exchange. */
  protected override watch(): void {
    const { limits } = this.server;
    if (this.blocked || this.finished) return;
    if (this.#state === IDLE) this.setDeadline(limits.idleTimeout);
    else if (this.#state !== EXCHANGE) return;
    else if (this.#bodyIsDue) this.setDeadline(Math.min(limits.bodyTimeout, this.#requestTimeLeft));
    else if (this.paused || this.inputEnded) this.setDeadline(PROBE_INTERVAL);
    else this.setDeadline(LONG_EXCHANGE);
  }

  // ---- the end

  /** Ends the connection if it is between two requests, else after the response to the present one. */
  drain(): void {
    if (this.#leaving) return;
    if (this.#state === IDLE) this.#leave();
    else if (this.#writer?.started === false) this.#writer.keepAlive = false;
    else this.#leaving = true;
  }

  leaveIfIdle(): boolean {
    if (this.#state !== IDLE || this.#leaving || this.finished || this.#exchanges === 0) return false;
    this.#leave();
    return true;
  }

  /** Ends the connection between two requests. A request that has arrived already gets its response before. */
  #leave(): void {
    if (this.finished) return;
    this.#leaving = true;
    new LastLook(this, this.server.turn, () => {
      if (this.#state === IDLE) this.#end();
    });
  }

  /** Answers a connection that is one too many. */
  turnAway(error: ExchangeError): void {
    this.#writer = new ResponseWriter(this.socket, 'GET', '1.1', false);
    this.#fail(error);
  }

  #end(): void {
    if (this.finished) return;
    this.#reader = null;
    this.endSocket();
  }

  /** Closes it at once, so that a truncated response cannot be taken for a whole one. */
  cut(): void {
    const socket = this.socket;
    const misleading = this.#writer?.endsWithConnection ?? (this.finished && socket.writableLength > 0);
    // Where the end of the connection would look like the end of the body there has to be a reset. Unix sockets know none, and TLS
    // needs none: only an end in order has its alert (RFC 8446 §6.1).
    if (misleading && this.peer.address !== '' && !this.#encrypted) socket.resetAndDestroy();
    else socket.destroy();
  }

  /** The socket is closed, for whatever reason. */
  onClosed(): void {
    const { counters } = this.server;
    const responder = this.responder;
    const aborted = this.#state === EXCHANGE && this.#writer !== null;
    this.finished = true;
    this.unread = null;
    this.#reader = null;
    this.stopTimer();
    this.forgetExchange();
    if (!aborted) return;
    counters.requestsAborted++;
    responder?.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
  }
}
