import { type TimerWheel, TurnQueue } from '../clock/index.ts';
import { pathOf } from '../codec/http1/index.ts';
import { isCallback } from '../config/index.ts';
import {
  type Counters,
  HeldTotal,
  type Log,
  NO_RESPONDER,
  type Requester,
  type RequestHead,
  type Responder,
  respond,
  type WebSocketRequester,
  type WebSocketResponder,
  type WebSocketService,
} from '../exchange/index.ts';
import { FramedWebSocket } from './framed-websocket.ts';
import { SockJsBody } from './sockjs-body.ts';
import { readMessages, SOCKJS_BUFFER } from './sockjs-frames.ts';
import { SockJsReceiver } from './sockjs-receiver.ts';
import { iframeResponse, infoResponse, preflightResponse, sockJsError, sockJsResponse } from './sockjs-responses.ts';
import type { SockJsRoom } from './sockjs-room.ts';
import { SockJsSession } from './sockjs-session.ts';
import { TRANSPORTS } from './sockjs-transport.ts';

/**
 * Sessions of clients without a WebSocket, for all routes together.
 * @bound sockjs-sessions
 */
const MAX_SESSIONS = 16_384;

/**
 * Bytes of messages that all sessions hold for clients that take nothing, each message costing at least 256.
 * @bound sockjs-held-total
 */
const MAX_HELD = 67_108_864;

/** Path of a WebSocket without frames. */
const RAW_PATH = '/websocket';

/** Where a route serves SockJS. */
export interface SockJsPlace {
  /** Names the route: sessions of others are not found here. */
  readonly name: string;
  /** Path below which it is served, without a slash at its end. */
  readonly prefix: string;
  /** Path of the WebSockets at the targets; empty for the default. */
  readonly asPath: string;
  /** URL of the client's script, for the iframe page. */
  readonly script: string;
  /** Whether clients that wait may close their side of the connection. */
  readonly halfClose: boolean;
}

/** What a `SockJsServer` needs. */
export interface SockJsMeans {
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
}

/** Whether a path is below the prefix of a place. */
export function isSockJs({ prefix }: SockJsPlace, target: string): boolean {
  return target.startsWith(prefix) && '/?'.includes(target.charAt(prefix.length));
}

/** Whether a path below the prefix of a place is one for WebSockets. */
export function isSockJsWebSocket(place: SockJsPlace, target: string): boolean {
  const { path } = split(place, target);
  return path === RAW_PATH || /^\/[^/]+\/[^/]+\/websocket$/.test(path);
}

/** Serves SockJS (protocol 0.3): its sessions are WebSockets for whatever `open` opens them at. */
export class SockJsServer {
  readonly #room: SockJsRoom;
  readonly #sessions = new Map<string, SockJsSession>();

  constructor(means: SockJsMeans) {
    const turn = new TurnQueue();
    const held = new HeldTotal(MAX_HELD, { ...means, turn }, 'SockJS clients that take nothing hold too much');
    this.#room = { ...means, turn, held };
  }

  /**
   * Responds to a request below the prefix of `place`.
   * @param holder whose sessions are found: those that others have opened are not; empty where clients are not told apart
   */
  request(
    place: SockJsPlace,
    request: RequestHead,
    requester: Requester,
    open: WebSocketService,
    holder = '',
  ): Responder {
    const dispatch = (body: Buffer) => this.#dispatch(place, request, requester, body, open, holder);
    return request.bodyLength === 0 ? dispatch(Buffer.alloc(0)) : new SockJsBody(request, requester, dispatch).start();
  }

