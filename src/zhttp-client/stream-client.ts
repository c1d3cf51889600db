import { attempt, fault, TurnQueue } from '../clock/index.ts';
import {
  encodeRequestText,
  FirstPackets,
  MAX_IDS,
  type PacketType,
  parseResponsePacket,
  RequestPacket,
  type RequestRoute,
  type ResponsePacket,
  type SessionRef,
  type ZhttpLimits,
} from '../codec/zhttp/index.ts';
import type { Part } from '../codec/zmtp/index.ts';
import { HeldTotal, type RequestHead, type Service, type WebSocketService } from '../exchange/index.ts';
import { READY, type Reach, SessionKeeper, type SessionKeeperOptions } from '../zhttp/index.ts';
import { AbandonedSessions } from './abandoned-sessions.ts';
import type { HandlerLink, HandlerLinkSink } from './handler-link.ts';
import type { HandlerSession } from './handler-session.ts';
import { HttpSession } from './http-session.ts';
import type { HostedSession, SessionHost } from './session-host.ts';
import { StalledSessions } from './stalled-sessions.ts';
import { WebSocketSession } from './websocket-session.ts';

/** How handlers are treated. Times in milliseconds. */
export interface StreamClientOptions extends SessionKeeperOptions {
  /** What handlers call us: 1 to 64 bytes without a space. */
  readonly address: string;
  /** Bytes that a handler may send of each response, or of what a WebSocket is sent, before it is granted more. */
  readonly initialCredits: number;
  /** A session whose handler is silent for so long has ended. Handlers get a keep-alive after three quarters of it. */
  readonly sessionTimeout: number;
  /** A session in which no bytes of the client or for it move for so long has ended. */
  readonly streamTimeout: number;
  /** Whether handlers are asked to respond over the ROUTER socket. */
  readonly routerResp: boolean;
  /** A request that its handler has not begun to respond to while no bytes moved for so long has failed; absent: no bound. */
  readonly responseTimeout?: number;
  /**
   * Whether handlers stand for origins, as those of a proxy do: failures have the codes of origins, handlers are granted exactly what requesters
   * grant, and a close without a code stays one.
   */
  readonly origins?: boolean;
  /**
   * Whether handlers may undo the content coding of responses and leave Content-Encoding there, as Zurl does: requests have no
   * Accept-Encoding, and responses no Content-Encoding unless their Content-Length shows that they came as the origin sent them.
   */
  readonly decoding?: boolean;
  /** Bounds of the packets of handlers. */
  readonly limits: ZhttpLimits;
}

/**
 * Bytes that all sessions hold for handlers that take nothing. Their requesters are not read by then, so it takes many of them to get
 * there. At the bound those that hold the most are ended, until a quarter of it is free: no other session notices.
 * @bound sessions-held-total
 */
const MAX_HELD_BYTES = 16_777_216;

/**
 * Bytes of responses that came in one packet, and that their requesters have not taken. A response beyond it fails.
 * @bound whole-responses-total
 */
const MAX_RESPONSE_BYTES = 67_108_864;

/**
 * The client half of ZHTTP in stream mode: turns exchanges into sessions with handlers, which are whatever responds there: programs behind
 * an edge, the targets of a proxy, or a fetch role. Handlers may send packets for any session at any time; what one of them sends wrongly
 * ends that session alone.
 */
