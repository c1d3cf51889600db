import type { Socket } from 'node:net';
import type { AtTurnEnd } from '../clock/index.ts';
import { type BodyReader, bodyReader, type Http1RequestHead } from '../codec/http1/index.ts';
import {
  ExchangeError,
  type PartState,
  type Payload,
  type Peer,
  type RawClient,
  type RawOwner,
  type Responder,
  type ResponseHead,
  type Suspended,
} from '../exchange/index.ts';
import type { ClientConnection } from './client-connection.ts';
import type { ConnectionHost } from './connection-host.ts';
import { Http1Request } from './http1-request.ts';
import type { StreamConnection } from './stream-connection.ts';
import type { StreamState } from './suspended-connection.ts';
import { toExchangeError } from './to-exchange-error.ts';
import type { WebSocketConnection } from './websocket-connection.ts';
import { type HandshakePhase, WebSocketExchange } from './websocket-exchange.ts';
import { requestedHandshake } from './websocket-handshake.ts';

const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
const EMPTY = Buffer.alloc(0);
const UPGRADE_TO = ['Upgrade', 'websocket', 'Sec-WebSocket-Version', '13'];

/** Stands for the connection of a stream that a WebSocket has taken over. A stream that is over calls nothing of it. */
const RELEASED = {} as StreamConnection;

/**
 * One exchange on an HTTP/1 connection: the head of its request, the `Requester` that takes its response and writes it, and the credits of
 * both bodies. It is one object so that a request costs no more. What is done to it when it is over changes nothing: the connection may
 * carry the next one by then.
 */
export class Http1Stream extends Http1Request implements HandshakePhase, AtTurnEnd {
  #connection: StreamConnection;
  /** Null until the service has returned, and at the end. */
  #responder: Responder | null = null;
  /** Not null while bytes of the request body are to come. */
  #body: BodyReader | null = null;
  #requestCredit = 0;
  /** The responder takes nothing of the body for now. */
  #requestPaused = false;
  #awaitsContinue = false;
  /** Bytes of the response for which the responder gets credit once it is known and the socket has taken them. */
  #owedCredit = 0;
  /** Whether a FIN ends the exchange, because its responder asks for it. */
  #halfCloseAborts = false;
  /** The responder writes the response itself: the exchange is over when its request was read. */
  #raw = false;
  /** Whether the socket holds back what is written until the end of the turn. */
  #corked = false;
  #over = false;

  constructor(
    connection: StreamConnection,
    socket: Socket,
    server: ConnectionHost,
    head: Http1RequestHead,
    id: string,
    peer: Peer,
    keepAlive: boolean,
    moved: StreamState | null = null,
  ) {
    super(connection.encrypted ? 'https' : 'http', socket, server, head, id, peer, keepAlive, moved);
    this.#connection = connection;
  }

  /** Whether its responder writes the response itself. */
  get raw(): boolean {
    return this.#raw;
  }

  /** Whether bytes of the request body are to come. */
  get bodyComes(): boolean {
    return this.#body !== null;
  }

  /** Whether it is the client's turn: part of its body is wanted. Without credit it is not the client that is late. */
  get bodyIsDue(): boolean {
    return this.#body !== null && this.#requestCredit > 0 && !this.#requestPaused;
  }

  get abortsOnHalfClose(): boolean {
    return this.#halfCloseAborts || this.server.limits.abortOnHalfClose;
  }

  // ---- the request

