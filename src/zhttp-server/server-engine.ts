import { type AtTurnEnd, attempt, fault, Ticker, TurnQueue } from '../clock/index.ts';
import {
  NO_LIMITS,
  type PacketFormat,
  packetFormat,
  parseRequestPacket,
  parseResponsePacket,
  type RequestPacket,
  ResponsePacket,
  type SessionRef,
  ZhttpError,
} from '../codec/zhttp/index.ts';
import {
  type Current,
  ERRORS,
  ExchangeError,
  type ExchangeObserver,
  HeldTotal,
  LineRate,
  type Log,
  reportFault,
  shownTarget,
} from '../exchange/index.ts';
import type { Tracing } from '../server/index.ts';
import { CollectedBytes, CROWDED_STALL, type SessionCounters } from '../zhttp/index.ts';
import { EarlyRequests } from './early-requests.ts';
import { HttpServerSession } from './http-server-session.ts';
import { bodyLengthOf, defectOf, requestKind } from './packet-request.ts';
import { publicUri } from './public-uri.ts';
import { RecentSessions } from './recent-sessions.ts';
import type { HostedSession, ServerHost } from './server-host.ts';
import type { ServerLink, ServerLinkSink } from './server-link.ts';
import { errorPacket, type Recipient, ServerNotices } from './server-notices.ts';
import type { ZhttpServerOptions } from './server-options.ts';
import type { ServerSession } from './server-session.ts';
import { keyOf, ServerSessions } from './server-sessions.ts';
import { batchesOf } from './session-batches.ts';
import { WebSocketServerSession } from './websocket-server-session.ts';

/** The options that do not concern sockets. */
export type ServerEngineOptions = Omit<
  ZhttpServerOptions,
  'stream' | 'req' | 'connect' | 'ipcFileMode' | 'inHwm' | 'outHwm' | 'zmqCounters'
>;

/**
 * Bytes of the first packets of open sessions, each counted with at least 256. At the bound no more are read until sessions end.
 * @bound zhttp-requests-total
 */
export const MAX_REQUEST_BYTES = 67_108_864;

/**
 * Bytes of responses that are being collected, in all sessions. At the bound only one of them continues at a time, the others wait.
 * @bound zhttp-collected-total
 */
export const MAX_COLLECTED = 134_217_728;

/**
 * Bytes of packets that wait for their requesters, in all sessions. At the bound those that hold the most end, until a quarter of it is free.
 * @bound zhttp-held-total
 */
export const MAX_HELD_TOTAL = 67_108_864;

/** Milliseconds between two ticks. In each a tenth of the sessions is looked at, so that every one is within a second. */
const TICK = 100;
const PARTS = 10;

/**
 * The server half of ZHTTP without its sockets: turns packets into exchanges with a target, and what comes of them into packets.
 * What a requester sends wrongly concerns that request or session alone, and so does an exception.
 */
export class ServerEngine implements ServerHost, ServerLinkSink, AtTurnEnd {
  readonly address: string;
  readonly bufferSize: number;
  readonly creditThreshold: number;
  readonly keepAliveInterval: number;
  readonly timeoutCondition: string;
  readonly quietWebSockets: boolean;
  readonly textType: string;
  readonly quiet: boolean;
  readonly framed: boolean;
  readonly outbound: boolean;
  readonly counters: SessionCounters;
  readonly log: Log;
  readonly link: ServerLink;
  readonly turn = new TurnQueue();
  readonly collected: CollectedBytes;
  readonly held: HeldTotal;
  readonly #observer: Current<ExchangeObserver | null>;
  readonly #tracing: Current<Tracing | null>;
  readonly #options: ServerEngineOptions;
  readonly #notices: ServerNotices;
  readonly #sessions = new ServerSessions<ServerSession>();
  readonly #recent = new RecentSessions();
  /** Those that were handed over to requesters that have not been heard of, by id. */
  /** Null where requests do not wait for the subscription of their requester. */
  readonly #early: EarlyRequests | null;
  readonly #handedOff = new Map<string, ServerSession>();
  readonly #ticker: Ticker;
  readonly #refusals = new LineRate();
  /** Sessions that have collected small grants. */
  #unsettled: HostedSession[] = [];
  /** Bytes of the first packets of open sessions. */
  #requestBytes = 0;
  /** There are so many sessions, or so large ones, that no more are begun. */
  #full = false;
  #draining = false;
  #whenEmpty: (() => void)[] = [];