  /** Responds to a WebSocket below the prefix of `place`. */
  webSocket(
    place: SockJsPlace,
    request: RequestHead,
    requester: WebSocketRequester,
    open: WebSocketService,
  ): WebSocketResponder {
    const { path, query } = split(place, request.target);
    const target = `${place.asPath || `${place.prefix}/websocket`}${query}`;
    if (path === RAW_PATH) return open({ ...request, target }, requester);
    if (!isSockJsWebSocket(place, request.target)) {
      respond(requester, sockJsError(request, 404, 'Not Found'));
      return NO_RESPONDER;
    }
    const framed = new FramedWebSocket(this.#room, requester, request.credits);
    framed.start({ ...request, target }, open);
    return framed;
  }

  /** Ends all sessions, because the process stops. */
  drain(): void {
    for (const session of [...this.#sessions.values()]) session.drain();
  }

  #dispatch(
    place: SockJsPlace,
    request: RequestHead,
    requester: Requester,
    body: Buffer,
    open: WebSocketService,
    holder: string,
  ): Responder {
    const { method } = request;
    const { path, query } = split(place, request.target);
    const error = (status: number, text: string) => reply(requester, sockJsError(request, status, text));
    if (method === 'OPTIONS') return reply(requester, preflightResponse(request));
    if (method === 'GET' && path === '/info') return reply(requester, infoResponse(request));
    if (method === 'GET' && path.startsWith('/iframe') && path.endsWith('.html')) {
      return reply(requester, iframeResponse(request, place.script));
    }
    const [, server, id, last, ...rest] = path.split('/');
    if (!server || !id || !last || rest.length > 0) return error(404, 'Not Found');
    const parameters = new URLSearchParams(query);
    const callback = last.startsWith('jsonp') ? (parameters.get('callback') ?? parameters.get('c') ?? '') : '';
    if (callback !== '' && !isCallback(callback)) return error(400, 'Bad Request');
    const key = JSON.stringify([place.name, id, holder]);
    const session = this.#sessions.get(key);
    const receiving = TRANSPORTS.get(last);
    if (receiving !== undefined) {
      if (session === undefined && !receiving.methods.includes(method)) return error(404, 'Not Found');
      if (last === 'jsonp' && callback === '') return error(400, 'Bad Request');
      const receiver = new SockJsReceiver(request, requester, receiving.transport, callback, place.halfClose);
      if (session !== undefined) session.receive(receiver);
      else if (this.#sessions.size >= MAX_SESSIONS) return this.#refuse(request, requester);
      else this.#open(place, request, receiver, key, open);
      return receiver;
    }
    if (session === undefined || (last !== 'xhr_send' && last !== 'jsonp_send')) return error(404, 'Not Found');
    if (session.closed) return error(410, 'Session terminated');
    if (session.sending) return error(400, 'Already sending');
    const text = last === 'xhr_send' && method === 'POST' ? body : formField(method === 'POST' ? body : query.slice(1));
    const messages = text === null ? null : readMessages(text);
    if (messages === null) return error(400, 'Payload expected');
    if (messages.some(({ length }) => length > SOCKJS_BUFFER)) return error(400, 'Message too large');
    return send(session, messages, request, requester, callback);
  }

  #open(place: SockJsPlace, request: RequestHead, receiver: SockJsReceiver, key: string, open: WebSocketService): void {
    const { query } = split(place, request.target);
    const secure = request.scheme === 'https';
    const session = new SockJsSession(this.#room, () => {
      this.#sessions.delete(key);
      this.#room.counters.sockJsSessionsOpen--;
    });
    this.#sessions.set(key, session);
    this.#room.counters.sockJsSessionsOpen++;
    const handshake: RequestHead = {
      ...request,
      method: 'GET',
      target: `${place.asPath || place.prefix || '/'}${withoutCallback(query)}`,
      scheme: secure ? 'wss' : 'ws',
      headers: handshakeFields(request.headers),
      bodyLength: 0,
      credits: SOCKJS_BUFFER,
    };
    session.open(handshake, receiver, open);
  }

  #refuse(request: RequestHead, requester: Requester): Responder {
    const { counters, log } = this.#room;
    if (counters.sockJsSessionsRefused++ === 0) log.warn({ max: MAX_SESSIONS }, 'too many SockJS sessions');
    return reply(requester, sockJsError(request, 503, 'Too many sessions, try again later.'));
  }
}

function reply(requester: Requester, response: Parameters<typeof respond>[1]): Responder {
  respond(requester, response);
  return NO_RESPONDER;
}

/** Sends messages of a request, which gets its response when enough of them have gone on. */
function send(
  session: SockJsSession,
  messages: readonly Buffer[],
  request: RequestHead,
  requester: Requester,
  callback: string,
): Responder {
  let over = false;
  session.send(messages, (ended) => {
    if (over) return;
    over = true;
    if (ended) respond(requester, sockJsError(request, 410, 'Session terminated'));
    else if (callback === '') respond(requester, sockJsResponse(request, 'text/plain', 'ok'));
    else respond(requester, sockJsResponse(request, 'application/javascript', `/**/${callback}("ok");\n`));
  });
  if (over) return NO_RESPONDER;
  return {
    ...NO_RESPONDER,
    onRequestError: () => {
      if (over) return;
      over = true;
      session.forgetSender();
    },
  };
}

/** The path below the prefix, and the query with its question mark. */
function split({ prefix }: SockJsPlace, target: string): { path: string; query: string } {
  const path = pathOf(target);
  return { path: path.slice(prefix.length), query: target.slice(path.length) };
}

/** The query without the parameters that are for SockJS. */
function withoutCallback(query: string): string {
  const rest = query
    .slice(1)
    .split('&')
    .filter((item) => item !== '' && !/^(?:callback|c)=/.test(item));
  return rest.length === 0 ? '' : `?${rest.join('&')}`;
}

/** The field `d` of a form (application/x-www-form-urlencoded); null without one. */
function formField(form: Buffer | string): Buffer | null {
  const text = typeof form === 'string' ? form : form.toString('latin1');
  const value = new URLSearchParams(text).get('d');
  return value === null ? null : Buffer.from(value);
}

/** The fields of the request for a WebSocket: those of the request that opens the session, but for those of its body. */
function handshakeFields(headers: readonly string[]): string[] {
  const fields: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (!/^(?:content-|accept-encoding$|upgrade$|sec-websocket-)/i.test(name))
      fields.push(name, headers[i + 1] as string);
  }
  return fields;
}
