import { TurnQueue } from '../clock/index.ts';
import { fieldValues, listMembers } from '../codec/fields/index.ts';
import { hostOf } from '../codec/http1/index.ts';
import {
  clientNames,
  ExchangeError,
  type ExchangeRecord,
  errorResponse,
  LineRate,
  NO_RESPONDER,
  type PartState,
  type Requester,
  type RequestHead,
  type Responder,
  respond,
  type Service,
  shownTarget,
  type WebSocketRequester,
  type WebSocketResponder,
  type WebSocketService,
} from '../exchange/index.ts';
import { placeOf, ResumableStreams } from '../resume/index.ts';
import { isSockJs, isSockJsWebSocket, type SockJsPlace, SockJsServer, sockJsRefusal } from '../sockjs/index.ts';
import { AwaitedSession } from './awaited-session.ts';
import { AwaitedTrust, type TrustedExchange } from './awaited-trust.ts';
import { CompressRoom } from './compress/compress-room.ts';
import { CompressedExchange } from './compress/compressed-exchange.ts';
import { crossOrigin } from './cross-origin/cross-origin.ts';
import { findRoute } from './find-route.ts';
import { GripBytes } from './grip-bytes.ts';
import { type CheckedKind, checkRequest } from './guard/check-request.ts';
import { GuardedExchange } from './guard/guarded-exchange.ts';
import { GuardedWebSocket } from './guard/guarded-websocket.ts';
import { KeptBodies, MAX_GRIP_REQUEST_BODY } from './kept-body.ts';
import { KeptOriginHeaders } from './kept-origin-headers.ts';
import { countForward, respondAsLast } from './max-forwards.ts';
import { checkMovedClient, movedClient } from './moved-client.ts';
import { ProxiedExchange } from './proxied-exchange.ts';
import { clientFields, type ProxiedRequest } from './proxied-request.ts';
import type { ProxiedRoute } from './proxied-route.ts';
import { ProxiedWebSocket } from './proxied-websocket.ts';
import type { ProxyRoom, ResumePlaces } from './proxy-room.ts';
import { lastEventOf } from './resume/resume-rules.ts';
import { ResumedExchange } from './resume/resumed-exchange.ts';
import { normalizeTarget } from './target-path.ts';

type ProxyOptions = Pick<ProxyRoom, 'settings' | 'hub' | 'wheel' | 'counters' | 'log'> &
  Partial<Pick<ProxyRoom, 'sessions' | 'resume'>>;

/** The services of a proxy. */
export interface ProxyServices {
  readonly service: Service;
  readonly webSocketService: WebSocketService;
  /**
   * Makes the responder of a client that another process had.
   * @throws Error where the client has to stay there
   */
  readonly remake: (state: PartState, requester: Requester, record: ExchangeRecord | null) => Responder;
  /** Finds out whether `remake` can. @throws Error that says why not */
  readonly checkMoved: (state: PartState) => void;
  /** Ends the SockJS sessions of clients, because the process stops. */
  drain(): void;
}

/** The service that passes requests to the origins of their routes. */
export function proxyService(options: ProxyOptions): Service {
  return proxyServices(options).service;
}

/** The services that pass requests, and WebSockets, to the origins of their routes. */
export function proxyServices(options: ProxyOptions): ProxyServices {
  const sockJs = new SockJsServer(options);
  const room: ProxyRoom = {
    sessions: null,
    resume: ownStreams(options),
    ...options,
    keptBodies: new KeptBodies(),
    originHeaders: new KeptOriginHeaders(),
    gripBytes: new GripBytes(),
    compress: new CompressRoom(options.counters, options.log),
    sharedLinks: new Map(),
    sharedRequests: new Map(),
    turns: new TurnQueue(),
    goneRequests: new Set(),
    droppedGoneLinks: new LineRate(),
    unsignedNoted: false,
  };
  const sockJsRequests: CheckedKind<Requester, Responder> = {
    forward: (_, proxied, requester) =>
      sockJs.request(
        sockJsPlaceOf(proxied),
        proxied.request,
        requester,
        admitting(room, proxied),
        proxied.permit?.holder,
      ),
    guarded: GuardedExchange,
    refusal: sockJsRefusal,
  };
  const strayWebSockets: CheckedKind<WebSocketRequester, WebSocketResponder> = {
    forward: (_, proxied, requester) =>
      sockJs.webSocket(sockJsPlaceOf(proxied), proxied.request, requester, admitting(room, proxied)),
    guarded: GuardedWebSocket,
    refusal: sockJsRefusal,
  };
  return {
    service: (received, requester) => {
      const arrived = arrive(received, room);
      const { route, request: asked } = arrived;
      if (route !== null && route.sockJs !== null && isSockJs(route.sockJs, asked.target)) {
        return checked(room, { ...arrived, route }, requester, sockJsRequests);
      }
      const settings = arrived.route === null ? arrived.settings.crossOrigin : arrived.route.crossOrigin;
      if (settings === undefined || settings === null) return askOrigin(room, arrived, requester);
      const { request, relay, error } = crossOrigin(arrived.request, requester, settings, room.counters);
      if (error !== null) refuse(error, arrived, relay, room, arrived.route?.debug ?? arrived.settings.debug);
      else relay.attach(askOrigin(room, { ...arrived, request }, relay));
      return relay;
    },
    webSocketService: (received, requester) => {
      const arrived = arrive(received, room);
      const { route, request } = arrived;
      if (route !== null && route.sockJs !== null && isSockJs(route.sockJs, request.target)) {
        // What opens it at the targets is what is checked, so that a client with frames learns of its end by a frame.
        return isSockJsWebSocket(route.sockJs, request.target)
          ? sockJs.webSocket(route.sockJs, request, requester, opening(room, { ...arrived, route }))
          : checked(room, { ...arrived, route }, requester, strayWebSockets);
      }
      return openWebSocket(room, arrived, requester);
    },
    remake: (state, requester, record) => movedClient(room, state, requester, record),
    checkMoved: (state) => checkMovedClient(room, state),
    drain: () => sockJs.drain(),
  };
}