  /** @param openLink gives the way to the requesters, which reports to the engine */
  constructor(options: ServerEngineOptions, openLink: (sink: ServerLinkSink) => ServerLink) {
    this.#options = options;
    this.address = options.address;
    this.bufferSize = options.bufferSize;
    this.creditThreshold = Math.ceil(options.bufferSize / 2);
    this.keepAliveInterval = options.sessionTimeout / 2;
    this.timeoutCondition = options.timeoutCondition ?? ERRORS.HF_FETCH_TIMEOUT.condition;
    this.quietWebSockets = options.quietWebSockets ?? false;
    this.textType = options.namesText === true ? 'text' : '';
    this.quiet = options.quiet ?? false;
    this.framed = options.target.framed;
    this.outbound = options.target.outbound;
    this.counters = options.counters;
    this.log = options.log;
    this.#observer = options.observer ?? { current: null };
    this.#tracing = options.tracing ?? { current: null };
    this.collected = new CollectedBytes(MAX_COLLECTED, this.turn, (thrown) => this.onFault(thrown));
    this.held = new HeldTotal(MAX_HELD_TOTAL, this, 'requesters take too few packets, sessions ended');
    const { subscriptionPatience } = options;
    this.#early = subscriptionPatience === undefined ? null : new EarlyRequests(subscriptionPatience);
    this.link = openLink(this);
    this.#notices = new ServerNotices(this.address, this.link, this.counters);
    this.#ticker = new Ticker(TICK, this, () => this.#onTick());
  }

  get tracing(): Tracing | null {
    return this.#tracing.current;
  }

  get observer(): ExchangeObserver | null {
    return this.#observer.current;
  }

  get now(): number {
    return this.#options.wheel.now;
  }

  get maxBodyBytes(): number {
    return this.#options.maxBodyBytes;
  }

  // ---- the end

  /** Begins no more requests. */
  drain(): void {
    this.#draining = true;
    this.link.drain();
    this.#takeEarly(() => true);
  }

