import { fault, Ticker, type TimerWheel } from '../clock/index.ts';
import {
  encodeRequestPacket,
  MAX_IDS,
  type PacketType,
  parseResponsePacket,
  type ResponsePacket,
  type SessionRef,
  ZhttpError,
  type ZhttpLimits,
} from '../codec/zhttp/index.ts';
import type { Part } from '../codec/zmtp/index.ts';
import { internalError, type Log, type RequestHead, type Service, type WebSocketService } from '../exchange/index.ts';
import { type BridgeCounters, READY, type Reach, SessionTable } from '../zhttp/index.ts';
import type { HandlerLink, HandlerLinkSink } from './handler-link.ts';
import { packetOf, type Session } from './handler-session.ts';
import { HttpSession } from './http-session.ts';
import type { HostedSession, SessionHost } from './session-host.ts';
import { StalledSessions } from './stalled-sessions.ts';
import { WebSocketSession } from './websocket-session.ts';

/** How an edge treats its handlers. Times in milliseconds. */
export interface StreamEdgeOptions {
  /** What handlers call us: 1 to 64 bytes without a space. */
  readonly address: string;
  /** What the ids of sessions begin with, up to a hyphen: different in each process that shares `address`, and after each start. */
  readonly idPrefix: string;
  /** Bytes that a handler may send of each response, or of what a WebSocket is sent, before it is granted more. */
  readonly initialCredits: number;
  /** A session whose handler is silent for so long has ended. Handlers get a sign of life after three quarters of it. */
  readonly sessionTimeout: number;
  /** A session in which no bytes of the client or for it move for so long has ended. */
  readonly streamTimeout: number;
  /** Whether handlers are asked to answer by the ROUTER socket. */
  readonly routerResp: boolean;
  /** Bounds of the packets of handlers. */
  readonly limits: ZhttpLimits;
  readonly wheel: TimerWheel;
  readonly counters: BridgeCounters;
  readonly log: Log;
}

/** Between two looks at the sessions. In each a tenth of them is looked at, so that every one is within a second. */
const TICK = 100;
const PARTS = 10;

/**
 * Bytes that all sessions hold for handlers that take nothing. At the bound no requester is read until half of it has left.
 * @bound sessions-held-total
 */
const MAX_HELD_BYTES = 16_777_216;

/**
 * ZHTTP as its initiator, in stream mode: turns exchanges into sessions with handlers. Handlers may send packets for any session at
 * any time; what one of them sends wrongly ends that session alone.
 */
export class StreamEdge implements SessionHost, HandlerLinkSink {
  readonly address: string;
  readonly initialCredits: number;
  readonly creditThreshold: number;
  readonly keepAliveInterval: number;
  readonly routerResp: boolean;
  readonly counters: BridgeCounters;
  readonly log: Log;
  readonly #options: StreamEdgeOptions;
  readonly #wheel: TimerWheel;
  readonly #link: HandlerLink;
  readonly #sessions: SessionTable<Session>;
  readonly #ticker: Ticker;
  /** Sessions that have granted less than is worth a packet of its own. */
  #owing: HostedSession[] = [];
  readonly #stalled: StalledSessions;
  /** Bytes that sessions hold. */
  #heldBytes = 0;
  /** Whether they hold so much that no requester is read. */
  #full = false;

  /** @param openLink gives the way to the handlers, which reports to the edge */
  constructor(options: StreamEdgeOptions, openLink: (sink: HandlerLinkSink) => HandlerLink) {
    this.#options = options;
    this.#wheel = options.wheel;
    this.address = options.address;
    this.initialCredits = options.initialCredits;
    this.creditThreshold = Math.ceil(options.initialCredits / 2);
    this.keepAliveInterval = options.sessionTimeout * 0.75;
    this.routerResp = options.routerResp;
    this.counters = options.counters;
    this.log = options.log;
    this.#sessions = new SessionTable(options.idPrefix);
    this.#stalled = new StalledSessions(options.sessionTimeout, (address) => this.#link.reach(address));
    this.#link = openLink(this);
    this.#ticker = new Ticker(TICK, this, () => this.#onTick());
  }

  get now(): number {
    return this.#wheel.now;
  }

  /** Answers HTTP requests. */
  readonly service: Service = (request, requester) =>
    this.#begin(new HttpSession(this, this.#sessions.nextId(), request, requester), request);

  /** Answers WebSockets. */
  readonly webSocketService: WebSocketService = (request, requester) =>
    this.#begin(new WebSocketSession(this, this.#sessions.nextId(), request, requester), request);

  /**
   * Sends every handler a cancel for each of its sessions, many in one packet, and lets the requesters fail.
   * @returns settles when that is sent, or cannot be
   */
  stop(): Promise<void> {
    this.#ticker.stop();
    const sessions = this.#sessions.all();
    this.#sendTogether('cancel', sessions);
    for (const session of sessions) session.drop('HF_DRAINING', 'the server stops');
    return this.#link.close();
  }

  #begin<S extends Session>(session: S, request: RequestHead): S {
    const packet = session.firstPacket(request);
    packet.from = this.address;
    packet.ids = [{ id: session.id, seq: 0 }];
    this.counters.sessions++;
    this.counters.sessionsOpen++;
    this.#sessions.add(session);
    if (this.#full) session.pause();
    this.#link.offer(session.id, encodeRequestPacket(packet));
    return session;
  }

  // ---- for sessions

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

