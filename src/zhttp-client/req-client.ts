import { attempt, TurnQueue } from '../clock/index.ts';
import {
  FirstPackets,
  parseResponsePacket,
  type RequestRoute,
  type ResponsePacket,
  type ZhttpLimits,
} from '../codec/zhttp/index.ts';
import {
  NO_RESPONDER,
  respond,
  type Service,
  textResponse,
  type WebSocketRequester,
  type WebSocketResponder,
  type WebSocketService,
} from '../exchange/index.ts';
import { CollectedBytes, CROWDED_STALL, SessionKeeper, type SessionKeeperOptions } from '../zhttp/index.ts';
import type { RequestLink, RequestLinkSink } from './handler-link.ts';
import { ReqSession, type ReqSessionHost } from './req-session.ts';
import { sessionFailure } from './session-failure.ts';

/** How requests are handed to handlers one packet each. Times in milliseconds. */
export interface ReqClientOptions extends SessionKeeperOptions {
  /** Bytes that a request's body may have, and a response's. */
  readonly maxBodyBytes: number;
  /** From the end of a request's head to its response. */
  readonly requestTimeout: number;
  /** Whether handlers stand for origins, as those of a proxy do: failures have the codes of origins. */
  readonly origins?: boolean;
  /** Bounds of the packets of handlers. */
  readonly limits: ZhttpLimits;
}

/**
 * Bytes of request bodies that are being collected, in all sessions. At the bound only one of them continues at a time, the others wait.
 * @bound req-bodies-total
 */
const MAX_COLLECTED = 67_108_864;

const NO_WEBSOCKETS = 'a target in req mode takes no WebSockets';

/** The client half of ZHTTP in req mode: each request is one packet, and each response too. */
export class ReqClient extends SessionKeeper<ReqSession, ResponsePacket> implements ReqSessionHost, RequestLinkSink {
  readonly maxBodyBytes: number;
  readonly origins: boolean;
  readonly collected = new CollectedBytes(MAX_COLLECTED, new TurnQueue(), (thrown) => this.onFault(thrown));
  readonly service: Service;
  readonly webSocketService: WebSocketService;
  readonly #options: ReqClientOptions;
  readonly #link: RequestLink;

  /** @param openLink gives the way to the handlers, which reports to this object */
  constructor(options: ReqClientOptions, openLink: (sink: RequestLinkSink) => RequestLink) {
    super(options);
    this.maxBodyBytes = options.maxBodyBytes;
    this.origins = options.origins ?? false;
    this.#options = options;
    const { service, webSocketService } = this.servicesFor();
    this.service = service;
    this.webSocketService = webSocketService;
    this.#link = openLink(this);
  }

  /**
   * Services for HTTP requests, and for WebSockets, which are refused: one response is no conversation.
   * @param route how handlers are to make the requests, where they do
   */
  servicesFor(route?: RequestRoute): { service: Service; webSocketService: WebSocketService } {
    const common = { from: '', credits: 0, stream: false, routerResp: false };
    const packets = new FirstPackets({ ...common, ...(route !== undefined && { route }) });
    return {
      service: (request, requester) => {
        const session = new ReqSession(this, packets, this.sessions.nextId(), request, requester);
        this.keep(session);
        session.begin();
        return session;
      },
      webSocketService: (_request, requester) => this.#refuseWebSocket(requester),
    };
  }

  #refuseWebSocket(requester: WebSocketRequester): WebSocketResponder {
    if (this.origins) requester.onResponseError(sessionFailure(true, 'HF_BACKEND_ERROR', NO_WEBSOCKETS));
    else respond(requester, textResponse(400, 'WebSockets not supported on req mode interface.'));
    return NO_RESPONDER;
  }

  /** Lets all requests fail that wait for a response. */
  stop(): Promise<void> {
    this.stopTicking();
    for (const session of this.sessions.all()) attempt(session, drop);
    return this.#link.close();
  }

  // ---- for sessions

  offer(session: ReqSession): void {
    this.#link.offer(session.id, session.packet());
  }

  override ended(session: ReqSession): boolean {
    if (!super.ended(session)) return false;
    this.#link.withdraw(session.id);
    return true;
  }

  // ---- from the link

  protected override parse(payload: Buffer): ResponsePacket {
    return parseResponsePacket(payload, this.#options.limits);
  }

  protected override take(packet: ResponsePacket): void {
    const session = this.sessions.get(packet.ids[0]?.id ?? '');
    if (session === null || packet.ids.length > 1) this.counters.packetsUnclaimed++;
    else attempt(session, receive, packet);
  }

  protected override refuse(session: ReqSession, message: string): void {
    session.fail('HF_BACKEND_PROTOCOL', message);
  }

  protected override refused(session: ReqSession): void {
    session.fail('HF_BACKEND_ABSENT', 'no handler took the request in time');
  }

  // ---- time

  protected override look(session: ReqSession): void {
    const { requestTimeout } = this.#options;
    if (this.now - session.begunAt >= requestTimeout) {
      this.counters.sessionsExpired++;
      session.expire(requestTimeout / 1_000);
    } else if (session.collects && this.collected.isInTheWay(session, this.now - session.movedAt)) {
      const detail = `nothing came of the request body for ${CROWDED_STALL / 1_000} s, while others wait for room`;
      session.fail('HF_REQUEST_TIMEOUT', detail);
    }
  }
}

function receive(session: ReqSession, packet: ResponsePacket): void {
  session.receive(packet);
}

function drop(session: ReqSession): void {
  session.fail('HF_DRAINING', 'the server is stopping');
}