  /** Settles when there are no sessions. */
  whenEmpty(): Promise<void> {
    if (this.#sessions.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve);
    });
  }

  /**
   * Sends every requester an error for each of its sessions, many in one packet, and gives the requests up.
   * @returns settles when that is sent, or cannot be
   */
  stop(): Promise<void> {
    this.#draining = true;
    this.#ticker.stop();
    const error = new ExchangeError('HF_DRAINING', 'the server is stopping');
    const sessions = this.#sessions.all();
    this.#tellAll('error', sessions);
    for (const session of sessions) attempt(session, stop, error);
    return this.link.close();
  }

  // ---- requests

  onFirst(payload: Buffer): void {
    this.counters.packetsReceived++;
    const packet = this.#parse(payload, null);
    if (packet === null) return;
    const { from, routerResp } = packet;
    if (this.#early !== null && from !== '' && !routerResp && !this.link.reaches(from)) {
      if (this.#early.add(from, payload, this.now)) return;
    }
    this.#onFirst(packet, payload);
  }

  /** Takes the requests that have waited for the subscriptions of their requesters. */
  #takeEarly(reaches: (from: string) => boolean): void {
    if (this.#early === null || this.#early.size === 0) return;
    for (const payload of this.#early.take(this.now, reaches)) {
      const packet = this.#parse(payload, null);
      if (packet !== null) this.#onFirst(packet, payload);
    }
  }

  onReachable(): void {
    this.#takeEarly((from) => this.link.reaches(from));
  }

  #onFirst(packet: RequestPacket, payload: Buffer): void {
    const format = formatOf(payload);
    const { from, ids } = packet;
    const [ref] = ids;
    const key = from !== '' && ref !== undefined && ref.id !== '' ? keyOf(from, ref.id) : '';
    if (ids.length > 1) this.#refuse(packet, 'a first packet for several sessions');
    // A response would end the session that has the id.
    else if (key !== '' && this.#sessions.get(key) !== null) this.#refuse(packet, 'its id is in use');
    else this.#begin(packet, payload.length, format, key, null);
  }

  onRequest(envelope: Buffer[], payload: Buffer): void {
    this.counters.packetsReceived++;
    const packet = this.#parse(payload, envelope);
    if (packet === null) return;
    if (packet.ids.length <= 1) {
      this.#begin(packet, payload.length, formatOf(payload), '', envelope);
      return;
    }
    this.#refuse(packet, 'a request for several sessions');
    this.#notices.refuse(packet, formatOf(payload), envelope, ERRORS.HF_FETCH_INVALID.condition);
  }

  /** @param bytes of the packet @param key that further packets find it by; empty if none can be for it */
  #begin(packet: RequestPacket, bytes: number, format: PacketFormat, key: string, envelope: Buffer[] | null): void {
    const kind = requestKind(packet.uri);
    const defect = this.#draining ? 'the server is stopping' : defectOf(packet, kind, key !== '', envelope !== null);
    if (defect !== null) {
      this.#refuse(packet, defect);
      const { condition } = this.#draining ? ERRORS.HF_DRAINING : ERRORS.HF_FETCH_INVALID;
      this.#notices.refuse(packet, format, envelope, condition);
      return;
    }
    this.counters.sessions++;
    const isHttp = kind === 'http';
    const bodyLength = isHttp ? bodyLengthOf(packet) : 0;
    const session = isHttp
      ? new HttpServerSession(this, packet, bytes, format, envelope, bodyLength)
      : new WebSocketServerSession(this, packet, bytes, format, envelope);
    this.#add(session, key);
    try {
      session.start(this.#options.target, this.#nameOf(session), packet, bodyLength);
    } catch (thrown) {
      fault(session, thrown);
    }
  }

  #add(session: ServerSession, key: string): void {
    this.counters.sessionsOpen++;
    this.#sessions.add(session, key);
    this.#requestBytes += session.requestBytes;
    if (session.byRouter && session.named) this.#recent.beginByRouter(session.from);
    if (this.#full || this.#hasRoom) return;
    this.#full = true;
    this.link.pause();
  }

  get #hasRoom(): boolean {
    return this.#sessions.size < this.#options.maxOpenRequests && this.#requestBytes < MAX_REQUEST_BYTES;
  }

  /** What the target's log calls it. */
  #nameOf({ id }: ServerSession): string {
    return id === '' ? `#${this.counters.sessions}` : id;
  }

  #refuse({ from, ids, method, uri, quiet }: RequestPacket, reason: string): void {
    this.counters.requestsRefused++;
    const id = ids[0]?.id;
    const shown = shownTarget(publicUri(uri, this.log.debugEnabled));
    this.log[quiet ? 'debug' : 'warn']({ id, from, method, uri: shown, reason }, 'request refused');
  }

  // ---- further packets

  onFollowUp(payload: Buffer): void {
    this.counters.packetsReceived++;
    const packet = this.#parse(payload, null);
    if (packet === null) return;
    const { from, ids } = packet;
    if (ids.length === 0 || from === '') {
      this.counters.packetsUnclaimed++;
      return;
    }
    let unclaimed: SessionRef[] | null = null;
    for (const ref of ids) {
      const key = keyOf(from, ref.id);
      const session = this.#find(packet, key, ref);
      if (session !== null) {
        attempt(session, receive, packet, ref.seq);
        continue;
      }
      this.counters.packetsUnclaimed++;
      if (this.#recent.has(key, this.now)) continue;
      if (unclaimed === null) unclaimed = [];
      unclaimed.push({ id: ref.id, seq: null });
    }
    if (unclaimed !== null && packet.type !== 'cancel' && packet.type !== 'error') {
      this.#notices.disclaim(this.#recipient(from, formatOf(payload)), unclaimed, packet.multi);
    }
  }

  /** A requester without a session is reached on the same path as its sessions. */
  #recipient(from: string, format: PacketFormat): Recipient {
    return { from, format, byRouter: this.#recent.byRouter(from) };
  }

  #find({ oldFrom }: RequestPacket, key: string, { id, seq }: SessionRef): ServerSession | null {
    const session = this.#sessions.get(key);
    if (session !== null || this.#handedOff.size === 0) return session;
    // A session that was handed over continues with a packet of another requester, which names the former one or has the right number.
    const waiting = oldFrom === '' ? this.#handedOff.get(id) : this.#sessions.get(keyOf(oldFrom, id));
    return waiting !== undefined && waiting !== null && !waiting.open && waiting.expects(seq) ? waiting : null;
  }

  onLost(address: string, payload: Buffer): void {
    this.counters.packetsUndelivered++;
    for (const { id } of parseResponsePacket(payload, NO_LIMITS).ids) {
      const session = this.#sessions.get(keyOf(address, id));
      if (session === null) continue;
      attempt(session, stop, new ExchangeError('HF_CLIENT_STALLED', 'the requester takes no packets'));
    }
  }

  // ---- malformed packets

  /** @param envelope of a request of req mode. Returns null if it cannot be read, which has been dealt with */
  #parse(payload: Buffer, envelope: Buffer[] | null): RequestPacket | null {
    try {
      return parseRequestPacket(payload, this.#options.limits);
    } catch (error) {
      if (!(error instanceof ZhttpError)) throw error;
      this.#onMalformed(error, packetFormat(payload) ?? 'T', envelope);
      return null;
    }
  }

  #onMalformed(error: ZhttpError, format: PacketFormat, envelope: Buffer[] | null): void {
    const { message, condition, from, ids } = error;
    this.counters.packetsMalformed++;
    const record = { from, sessions: ids.length, reason: message };
    this.#refusals.write(this.log, 'warn', record, 'packet of a requester refused');
    if (envelope !== null) {
      this.#notices.refuseUnread(envelope, ids, format);
      return;
    }
    if (condition === null || from === '') return;
    for (const { id } of ids) {
      const key = keyOf(from, id);
      const session = this.#sessions.get(key);
      if (session === null) {
        if (this.#recent.has(key, this.now)) continue;
        this.#notices.rejectUnread(this.#recipient(from, format), id, condition);
        continue;
      }
      attempt(session, (named) => named.abort('HF_FETCH_INVALID', message));
    }
  }

  // ---- for sessions

  settleSoon(session: HostedSession): void {
    this.#unsettled.push(session);
  }

  handedOff(session: ServerSession): void {
    if (!this.#handedOff.has(session.id)) this.#handedOff.set(session.id, session);
  }

  takenOver(session: ServerSession, address: string): void {
    if (this.#handedOff.get(session.id) === session) this.#handedOff.delete(session.id);
    if (address === session.from) return;
    this.#sessions.rename(session, address);
    if (!session.byRouter) return;
    this.#recent.endByRouter(session.from, this.now);
    this.#recent.beginByRouter(address);
  }

  ended(session: ServerSession): void {
    this.counters.sessionsOpen--;
    const { key } = session;
    this.#sessions.remove(session);
    this.#requestBytes -= session.requestBytes;
    if (key !== '') {
      // A requester that was told nothing learns of the end when it sends something.
      if (!session.untold) this.#recent.ended(key, this.now);
      if (session.byRouter) this.#recent.endByRouter(session.from, this.now);
    }
    if (this.#handedOff.size > 0 && this.#handedOff.get(session.id) === session) this.#handedOff.delete(session.id);
    // Not at once: the target may be in the middle of the request that has ended.
    if (this.#full && this.#hasRoom) this.turn.add(this);
    if (this.#sessions.size > 0 || this.#whenEmpty.length === 0) return;
    const waiting = this.#whenEmpty;
    this.#whenEmpty = [];
    for (const resolve of waiting) resolve();
  }

  /** Sessions have ended: reads first packets again. */
  onTurnEnd(): void {
    if (!this.#full || !this.#hasRoom) return;
    this.#full = false;
    this.link.resume();
  }

  // ---- time

  #onTick(): void {
    this.onReachable();
    const unsettled = this.#unsettled;
    this.#unsettled = [];
    for (const session of unsettled) attempt(session, settle);
    const { now } = this;
    const due: ServerSession[] = [];
    const look = (session: ServerSession): void => {
      if (this.#isOver(session) || session.keepAliveAt > now) return;
      session.keepAliveAt = now + this.keepAliveInterval;
      due.push(session);
    };
    for (const session of this.#sessions.nextPart(PARTS)) attempt(session, look);
    if (due.length > 0) this.#tellAll('keep-alive', due);
  }

  #isOver(session: ServerSession): boolean {
    const { sessionTimeout, activityTimeout } = this.#options;
    if (session.waitsForRequester && this.now - session.heardAt >= sessionTimeout) {
      session.expire(sessionTimeout / 1000);
      return true;
    }
    const idle = this.now - session.activeAt;
    if (idle >= activityTimeout) {
      session.abort('HF_FETCH_TIMEOUT', `nothing moved for ${activityTimeout / 1000} s`);
      return true;
    }
    if (session.collects && this.collected.isInTheWay(session, idle)) {
      const waited = `nothing moved for ${CROWDED_STALL / 1000} s`;
      session.abort('HF_FETCH_TIMEOUT', `${waited} of a response that is collected while others wait for room`);
      return true;
    }
    return false;
  }

  /** Tells the requesters of all these sessions; those that allow it with one packet for many of them. */
  #tellAll(type: 'keep-alive' | 'error', sessions: readonly ServerSession[]): void {
    const { single, shared } = batchesOf(sessions);
    const tell = (session: ServerSession): void => {
      if (type === 'error' || !this.#postpone([session])) session.send(wholePacket(type));
    };
    for (const session of single) attempt(session, tell);
    for (const batch of shared) {
      if (type === 'keep-alive' && this.#postpone(batch)) continue;
      const refs = batch.map((session) => session.nextRef());
      this.#notices.tell(batch[0] as ServerSession, refs, wholePacket(type));
    }
  }

  /** A keep-alive never waits for a requester that takes nothing now: these sessions are due again at the next check. */
  #postpone(batch: readonly ServerSession[]): boolean {
    if (!(batch[0] as ServerSession).blocked) return false;
    for (const session of batch) session.keepAliveAt = this.now;
    return true;
  }

  onFault(thrown: unknown): void {
    reportFault(this, thrown);
  }
}

function settle(session: HostedSession): void {
  session.settle();
}

function receive(session: ServerSession, packet: RequestPacket, seq: number | null): void {
  session.receive(packet, seq);
}

function stop(session: ServerSession, error: ExchangeError): void {
  session.stop(error);
}

/** A packet about sessions as a whole. */
function wholePacket(type: 'keep-alive' | 'error'): ResponsePacket {
  return type === 'error' ? errorPacket(ERRORS.HF_DRAINING.condition) : new ResponsePacket(type);
}

/** Of a packet that has been read. */
function formatOf(payload: Buffer): PacketFormat {
  return packetFormat(payload) as PacketFormat;
}