  holds(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#full) {
      // Then the ticker lets them go on, some at a time.
      this.#full = this.#heldBytes > MAX_HELD_BYTES / 2;
    } else if (this.#heldBytes > MAX_HELD_BYTES) {
      this.#full = true;
      this.log.warn({ bytes: this.#heldBytes }, 'handlers take too little, no client is read');
      for (const session of this.#sessions.all()) session.pause();
    }
  }

  oweCredit(session: HostedSession): void {
    this.#owing.push(session);
  }

  withdraw(session: HostedSession): boolean {
    return this.#link.withdraw(session.id);
  }

  ended(session: HostedSession): void {
    if (this.#sessions.remove(session)) this.counters.sessionsOpen--;
  }

  // ---- from the link

  onPacket(payload: Buffer): void {
    let packet: ResponsePacket;
    try {
      packet = parseResponsePacket(payload, this.#options.limits);
    } catch (error) {
      if (!(error instanceof ZhttpError)) throw error;
      this.#onMalformed(error);
      return;
    }
    if (packet.ids.length === 0) this.counters.packetsUnclaimed++;
    for (const { id, seq } of packet.ids) {
      const session = this.#sessions.get(id);
      if (session !== null) receive(session, packet, seq);
      else this.#onUnclaimed(packet, id);
    }
  }

  /** A packet for a session that has ended: its handler is told, unless it knows or has asked for nothing. */
  #onUnclaimed({ from, type }: ResponsePacket, id: string): void {
    this.counters.packetsUnclaimed++;
    if (from === '' || type === 'cancel' || type === 'error' || type === 'credit') return;
    // Another process of the same address may have the session.
    if (!this.#sessions.knows(id)) return;
    // Whatever waited for an address that is made up, or for a handler that does not read, would pile up.
    if (this.#link.reach(from) !== READY) {
      this.counters.packetsUndelivered++;
      return;
    }
    const packet = packetOf('cancel');
    packet.from = this.address;
    packet.multi = true;
    packet.ids = [{ id, seq: null }];
    this.#link.route(from, encodeRequestPacket(packet));
  }

  #onMalformed({ message, from, ids }: ZhttpError): void {
    this.counters.packetsMalformed++;
    this.log.warn({ handler: from, sessions: ids.length, reason: message }, 'packet of a handler refused');
    for (const { id } of ids) {
      const session = this.#sessions.get(id);
      if (session === null) continue;
      // Its handler is told, also if this was the first that was heard of it.
      if (session.address === '') session.address = from;
      session.abort('HF_BACKEND_PROTOCOL', message);
    }
  }

  onRefused(id: string): void {
    this.counters.requestsUntaken++;
    this.#sessions.get(id)?.abort('HF_BACKEND_ABSENT', 'no handler took the request in time');
  }

  onReady(address: string): void {
    this.#stalled.release(address, this.now);
  }

  onLost(id: string): void {
    this.#sessions.get(id)?.abort('HF_BACKEND_OVERLOADED', 'the handler does not take what the client sends');
  }

  // ---- time

  #onTick(): void {
    const owing = this.#owing;
    this.#owing = [];
    for (const session of owing) sendCredit(session);
    this.#stalled.check(this.now);
    this.#lookAtSome();
  }

  #lookAtSome(): void {
    const { now, keepAliveInterval } = this;
    const due: Session[] = [];
    for (const session of this.#sessions.nextPart(PARTS)) {
      if (this.#isOver(session)) continue;
      sendCredit(session);
      if (!this.#full) session.resume();
      // A sign of life never waits: a handler that takes nothing now gets it when it does.
      if (session.keepAliveAt > now || this.#link.reach(session.address) !== READY) continue;
      session.keepAliveAt = now + keepAliveInterval;
      due.push(session);
    }
    if (due.length > 0) this.#sendTogether('keep-alive', due);
  }

  #isOver(session: Session): boolean {
    const { sessionTimeout, streamTimeout } = this.#options;
    if (this.now - session.heardAt >= sessionTimeout) {
      this.counters.sessionsExpired++;
      session.abort('HF_BACKEND_TIMEOUT', `nothing came from the handler for ${sessionTimeout / 1000} s`);
      return true;
    }
    if (this.now - session.activeAt >= streamTimeout) {
      session.abort('HF_EXCHANGE_TIMEOUT', `nothing moved for ${streamTimeout / 1000} s`);
      return true;
    }
    return false;
  }

  /** Sends a packet of `type` to the handlers of all these sessions; to those that allow it one packet for many of them. */
  #sendTogether(type: PacketType, sessions: readonly Session[]): void {
    const groups = new Map<string, Session[]>();
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
  #sendFor(type: PacketType, sessions: readonly Session[]): void {
    const packet = packetOf(type);
    packet.from = this.address;
    packet.multi = true;
    packet.ids = sessions.map((session): SessionRef => session.nextRef);
    for (const session of sessions) session.advance();
    this.#link.route((sessions[0] as Session).address, encodeRequestPacket(packet));
  }

  onFault(thrown: unknown): void {
    this.counters.faults++;
    const { code, detail } = internalError(thrown);
    this.log.error({ code, detail }, 'internal error');
  }
}

function receive(session: Session, packet: ResponsePacket, seq: number | null): void {
  try {
    session.receive(packet, seq);
  } catch (thrown) {
    fault(session, thrown);
  }
}

function sendCredit(session: HostedSession): void {
  try {
    session.sendCredit();
  } catch (thrown) {
    fault(session, thrown);
  }
}