export class StreamClient
  extends SessionKeeper<HandlerSession, ResponsePacket>
  implements SessionHost, HandlerLinkSink
{
  readonly address: string;
  readonly initialCredits: number;
  readonly creditThreshold: number;
  readonly keepAliveInterval: number;
  readonly origins: boolean;
  readonly decoding: boolean;
  readonly service: Service;
  readonly webSocketService: WebSocketService;
  readonly turn = new TurnQueue();
  readonly held = new HeldTotal(MAX_HELD_BYTES, this, 'handlers take too few packets, sessions ended');
  readonly #options: StreamClientOptions;
  readonly #link: HandlerLink;
  /** Sessions that have granted less than is worth a packet of its own. */
  #owing: HostedSession[] = [];
  /** Sessions whose handlers are to be told that they are alive. */
  #quiet: HandlerSession[] = [];
  readonly #stalled: StalledSessions;
  readonly #abandoned = new AbandonedSessions();
  #responseBytes = 0;

  /** @param openLink gives the way to the handlers, which reports to this object */
  constructor(options: StreamClientOptions, openLink: (sink: HandlerLinkSink) => HandlerLink) {
    super(options);
    const { address, initialCredits, sessionTimeout } = options;
    this.#options = options;
    this.address = address;
    this.initialCredits = initialCredits;
    this.creditThreshold = Math.ceil(initialCredits / 2);
    this.keepAliveInterval = sessionTimeout * 0.75;
    this.origins = options.origins ?? false;
    this.decoding = options.decoding ?? false;
    const { service, webSocketService } = this.servicesFor();
    this.service = service;
    this.webSocketService = webSocketService;
    this.#stalled = new StalledSessions(sessionTimeout, (handler) => this.#link.reach(handler));
    this.#link = openLink(this);
  }

  /**
   * Services for HTTP requests and for WebSockets.
   * @param route how handlers are to make the requests, where they do
   */
  servicesFor(route?: RequestRoute): { service: Service; webSocketService: WebSocketService } {
    const { address, initialCredits, routerResp } = this.#options;
    const common = { from: address, credits: initialCredits, routerResp, ...(route !== undefined && { route }) };
    const http = new FirstPackets({ ...common, stream: true });
    const webSocket = new FirstPackets({ ...common, stream: false });
    return {
      service: (request, requester) =>
        this.#begin(new HttpSession(this, http, this.sessions.nextId(), request, requester), request),
      webSocketService: (request, requester) =>
        this.#begin(new WebSocketSession(this, webSocket, this.sessions.nextId(), request, requester), request),
    };
  }

  /**
   * Sends every handler a cancel for each of its sessions, many in one packet, and lets the requesters fail.
   * @returns settles when that is sent, or cannot be
   */
  stop(): Promise<void> {
    this.stopTicking();
    const sessions = this.sessions.all();
    this.#sendTogether('cancel', sessions);
    for (const session of sessions) attempt(session, drop);
    return this.#link.close();
  }

  #begin<S extends HandlerSession>(session: S, request: RequestHead): S {
    this.keep(session);
    this.#link.offer(session.id, session.firstPacket(request));
    return session;
  }

  // ---- for sessions

  repeat(session: HandlerSession, request: RequestHead): void {
    this.counters.sessionsRepeated++;
    this.sessions.remove(session);
    session.id = this.sessions.nextId();
    this.sessions.add(session);
    this.#link.offer(session.id, session.firstPacket(request));
  }

  reach(address: string): Reach {
    return this.#link.reach(address);
  }

  route(address: string, packet: Part): void {
    this.#link.route(address, packet);
  }

  stall(session: HostedSession, address: string): void {
    this.#stalled.add(session, address, this.now);
  }

  unstall(session: HostedSession, address: string): void {
    this.#stalled.remove(session, address);
  }

  keepResponse(bytes: number): boolean {
    if (this.#responseBytes + bytes > MAX_RESPONSE_BYTES) return false;
    this.#responseBytes += bytes;
    return true;
  }

  dropResponse(bytes: number): void {
    this.#responseBytes -= bytes;
  }

  abandon(id: string, seq: number): void {
    if (!this.#abandoned.add(id, seq, this.now)) this.counters.sessionsForgotten++;
  }

  oweCredit(session: HostedSession): void {
    this.#owing.push(session);
  }

  withdraw(session: HostedSession): boolean {
    return this.#link.withdraw(session.id);
  }

  // ---- from the link

  protected override parse(payload: Buffer): ResponsePacket {
    return parseResponsePacket(payload, this.#options.limits);
  }

  protected override take(packet: ResponsePacket): void {
    if (packet.ids.length === 0) this.counters.packetsUnclaimed++;
    for (const { id, seq } of packet.ids) {
      const session = this.sessions.get(id);
      if (session !== null) attempt(session, receive, packet, seq);
      else this.#onLate(packet, id);
    }
  }

  /** A packet for a session that has ended, or never was there. */
  #onLate(packet: ResponsePacket, id: string): void {
    const seq = this.#abandoned.take(id);
    const { from, type } = packet;
    if (seq === null) this.#onUnclaimed(packet, id);
    else if (from !== '' && type !== 'cancel' && type !== 'error') this.#cancel(from, id, seq);
  }

  /** A packet for a session that has ended: its handler gets a cancel, unless it knows or wants none. */
  #onUnclaimed({ from, type }: ResponsePacket, id: string): void {
    this.counters.packetsUnclaimed++;
    if (from === '' || type === 'cancel' || type === 'error' || type === 'credit') return;
    // Another process of the same address may have the session.
    if (!this.sessions.knows(id)) return;
    // Whatever waited for an address that is made up, or for a handler that does not read, would pile up.
    if (this.#link.reach(from) !== READY) {
      this.counters.packetsUndelivered++;
      return;
    }
    this.#cancel(from, id, null);
  }

  /** Tells a handler that a session which is not there any more is over. */
  #cancel(handler: string, id: string, seq: number | null): void {
    const packet = new RequestPacket('cancel');
    packet.from = this.address;
    packet.multi = true;
    packet.ids = [{ id, seq }];
    this.#link.route(handler, encodeRequestText(packet));
  }

  override onRefused(id: string): void {
    this.#abandoned.take(id);
    super.onRefused(id);
  }

  onWithdrawn(id: string): void {
    this.#abandoned.take(id);
  }

  protected override refuse(session: HandlerSession, message: string, from: string): void {
    // Its handler gets a cancel, even if this was its first packet.
    if (session.address === '') session.address = from;
    session.abort('HF_BACKEND_PROTOCOL', message);
  }

  protected override refused(session: HandlerSession): void {
    session.abort('HF_BACKEND_ABSENT', 'no handler took the request in time');
  }

  onReady(address: string): void {
    this.#stalled.release(address, this.now);
  }

  onLost(id: string): void {
    const session = this.sessions.get(id);
    if (session !== null) attempt(session, abortOverloaded, 'the handler does not take what is sent to it');
  }

  // ---- time

  protected override look(session: HandlerSession): void {
    const { now } = this;
    if (this.#isOver(session)) return;
    session.sendCredit();
    if (session.keepAliveAt > now) return;
    session.keepAliveAt = now + this.keepAliveInterval;
    this.#quiet.push(session);
  }

  protected override afterLook(): void {
    const owing = this.#owing;
    if (owing.length > 0) this.#owing = [];
    for (const session of owing) if (!settleCredit(session)) this.#owing.push(session);
    this.#stalled.check(this.now);
    this.#abandoned.expire(this.now - this.#options.sessionTimeout);
    if (this.#quiet.length === 0) return;
    const quiet = this.#quiet;
    this.#quiet = [];
    this.#sendTogether('keep-alive', quiet);
  }

  #isOver(session: HandlerSession): boolean {
    const { sessionTimeout, streamTimeout, responseTimeout = 0 } = this.#options;
    if (this.now - session.heardAt >= sessionTimeout) {
      this.counters.sessionsExpired++;
      session.abort('HF_BACKEND_TIMEOUT', `nothing came from the handler for ${sessionTimeout / 1_000} s`);
      return true;
    }
    const idle = this.now - session.activeAt;
    if (responseTimeout > 0 && idle >= responseTimeout && !session.responded) {
      session.abort('HF_BACKEND_TIMEOUT', `no response within ${responseTimeout / 1_000} s`);
      return true;
    }
    if (idle >= streamTimeout) {
      session.abort('HF_EXCHANGE_TIMEOUT', `nothing moved for ${streamTimeout / 1_000} s`);
      return true;
    }
    return false;
  }

  /** Sends a packet of `type` to the handlers of all these sessions; to those that allow it one packet for many of them. */
  #sendTogether(type: PacketType, sessions: readonly HandlerSession[]): void {
    const groups = new Map<string, HandlerSession[]>();
    for (const session of sessions) {
      if (!session.open) continue;
      if (!session.batchable) {
        this.#sendFor(type, [session]);
        continue;
      }
      const group = groups.get(session.address);
      if (group === undefined) groups.set(session.address, [session]);
      else group.push(session);
    }
    for (const group of groups.values()) {
      for (let start = 0; start < group.length; start += MAX_IDS)
        this.#sendFor(type, group.slice(start, start + MAX_IDS));
    }
  }

  /** Sends one packet to the one handler of these sessions. */
  #sendFor(type: PacketType, sessions: readonly HandlerSession[]): void {
    const { address } = sessions[0] as HandlerSession;
    // A keep-alive never waits for a handler that takes nothing now: the sessions are due again at the next check.
    if (type === 'keep-alive' && this.#link.reach(address) !== READY) {
      for (const session of sessions) session.keepAliveAt = this.now;
      return;
    }
    const packet = new RequestPacket(type);
    packet.from = this.address;
    packet.multi = true;
    packet.ids = sessions.map((session): SessionRef => session.nextRef);
    for (const session of sessions) session.advance();
    this.#link.route(address, encodeRequestText(packet));
  }
}

function receive(session: HandlerSession, packet: ResponsePacket, seq: number | null): void {
  session.receive(packet, seq);
}

function abortOverloaded(session: HandlerSession, detail: string): void {
  session.abort('HF_BACKEND_OVERLOADED', detail);
}

function drop(session: HandlerSession): void {
  session.drop('HF_DRAINING', 'the server is stopping');
}

function settleCredit(session: HostedSession): boolean {
  try {
    return session.settleCredit();
  } catch (thrown) {
    fault(session, thrown);
    return true;
  }
}
