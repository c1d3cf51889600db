import { fieldValue } from '../codec/fields/index.ts';
import { pathOf } from '../codec/http1/index.ts';
import type { HandlerRequest as RequestText } from '../codec/mongrel2/index.ts';
import { readHandshake } from '../codec/websocket/index.ts';
import {
  ExchangeError,
  NO_RESPONDER,
  type Requester,
  type RequestHead,
  type Responder,
  UNKNOWN_LENGTH,
} from '../exchange/index.ts';
import { HandlerRequest, type RequestTarget } from './handler-request.ts';
import type { HandlerSockets } from './handler-sockets.ts';
import { HandlerUpload } from './handler-upload.ts';
import { HandlerWebSocket } from './handler-websocket.ts';
import { logFailure, loggedRequest } from './logged-request.ts';
import { DOWNLOAD_WINDOW, Mongrel2Connection } from './mongrel2-connection.ts';
import type { Site } from './site.ts';

const NO_BODY = Buffer.alloc(0);

/** Gives the requests of one route to its handler. */
export class HandlerTarget implements RequestTarget {
  readonly site: Site;
  readonly sockets: HandlerSockets;
  readonly #pattern: string;
  /** The route as the configuration has it. */
  readonly #route: string;
  /** Pairs that the first request of each connection has. */
  readonly #first: string;

  /** @param pattern the route as the configuration has it */
  constructor(site: Site, sockets: HandlerSockets, pattern: string) {
    const { messages } = sockets;
    this.site = site;
    this.sockets = sockets;
    this.#pattern = messages.pattern(pattern);
    this.#route = pattern;
    const { downloadFlowControl } = site.settings;
    this.#first = downloadFlowControl ? messages.extra('DOWNLOAD_CREDITS', String(DOWNLOAD_WINDOW)) : '';
  }

  /** Takes a request. Most have no body, and a process that takes them at once: those need no object of their own. */
  begin(request: RequestHead, requester: Requester): Responder {
    const { bodyLength, record } = request;
    if (record != null) {
      record.route = this.#route;
      record.origin = this.sockets.handler.name;
    }
    if (!this.sockets.bound) {
      return this.#refuse(request, requester, new ExchangeError('HF_HANDLER_UNBOUND', this.sockets.handler.name));
    }
    if (bodyLength > this.site.settings.contentLength || bodyLength === UNKNOWN_LENGTH) {
      const upload = this.#beginUpload(request, requester);
      if (upload !== null) return upload;
    }
    const connection = this.#connectionOf(requester);
    const accept = bodyLength === 0 ? acceptOf(request) : '';
    if (bodyLength === 0) {
      const message = this.message(connection, request, NO_BODY, accept);
      if (connection.tie(this.sockets).send(message)) {
        this.take(connection, request, requester, accept);
        return NO_RESPONDER;
      }
    }
    const waiting = new HandlerRequest(this, request, requester, connection, accept);
    if (bodyLength === 0) waiting.offer();
    else waiting.collect();
    return waiting;
  }

  /** Takes a request whose body does not go in one message. Null: it is chunked, and may be short. */
  #beginUpload(request: RequestHead, requester: Requester): Responder | null {
    const { uploads, settings } = this.site;
    if (uploads === null && !settings.uploadStream) {
      const { bodyLength } = request;
      if (bodyLength === UNKNOWN_LENGTH) return null;
      return this.#refuse(request, requester, new ExchangeError('HF_BODY_TOO_LARGE', `${bodyLength} bytes`));
    }
    const store = settings.uploadStream ? null : uploads;
    const upload = new HandlerUpload(this, request, requester, this.#connectionOf(requester), store);
    upload.start();
    return upload;
  }

  /**
   * The message of a request.
   * @param accept what the client of a WebSocket expects for its key; empty for other requests
   */
  message(connection: Mongrel2Connection, request: RequestText, body: Buffer, accept: string): Buffer | string {
    const { messages } = this.sockets;
    const extra = connection.client === null ? this.#first : '';
    if (accept === '') return messages.request(connection.id, request, this.#pattern, extra, body);
    const key = Buffer.from(accept, 'latin1');
    return messages.request(connection.id, request, this.#pattern, extra, key, 'WEBSOCKET_HANDSHAKE');
  }

  /** A process has taken the message of a request: its connection is the handler's. */
  take(connection: Mongrel2Connection, request: RequestHead, requester: Requester, accept: string): void {
    connection.take(requester);
    if (request.record != null || !this.site.accessLog.silent) connection.log(loggedRequest(request));
    if (accept !== '') new HandlerWebSocket(this, connection, request).start();
  }

  /** A message of an upload, with headers that others lack. */
  uploadRequest(connection: Mongrel2Connection, request: RequestText, extra: string, body: Buffer): Buffer | string {
    const first = connection.client === null ? this.#first : '';
    return this.sockets.messages.request(connection.id, request, this.#pattern, first + extra, body);
  }

  /** A further part of an upload. */
  uploadPart(connection: Mongrel2Connection, request: RequestText, extra: string, body: Buffer): Buffer | string {
    return this.sockets.messages.uploadPart(connection.id, pathOf(request.target), extra, body);
  }

  frame(connection: Mongrel2Connection, request: RequestText, client: string, flags: number, payload: Buffer) {
    return this.sockets.messages.frame(connection.id, request, client, this.#pattern, flags, payload);
  }

  /** A message of a JSON or XML socket. */
  socketMessage(
    connection: Mongrel2Connection,
    method: 'JSON' | 'XML',
    path: string,
    address: string,
    body: Buffer,
  ): Buffer | string {
    return this.sockets.messages.socketMessage(connection.id, method, path, this.#pattern, address, body);
  }

  logFailure(request: RequestHead, error: ExchangeError): void {
    logFailure(this.site.accessLog, request, error);
  }

  #refuse(request: RequestHead, requester: Requester, error: ExchangeError): Responder {
    this.logFailure(request, error);
    requester.onResponseError(error);
    return NO_RESPONDER;
  }

  #connectionOf({ rawOwner }: Requester): Mongrel2Connection {
    if (rawOwner instanceof Mongrel2Connection) return rawOwner;
    return new Mongrel2Connection(this.site.connections.nextId(), this.site);
  }
}

/** What the client of a WebSocket expects for its key; empty if the request asks for no WebSocket that can be (reference §7). */
function acceptOf({ method, version, headers, bodyLength }: RequestHead): string {
  // Most requests are not handshakes: they should cost no more than this.
  if (version !== '1.1' || fieldValue(headers, 'upgrade') === undefined) return '';
  const handshake = readHandshake({ method, version, headers, bodyLength });
  return handshake?.valid === true ? handshake.accept : '';
}
