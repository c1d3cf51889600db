import type { HandlerRequest as MessageRequest } from '../codec/mongrel2/index.ts';
import { ExchangeError, NO_RESPONDER, type Requester, type RequestHead, type Responder } from '../exchange/index.ts';
import { HandlerRequest, type RequestTarget } from './handler-request.ts';
import type { HandlerSockets } from './handler-sockets.ts';
import { DOWNLOAD_WINDOW, Mongrel2Connection } from './mongrel2-connection.ts';
import type { Site } from './site.ts';

/** Gives the requests of one route to its handler. */
export class HandlerTarget implements RequestTarget {
  readonly site: Site;
  readonly sockets: HandlerSockets;
  readonly #pattern: string;
  /** Pairs that the first request of each connection has. */
  readonly #first: string;

  /** @param pattern the route as the configuration has it */
  constructor(site: Site, sockets: HandlerSockets, pattern: string) {
    const { messages } = sockets;
    this.site = site;
    this.sockets = sockets;
    this.#pattern = messages.pattern(pattern);
    const { downloadFlowControl } = site.settings;
    this.#first = downloadFlowControl ? messages.extra('DOWNLOAD_CREDITS', String(DOWNLOAD_WINDOW)) : '';
  }

  /** Takes a request. Most have no body, and a process that takes them at once: those need no object of their own. */
  begin(request: RequestHead, requester: Requester): Responder {
    const { bodyLength } = request;
    if (!this.sockets.bound) return refuse(requester, 'HF_HANDLER_UNBOUND', this.sockets.handler.name);
    if (bodyLength > this.site.settings.contentLength) {
      return refuse(requester, 'HF_BODY_TOO_LARGE', `${bodyLength} bytes`);
    }
    const connection = this.#connectionOf(requester);
    if (bodyLength === 0) {
      const message = this.message(connection, request);
      if (connection.tie(this.sockets).send(message)) {
        connection.take(requester);
        return NO_RESPONDER;
      }
    }
    const waiting = new HandlerRequest(this, request, requester, connection);
    if (bodyLength === 0) waiting.offer();
    else waiting.collect();
    return waiting;
  }

  /** The message of a request. */
  message(connection: Mongrel2Connection, request: MessageRequest, body?: Buffer): Buffer | string {
    const extra = connection.client === null ? this.#first : '';
    return this.sockets.messages.request(connection.id, request, this.#pattern, extra, body);
  }

  #connectionOf({ rawOwner }: Requester): Mongrel2Connection {
    if (rawOwner instanceof Mongrel2Connection) return rawOwner;
    return new Mongrel2Connection(this.site.connections.nextId(), this.site);
  }
}

function refuse(requester: Requester, code: 'HF_HANDLER_UNBOUND' | 'HF_BODY_TOO_LARGE', detail: string): Responder {
  requester.onResponseError(new ExchangeError(code, detail));
  return NO_RESPONDER;
}