  /**
   * Gives the request to the service.
   * @param bodyHere whether the body has begun to arrive with the head
   * @throws ExchangeError HF_EXPECTATION, HF_WEBSOCKET_HANDSHAKE or HF_WEBSOCKET_VERSION
   */
  begin(head: Http1RequestHead, bodyHere: boolean): void {
    if (head.expectUnknown) throw new ExchangeError('HF_EXPECTATION');
    if (head.bodyLength !== 0) {
      this.#body = bodyReader(head.bodyLength, this.server.limits);
      this.#awaitsContinue = head.expectContinue && !bodyHere;
    }
    this.#connection.watch();
    const responder = this.#ask(head);
    if (this.#over) return;
    // The service may have handed over to another responder.
    this.#responder ??= responder;
    if (this.#raw && this.#body === null) this.#end();
    else if (!this.#connection.blocked) this.returnCredit();
  }

  #ask(head: Http1RequestHead): Responder {
    const server = this.server;
    const handshake = server.webSocketService === null ? null : requestedHandshake(head);
    if (server.webSocketService === null || handshake === null) return server.service(this, this);
    this.scheme = this.#connection.encrypted ? 'wss' : 'ws';
    const exchange = new WebSocketExchange(this, this.socket, server, this.peer, this.id, handshake);
    return exchange.ask(server.webSocketService, this);
  }

  release(successor: WebSocketConnection): ClientConnection | null {
    if (this.#over || this.hasHead) return null;
    this.#forget();
    const connection = this.#connection;
    // The request lives on with the WebSocket, and keeps nothing else of HTTP/1.
    this.#connection = RELEASED;
    return connection.release(successor);
  }

  /** Takes what the responder has granted of the body. Returns where it stopped. */
  readBody(input: Buffer, offset: number): number {
    const body = this.#body;
    if (body === null || this.#responder === null || this.#requestPaused) return offset;
    const end = body.read(input, offset, this.#requestCredit);
    const { data, done } = body;
    if (done) this.#body = null;
    if (data !== null) {
      this.#requestCredit -= data.length;
      if (this.record !== null) this.record.requestBytes += data.length;
    }
    if (end > offset) this.#connection.watch();
    if (data !== null || done) this.#responder.onRequestData(data ?? EMPTY, !done);
    if (done && this.#raw && !this.#over) this.#end();
    return end;
  }

  // ---- the response (Requester)

  onResponse(head: ResponseHead): void {
    if (this.#over) return;
    if (this.server.crowded) this.keepAlive = false;
    this.head(head);
    this.record?.responded(head);
    this.#cork();
    this.server.turn.add(this);
  }

  /**
   * Lets the responses of a turn leave one right after the other: a client that wakes up for the first one finds the others there, and waking it for
   * each costs as much as the write. The last response on a connection does not wait, so that the connection can be closed at once.
   */
  #cork(): void {
    if (this.#corked || !this.keepAlive) return;
    this.#corked = true;
    this.socket.cork();
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.socket.uncork();
  }

  /** Writes what has waited, also a head whose body has not begun. */
  onTurnEnd(): void {
    this.#uncork();
    if (this.#over) return;
    if (this.#raw) {
      if (this.#body === null) this.#end();
      return;
    }
    this.flush();
    if (this.#halfCloseAborts && this.#connection.inputEnded) this.#connection.cut();
  }

  onFault(thrown: unknown): void {
    this.fault(toExchangeError(thrown));
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    this.#send(chunk, null, more);
  }

  onResponseLoan(chunk: Buffer, more: boolean): boolean {
    // What waits for the end of the turn cannot be given back.
    this.#uncork();
    this.#send(chunk, null, more, true);
    // The kernel has a copy of what was written, unless the socket keeps it for later.
    return this.socket.writableLength === 0;
  }

  onResponsePayload(payload: Payload): void {
    this.#send(payload.body, payload, true);
  }

  /**
   * @param payload what `chunk` is the body of, if many share it
   * @param lent whether the responder goes on at once if the kernel has taken all, although so much was written that the socket asks for a pause
   */
  #send(chunk: Buffer, payload: Payload | null, more: boolean, lent = false): void {
    if (this.#over) return;
    if (this.record !== null) this.record.responseBytes += chunk.length;
    // RFC 9112 §9.6: the rest of the request would have to be read first, and is not wanted any more.
    if (!more && this.#body !== null) this.keepAlive = false;
    let flowing: boolean;
    try {
      flowing = payload === null ? this.data(chunk, more) : this.payload(payload);
    } catch (error) {
      this.fault(toExchangeError(error));
      return;
    }
    this.#afterWrite(chunk.length, flowing || (lent && this.socket.writableLength === 0), more);
    if (!more) this.#end();
  }

  onResponseError(error: ExchangeError): void {
    if (!this.#over) this.#fail(error);
  }

  onRequestCredit(bytes: number): void {
    if (this.#over || this.#body === null) return;
    const waited = this.#requestCredit === 0;
    this.#requestCredit += bytes;
    if (this.#awaitsContinue) {
      this.#awaitsContinue = false;
      // RFC 9110 §10.1.1: no 100 once the final response has begun, or when the client sends the body anyway.
      if (!this.hasHead && this.#connection.unread === null) this.#connection.writeInterim(CONTINUE);
    }
    if (waited) this.#connection.watch();
    this.#connection.consumeUnread();
  }

  pauseRequest(paused: boolean): void {
    if (this.#over || this.#requestPaused === paused) return;
    this.#requestPaused = paused;
    this.#connection.watch();
    if (!paused && this.#connection.unread !== null) this.#connection.rest();
  }

  abortOnHalfClose(): void {
    if (this.#over) return;
    this.#halfCloseAborts = true;
    // The caller is not done yet: what it does next may be to hand over.
    if (this.#connection.inputEnded) this.server.turn.add(this);
  }

  get rawOwner(): RawOwner | null {
    return this.#connection.rawOwner;
  }

  takeRaw(owner: RawOwner): RawClient {
    const client = this.#connection.giveOutput(owner);
    if (this.#over || this.#raw) return client;
    this.dropHead();
    this.#raw = true;
    // Whether the connection goes on is for its owner to say.
    this.keepAlive = true;
    // The caller may be about to take the input too.
    if (this.#responder !== null) this.server.turn.add(this);
    return client;
  }

  handOver(responder: Responder): void {
    if (this.#over) return;
    this.#responder = responder;
    this.pauseRequest(false);
  }

  #afterWrite(bytes: number, flowing: boolean, more: boolean): void {
    if (more) this.#owedCredit += bytes;
    if (!flowing) this.#connection.block();
    else if (more) this.returnCredit();
  }

  /** Gives the responder its credit back for all that the socket has taken. It is kept while the service has not returned yet. */
  returnCredit(): void {
    const credit = this.#owedCredit;
    if (credit === 0 || this.#responder === null) return;
    this.#owedCredit = 0;
    this.#responder.onResponseCredit(credit);
  }

  // ---- the move to another process

  get mayMove(): boolean {
    return this.#responder?.suspend !== undefined;
  }

  /** Begins to move, once its request is here and all that was sent has gone. Null where it cannot at present. */
  suspend(): Suspended<StreamState & PartState> | null {
    if (this.#over || this.#raw || this.#body !== null || this.#corked || this.#owedCredit > 0) return null;
    // A head that waits for its first bytes leaves at the end of the turn.
    if (this.hasHead !== this.started) return null;
    const responder = this.#responder?.suspend?.() ?? null;
    if (responder === null) return null;
    const { method, target, scheme, authority, version, headers, ownFields, requestId, bodyLength } = this;
    const head = { method, target, scheme, authority, version, headers, ownFields, requestId, bodyLength };
    const { keepAlive, progress } = this;
    const own = { keepAlive, progress, last: this.last, halfCloseAborts: this.#halfCloseAborts };
    const record = this.record?.state ?? null;
    return {
      state: { kind: 'http1-stream', ...head, ...own, record, responder: responder.state },
      resume: () => responder.resume(),
      forget: () => {
        this.record?.leave();
        this.#forget();
        responder.forget();
      },
    };
  }

  /** Goes on where the stream of another process has stopped. Its responder is attached next. */
  static moved(
    state: StreamState,
    id: string,
    peer: Peer,
    connection: StreamConnection,
    socket: Socket,
    server: ConnectionHost,
  ): Http1Stream {
    const head = { ...state, keepAlive: !state.last, expectContinue: false, expectUnknown: false };
    const stream = new Http1Stream(connection, socket, server, head, id, peer, state.keepAlive, state);
    stream.scheme = state.scheme;
    stream.progress = state.progress;
    stream.#halfCloseAborts = state.halfCloseAborts;
    return stream;
  }

  /** Lets the responder that was made again go on. */
  attach(responder: Responder): void {
    if (!this.#over) this.#responder ??= responder;
  }

  // ---- the end

  /** The response is complete, or is another's. */
  #end(): void {
    const read = this.#body === null;
    this.#forget();
    if (!this.#raw) this.record?.end();
    this.#connection.onStreamEnd(this, read);
  }

  #forget(): void {
    this.#over = true;
    this.#responder = null;
    this.#body = null;
  }

  /** What the client sends goes to another from now on. */
  leave(): void {
    this.#forget();
  }

  /** The connection is lost: the responder gets the error. */
  drop(error: ExchangeError): void {
    const responder = this.#responder;
    this.#forget();
    responder?.onRequestError(error);
    this.record?.end(error.code);
  }

  /** The request itself is at fault: the responder, if any, gets the error, and the connection ends with the response. */
  refuse(error: ExchangeError): void {
    const responder = this.#responder;
    this.#responder = null;
    responder?.onRequestError(error);
    if (this.#over) return;
    this.keepAlive = false;
    this.#fail(error);
  }

  fault(error: ExchangeError): void {
    const responder = this.#responder;
    this.#connection.reportFault(error);
    if (this.#over) return;
    this.keepAlive = false;
    this.#fail(error);
    this.#connection.tell(responder, error);
  }

  /** Tells the client of `error` if its response has not begun; otherwise cuts the response off, so that it cannot be taken for a whole one. */
  #fail(error: ExchangeError): void {
    if (this.started || this.#raw) {
      this.#connection.onStreamBroken();
      this.#forget();
      this.record?.end(error.code);
      return;
    }
    this.dropHead();
    // RFC 9112 §9.6: the rest of the request would have to be read first, and is not wanted any more.
    if (this.#body !== null) this.keepAlive = false;
    const { head, body, close } = this.server.describeError(error);
    if (this.record !== null) {
      this.record.responded(head);
      this.record.error = error.code;
      this.record.responseBytes += body.length;
    }
    if (close === true) this.keepAlive = false;
    // RFC 6455 §4.4, RFC 9110 §15.5.22: the response names what to upgrade to.
    if (error.code === 'HF_WEBSOCKET_VERSION') this.head({ ...head, headers: [...head.headers, ...UPGRADE_TO] });
    else this.head(head);
    this.#afterWrite(body.length, this.data(body, false), false);
    this.#end();
  }
}
