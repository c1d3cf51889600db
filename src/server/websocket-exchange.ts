import type { Socket } from 'node:net';
import { acceptDeflate, DEFAULT_DEFLATE, type ValidHandshake } from '../codec/websocket/index.ts';
import type {
  ExchangeError,
  ExchangeRecord,
  JoinedMessages,
  MessagePayload,
  Payload,
  Peer,
  Requester,
  RequestHead,
  ResponseHead,
  WebSocketRequester,
  WebSocketResponder,
  WebSocketService,
} from '../exchange/index.ts';
import type { ClientConnection } from './client-connection.ts';
import type { ConnectionHost } from './connection-host.ts';
import { toExchangeError } from './to-exchange-error.ts';
import { WebSocketConnection } from './websocket-connection.ts';
import { acceptHead, unofferedProtocol } from './websocket-handshake.ts';

/** The stream that the request for a WebSocket came on. */
export interface HandshakePhase extends Requester {
  /** Gives the connection away. Returns it, or null if it cannot be given: the request has its response. */
  release(successor: WebSocketConnection): ClientConnection | null;
  /** The responder sends what cannot be sent. */
  fault(error: ExchangeError): void;
}

/**
 * The `WebSocketRequester` of one exchange. Until the service accepts the WebSocket it is a request like any other, which the HTTP/1
 * connection deals with; then a `WebSocketConnection` takes the socket over.
 */
export class WebSocketExchange implements WebSocketRequester {
  readonly #http: HandshakePhase;
  readonly #socket: Socket;
  readonly #server: ConnectionHost;
  readonly #peer: Peer;
  readonly #id: string;
  readonly #handshake: ValidHandshake;
  /** Not null from `ask` until the WebSocket is open. */
  #request: RequestHead | null = null;
  /** Not null once the WebSocket is open. */
  #open: WebSocketConnection | null = null;
  /** Null until the service has returned. */
  #responder: WebSocketResponder | null = null;
  /** Bytes that the responder has granted before the WebSocket is open. */
  #credit = 0;
  /** Whether it takes nothing for now, as far as that was said before the WebSocket is open. */
  #paused = false;

  constructor(
    http: HandshakePhase,
    socket: Socket,
    server: ConnectionHost,
    peer: Peer,
    id: string,
    handshake: ValidHandshake,
  ) {
    this.#http = http;
    this.#socket = socket;
    this.#server = server;
    this.#peer = peer;
    this.#id = id;
    this.#handshake = handshake;
  }

  /** Gives the request to the service. */
  ask(service: WebSocketService, request: RequestHead): WebSocketResponder {
    this.#request = request;
    const responder = service(request, this);
    // The service may have handed over to another one.
    this.#responder ??= responder;
    this.#open?.start(this.#responder);
    return this.#responder;
  }

  /** An open WebSocket ends with its connection anyway. */
  abortOnHalfClose(): void {
    if (this.#open === null) this.#http.abortOnHalfClose?.();
  }

  onResponse(head: ResponseHead): void {
    if (this.#open !== null) return;
    if (head.status === 101) this.#accept(head);
    else this.#http.onResponse(head);
  }

  #accept(head: ResponseHead): void {
    const server = this.#server;
    const handshake = this.#handshake;
    const deflate = server.compression ? acceptDeflate(handshake.extensions, DEFAULT_DEFLATE) : null;
    const request = this.#request;
    const returnedId = server.requestIds.returned ? (request?.requestId ?? '') : '';
    let text: string;
    try {
      text = acceptHead(head, handshake, deflate, returnedId);
    } catch (thrown) {
      this.#http.fault(toExchangeError(thrown));
      return;
    }
    const parameters = deflate?.parameters ?? null;
    const names = { id: this.#id, requestId: request?.requestId ?? '' };
    const connection = new WebSocketConnection(this.#socket, server, this.#peer, names, parameters);
    const former = this.#http.release(connection);
    if (former === null) return;
    const protocol = unofferedProtocol(head, handshake);
    if (protocol !== null) {
      const { address } = this.#peer;
      server.log.warn({ id: this.#id, peer: address, protocol }, 'response picks a subprotocol that was not offered');
    }
    this.#open = connection;
    this.#request = null;
    connection.record = request?.record ?? null;
    if (connection.record !== null) noteOpen(connection.record, head.status);
    connection.onRequestCredit(this.#credit);
    connection.pauseRequest(this.#paused);
    connection.open(former, text);
    // A service that accepts before it returns has no responder yet for what the client sends.
    if (this.#responder !== null) connection.start(this.#responder);
  }

  get keepsUp(): boolean {
    return this.#open?.keepsUp === true;
  }

  onResponseMessage(chunk: Buffer, text: boolean, more: boolean): void {
    this.#open?.onResponseMessage(chunk, text, more);
  }

  onResponseShared(message: MessagePayload): void {
    this.#open?.onResponseShared(message);
  }

  onResponseJoined(joined: JoinedMessages): void {
    this.#open?.onResponseJoined(joined);
  }

  onResponsePing(data: Buffer): void {
    this.#open?.onResponsePing(data);
  }

  onResponsePong(data: Buffer): void {
    this.#open?.onResponsePong(data);
  }

  onResponseClose(code: number, reason: string): void {
    this.#open?.onResponseClose(code, reason);
  }

  onResponseError(error: ExchangeError): void {
    (this.#open ?? this.#http).onResponseError(error);
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    if (this.#open === null) this.#http.onResponseData(chunk, more);
    else this.#open.onResponseData();
  }

  onResponsePayload(payload: Payload): void {
    if (this.#open === null) this.#http.onResponsePayload(payload);
    else this.#open.onResponsePayload();
  }

  onRequestCredit(bytes: number): void {
    if (this.#open === null) this.#credit += bytes;
    else this.#open.onRequestCredit(bytes);
  }

  pauseRequest(paused: boolean): void {
    if (this.#open === null) this.#paused = paused;
    else this.#open.pauseRequest(paused);
  }

  handOver(responder: WebSocketResponder): void {
    (this.#open ?? this.#http).handOver(responder);
    this.#responder = responder;
    this.#paused = false;
  }
}

function noteOpen(record: ExchangeRecord, status: number): void {
  record.webSocket = true;
  record.status = status;
  record.respondedAt = performance.now();
}
