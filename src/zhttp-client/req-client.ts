import { attempt, TurnQueue } from '../clock/index.ts';
import { FirstPackets, parseResponsePacket, type ResponsePacket, type ZhttpLimits } from '../codec/zhttp/index.ts';
import {
  NO_RESPONDER,
  respond,
  type Service,
  textResponse,
  type WebSocketRequester,
  type WebSocketService,
} from '../exchange/index.ts';
import { CollectedBytes, CROWDED_STALL, SessionKeeper, type SessionKeeperOptions } from '../zhttp/index.ts';
import type { RequestLink, RequestLinkSink } from './handler-link.ts';
import { ReqSession, type ReqSessionHost } from './req-session.ts';

/** How requests are handed to handlers one packet each. Times in milliseconds. */
export interface ReqClientOptions extends SessionKeeperOptions {
  /** Bytes that a request's body may have, and a response's. */
  readonly maxBodyBytes: number;
  /** From the end of a request's head to its response. */
  readonly requestTimeout: number;
  /** Bounds of the packets of handlers. */
  readonly limits: ZhttpLimits;
}

/**
 * Bytes of request bodies that are being collected, in all sessions. At the bound only one of them continues at a time, the others wait.
 * @bound req-bodies-total
 */
const MAX_COLLECTED = 67_108_864;

/** The client half of ZHTTP in req mode: each request is one packet, and each response too. */
export class ReqClient extends SessionKeeper<ReqSession, ResponsePacket> implements ReqSessionHost, RequestLinkSink {
  readonly maxBodyBytes: number;
  readonly collected = new CollectedBytes(MAX_COLLECTED, new TurnQueue(), (thrown) => this.onFault(thrown));
  readonly #requestTimeout: number;
  readonly #limits: ZhttpLimits;
  readonly #packets = new FirstPackets({ from: '', credits: 0, stream: false, routerResp: false });
  readonly #link: RequestLink;

  /** @param openLink gives the way to the handlers, which reports to this object */
  constructor(options: ReqClientOptions, openLink: (sink: RequestLinkSink) => RequestLink) {
    super(options);
    this.maxBodyBytes = options.maxBodyBytes;
    this.#requestTimeout = options.requestTimeout;
    this.#limits = options.limits;
    this.#link = openLink(this);
  }

  /** Handles HTTP requests. */
  readonly service: Service = (request, requester) => {
    const session = new ReqSession(this, this.sessions.nextId(), request, requester);
    this.keep(session);
    session.begin();
    return session;
  };

  /** Refuses WebSockets: one response is no conversation. */
  readonly webSocketService: WebSocketService = (_request, requester: WebSocketRequester) => {
    respond(requester, textResponse(400, 'WebSockets not supported on req mode interface.'));
    return NO_RESPONDER;
  };

  /** Lets all requests fail that wait for a response. */
  stop(): Promise<void> {
    this.stopTicking();
    for (const session of this.sessions.all()) attempt(session, drop);
    return this.#link.close();
  }

  // ---- for sessions

  offer(session: ReqSession): void {
    this.#link.offer(session.id, session.packet(this.#packets));
  }

  override ended(session: ReqSession): boolean {
    if (!super.ended(session)) return false;
    this.#link.withdraw(session.id);
    return true;
  }

  // ---- from the link

  protected override parse(payload: Buffer): ResponsePacket {
    return parseResponsePacket(payload, this.#limits);
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
    if (this.now - session.begunAt >= this.#requestTimeout) {
      this.counters.sessionsExpired++;
      session.expire(this.#requestTimeout / 1_000);
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