/** Bytes of the streams of a proxy that shares them with no other process. */
const OWN_STREAMS = { current: 268_435_456 };

function ownStreams(options: ProxyOptions): ResumePlaces {
  const streams = new ResumableStreams({ ...options, maxBytes: OWN_STREAMS });
  return { streams, sourcesOf: () => [streams.service] };
}

function sockJsPlaceOf({ route }: ProxiedRequest): SockJsPlace {
  return route.sockJs as SockJsPlace;
}

/** Opens the WebSocket of a SockJS client at the targets of its route. */
function opening(room: ProxyRoom, proxied: ProxiedRequest): WebSocketService {
  const route = withOwnPath(proxied.route);
  return (request, requester) => openWebSocket(room, { ...proxied, asked: proxied.request, request, route }, requester);
}

/** The same for the session of a request that has been checked: what its token permits holds for the session until that ends. */
function admitting(room: ProxyRoom, proxied: ProxiedRequest): WebSocketService {
  return (request, requester) => {
    const arrived = { ...proxied, asked: proxied.request, request, route: withOwnPath(proxied.route) };
    const own = routed(arrived, requester, room);
    if (own === null) return NO_RESPONDER;
    if (own.permit === null) return forwardWebSocket(room, own, requester);
    const relay = new GuardedWebSocket(room, requester);
    relay.admit(own.permit, (client) => forwardWebSocket(room, own, client));
    return relay;
  };
}

/** A SockJS path of its own at the targets is not rewritten. */
function withOwnPath(route: ProxiedRoute): ProxiedRoute {
  if (route.sockJs?.asPath === '') return route;
  return { ...route, route: { ...route.route, pathRem: 0, replaceBeg: null, rewrite: null } };
}

function openWebSocket(room: ProxyRoom, arrived: Arrived, requester: WebSocketRequester): WebSocketResponder {
  const proxied = routed(arrived, requester, room);
  return proxied === null ? NO_RESPONDER : checked(room, proxied, requester, WEBSOCKETS);
}

/** Lets a request go on, once it has passed what its route asks of it. */
function checked<Q extends Requester, R extends Responder>(
  room: ProxyRoom,
  proxied: ProxiedRequest,
  requester: Q,
  kind: CheckedKind<Q, R>,
): R | typeof NO_RESPONDER {
  const { checks } = proxied.route;
  return checks === null
    ? kind.forward(room, proxied, requester)
    : checkRequest(room, proxied, requester, checks, kind);
}

/** Lets the origin of its route respond to a request. */
function askOrigin(room: ProxyRoom, arrived: Arrived, requester: Requester): Responder {
  const proxied = routed(arrived, requester, room);
  if (proxied === null) return NO_RESPONDER;
  const counted = countForward(proxied.request);
  if (counted === null) {
    respondAsLast(proxied.request, requester);
    return NO_RESPONDER;
  }
  const request = counted === proxied.request ? proxied : { ...proxied, request: counted };
  const { compression } = proxied.route;
  if (compression === null) return checked(room, request, requester, REQUESTS);
  const relay = new CompressedExchange(room.compress, compression, request.request, requester);
  relay.attach(checked(room, request, relay, REQUESTS));
  return relay;
}

function forward(room: ProxyRoom, proxied: ProxiedRequest, requester: Requester): Responder {
  const { resume } = proxied.route;
  const event = resume === null ? null : lastEventOf(proxied.request);
  if (resume === null || event === null) return forwardToOrigin(room, proxied, requester);
  const sources = room.resume.sourcesOf(placeOf(event.stream));
  const goOn = (client: Requester): Responder => forwardToOrigin(room, proxied, client);
  return new ResumedExchange(room, proxied, resume, event, sources, requester, goOn).start();
}

function forwardToOrigin(room: ProxyRoom, proxied: ProxiedRequest, requester: Requester): Responder {
  const { trust } = proxied.settings;
  if (trust?.mayTrust(proxied.request)) return new AwaitedTrust(room, proxied, requester, trust, newExchange);
  const exchange = newExchange(room, proxied, requester);
  exchange.start();
  return exchange;
}

function forwardWebSocket(room: ProxyRoom, proxied: ProxiedRequest, requester: WebSocketRequester): WebSocketResponder {
  const { trust } = proxied.settings;
  if (trust?.mayTrust(proxied.request)) {
    // Nothing but its end comes from a client whose WebSocket is not open.
    const awaited = new AwaitedTrust(room, proxied, requester, trust, newWebSocket);
    return { ...NO_RESPONDER, onRequestError: () => awaited.onRequestError() };
  }
  const exchange = new ProxiedWebSocket(room, proxied, requester);
  exchange.start();
  return exchange;
}

const REQUESTS = { forward, guarded: GuardedExchange };
const WEBSOCKETS = { forward: forwardWebSocket, guarded: GuardedWebSocket };

function newExchange(room: ProxyRoom, proxied: ProxiedRequest, requester: Requester): TrustedExchange {
  const { sessions } = room;
  if (sessions !== null && mayHaveSession(proxied)) return new AwaitedSession(room, proxied, requester, sessions);
  return new ProxiedExchange(room, proxied, requester);
}

/** Whether the body of a request may say to which session it belongs. */
function mayHaveSession({ request, route, trusted }: ProxiedRequest): boolean {
  if (!route.route.session || route.route.noGrip || trusted) return false;
  return request.bodyLength !== 0 && request.bodyLength <= MAX_GRIP_REQUEST_BODY;
}

function newWebSocket(room: ProxyRoom, proxied: ProxiedRequest, requester: Requester): ProxiedWebSocket {
  return new ProxiedWebSocket(room, proxied, requester as WebSocketRequester);
}

/** A request as it has come, and its route, if one takes it. */
type Arrived = Omit<ProxiedRequest, 'route'> & { readonly route: ProxiedRoute | null };

function arrive(received: RequestHead, room: ProxyRoom): Arrived {
  const settings = room.settings.current;
  const target = normalizeTarget(received.target);
  const normal = target === received.target ? received : { ...received, target };
  const request = settings.clients?.of(normal) ?? normal;
  const route = findRoute(request, settings);
  if (received.record != null) noteRoute(received.record, request, route);
  return { request, route, settings, trusted: false, permit: null };
}

function noteRoute(record: ExchangeRecord, { peer }: RequestHead, route: ProxiedRoute | null): void {
  record.client = peer.address;
  if (route === null) return;
  record.route = route.name;
  record.quiet = route.route.noLog;
  record.secret = route.route.jwt?.query ?? '';
}

/** The request with its route. Null if it has its response already, which says why it goes no further. */
function routed(arrived: Arrived, requester: Requester, room: ProxyRoom): ProxiedRequest | null {
  const { request, route, settings } = arrived;
  if (route === null) {
    const text = `No route for host: ${hostOf(request.authority)}`;
    const error = new ExchangeError(
      'HF_NO_ROUTE',
      `no route matches ${request.method} ${shownTarget(request.target)}`,
      text,
    );
    refuse(error, arrived, requester, room, settings.debug);
    return null;
  }
  const { cdnLoop } = settings.rules;
  if (cdnLoop !== '' && hasPassed(request, cdnLoop)) {
    const error = new ExchangeError('HF_LOOP', `CDN-Loop names ${cdnLoop}, which is this proxy`);
    refuse(error, arrived, requester, room, route.debug);
    return null;
  }
  return arrived as ProxiedRequest;
}

/** Whether CDN-Loop says that a request has been here before (RFC 8586 §2). A member may have parameters after its name. */
function hasPassed({ headers }: RequestHead, name: string): boolean {
  const own = name.toLowerCase();
  for (const member of listMembers(fieldValues(headers, 'cdn-loop'))) {
    const end = member.search(/[\t ;]/);
    if ((end < 0 ? member : member.slice(0, end)).toLowerCase() === own) return true;
  }
  return false;
}

function refuse(
  error: ExchangeError,
  { request, settings }: Arrived,
  requester: Requester,
  { counters, log }: ProxyRoom,
  debug: boolean,
): void {
  counters.requestsFailed++;
  const { authority: host } = request;
  const { code, detail } = error;
  log[error.face.level](
    { ...clientNames(request), host, ...clientFields(request, settings), code, detail },
    'request failed',
  );
  respond(requester, errorResponse(error, debug));
}
