import { Ticker } from '../clock/index.ts';
import {
  type PacketFormat,
  packetFormat,
  parseRequestPacket,
  parseResponsePacket,
  type RequestPacket,
  type ResponsePacket,
  type SessionRef,
  ZhttpError,
} from '../codec/zhttp/index.ts';
import { ERRORS, ExchangeError, internalError, type Log } from '../exchange/index.ts';
import type { BridgeCounters } from '../zhttp/index.ts';
import { HttpServerSession } from './http-server-session.ts';
import { bodyLengthOf, FetchOptionsMaker, faultOf, fetchKind } from './packet-request.ts';
import { publicUri } from './public-uri.ts';
import { responsePacket } from './response-packet.ts';
import type { HostedSession, ServerHost } from './server-host.ts';
import type { ServerLink, ServerLinkSink } from './server-link.ts';
import { errorPacket, ServerNotices } from './server-notices.ts';
import type { ZhttpServerOptions } from './server-options.ts';
import type { ServerSession } from './server-session.ts';
import { ServerSessions } from './server-sessions.ts';
import { batchesOf } from './session-batches.ts';
import { WebSocketServerSession } from './websocket-server-session.ts';

/** What of the bridge's options does not concern sockets. */
export type ServerEngineOptions = Omit<
  ZhttpServerOptions,
  'stream' | 'req' | 'connect' | 'ipcFileMode' | 'inHwm' | 'outHwm' | 'zmqCounters'
>;

/** Between two looks at the sessions. In each a tenth of them is looked at, so that every one is within a second. */
const TICK = 100;
const PARTS = 10;

/** For packets that we have written ourselves. */
const OURS = { maxPacketBytes: Number.POSITIVE_INFINITY, maxHeaders: Number.POSITIVE_INFINITY };

/**
 * ZHTTP as its responder: turns packets into requests, and what comes of them into packets. Whatever a requester sends wrongly concerns that
 * request or session alone.
 */
export class ServerEngine implements ServerHost, ServerLinkSink {
  readonly address: string;
  readonly bufferSize: number;
  readonly creditThreshold: number;
  readonly maxBodyBytes: number;
  readonly keepAliveInterval: number;
  readonly timeoutCondition: string;
  readonly counters: BridgeCounters;
  readonly log: Log;
  readonly link: ServerLink;
  readonly #options: ServerEngineOptions;
  readonly #fetchOptions: FetchOptionsMaker;
  readonly #answers: ServerNotices;
  readonly #sessions = new ServerSessions<ServerSession>();
  /** Those that were handed over to requesters that have not been heard of, by id. */
  readonly #handedOff = new Map<string, ServerSession>();
  readonly #ticker: Ticker;
  /** Sessions that have granted less than is worth a packet of its own. */
  #owing: HostedSession[] = [];
  /** Sessions that have something to do at the end of this turn. */
  #turning: HostedSession[] = [];
  /** There are so many sessions that no more are begun. */
  #full = false;
  #draining = false;
  #whenEmpty: (() => void)[] = [];

  /** @param openLink gives the way to the requesters, which reports to the engine */
  constructor(options: ServerEngineOptions, openLink: (sink: ServerLinkSink) => ServerLink) {
    this.#options = options;
    this.address = options.address;
    this.bufferSize = options.bufferSize;
    this.creditThreshold = Math.ceil(options.bufferSize / 2);
    this.maxBodyBytes = options.maxBodyBytes;
    this.keepAliveInterval = options.sessionTimeout / 2;
    this.timeoutCondition = options.timeoutCondition ?? ERRORS.HF_FETCH_TIMEOUT.condition;
    this.counters = options.counters;
    this.log = options.log;
    this.#fetchOptions = new FetchOptionsMaker(
      options.guard,
      options.obeyIgnorePolicies,
      options.decompress,
      options.requestTimeout ?? null,
    );
    this.link = openLink(this);
    this.#answers = new ServerNotices(this.address, this.link, this.counters);
    this.#ticker = new Ticker(TICK, this, () => this.#onTick());
  }

  get now(): number {
    return this.#options.wheel.now;
  }

  // ---- the end

  /** Begins no more requests. */
  drain(): void {
    this.#draining = true;
    this.link.drain();
  }

  /** Settles when no session is left. */
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
    const error = new ExchangeError('HF_DRAINING', 'the server stops');
    const sessions = this.#sessions.all();
    this.#tellAll('error', sessions);
    for (const session of sessions) session.stop(error);
    return this.link.close();
  }

  // ---- requests

  onFirst(payload: Buffer): void {
    this.counters.packetsReceived++;
    const packet = this.#parse(payload, null);
    if (packet === null) return;
    const format = formatOf(payload);
    const { from, ids } = packet;
    const [ref] = ids;
    const named = from !== '' && ref !== undefined;
    if (ids.length > 1) this.#refuse(packet, 'a first packet for several sessions');
    // To answer would be to end the session that has it.
    else if (named && this.#sessions.get(from, ref.id) !== null) this.#refuse(packet, 'its id is in use');
    else this.#begin(packet, format, named, null);
  }

  onRequest(envelope: Buffer[], payload: Buffer): void {
    this.counters.packetsReceived++;
    const packet = this.#parse(payload, envelope);
    if (packet === null) return;
    if (packet.ids.length <= 1) {
      this.#begin(packet, formatOf(payload), false, envelope);
      return;
    }
    this.#refuse(packet, 'a request for several sessions');
    this.#answers.refuse(packet, formatOf(payload), envelope, ERRORS.HF_FETCH_INVALID.condition);
  }

  /** @param named whether further packets can be for it */
  #begin(packet: RequestPacket, format: PacketFormat, named: boolean, envelope: Buffer[] | null): void {
    const kind = fetchKind(packet.uri);
    const fault = this.#draining ? 'the server stops' : faultOf(packet, kind, named, envelope !== null);
    if (fault !== null) {
      this.#refuse(packet, fault);
      const { condition } = this.#draining ? ERRORS.HF_DRAINING : ERRORS.HF_FETCH_INVALID;
      this.#answers.refuse(packet, format, envelope, condition);
      return;
    }
    const { counters } = this;
    counters.sessions++;
    if (kind === 'http') this.#beginHttp(packet, format, envelope);
    else this.#beginWebSocket(packet, format);
  }

  #beginHttp(packet: RequestPacket, format: PacketFormat, envelope: Buffer[] | null): void {
    const bodyLength = bodyLengthOf(packet);
    const session = new HttpServerSession(this, packet, format, envelope, bodyLength);
    this.#add(session);
    session.start(
      this.#options.fetcher,
      {
        id: this.#nameOf(session),
        method: packet.method,
        uri: packet.uri,
        headers: packet.headers,
        bodyLength,
        credits: session.initialCredits(packet.credits),
        options: this.#fetchOptions.of(packet),
      },
      packet.more,
    );
  }

  #beginWebSocket(packet: RequestPacket, format: PacketFormat): void {
    const session = new WebSocketServerSession(this, packet, format, null);
    this.#add(session);
    session.start(
      this.#options.fetcher,
      {
        id: this.#nameOf(session),
        method: packet.method,
        uri: packet.uri,
        headers: packet.headers,
        bodyLength: 0,
        credits: packet.credits,
        options: this.#fetchOptions.of(packet),
      },
      false,
    );
  }

  #add(session: ServerSession): void {
    this.counters.sessionsOpen++;
    this.#sessions.add(session);
    if (this.#full || this.#sessions.size < this.#options.maxOpenRequests) return;
    this.#full = true;
    this.link.pause();
  }

  /** What the log of the fetcher calls it. */
  #nameOf({ id }: ServerSession): string {
    return id === '' ? `#${this.counters.sessions}` : id;
  }

  #refuse({ from, ids, method, uri, quiet }: RequestPacket, reason: string): void {
    this.counters.requestsRefused++;
    const id = ids[0]?.id;
    const shown = publicUri(uri, this.log.debugEnabled);
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
      const session = this.#find(packet, ref);
      if (session !== null) {
        session.receive(packet, ref.seq);
        continue;
      }
      this.counters.packetsUnclaimed++;
      if (unclaimed === null) unclaimed = [];
      unclaimed.push({ id: ref.id, seq: null });
    }
    if (unclaimed !== null && packet.type !== 'cancel' && packet.type !== 'error') {
      this.#answers.disclaim(from, unclaimed, formatOf(payload), packet.multi);
    }
  }

  #find({ from, oldFrom }: RequestPacket, { id, seq }: SessionRef): ServerSession | null {
    const session = this.#sessions.get(from, id);
    if (session !== null || this.#handedOff.size === 0) return session;
    // A session that was handed over goes on with a packet of somebody else, who says whose it was or at least has the number.
    const waiting = oldFrom === '' ? this.#handedOff.get(id) : this.#sessions.get(oldFrom, id);
    return waiting !== undefined && waiting !== null && !waiting.open && waiting.expects(seq) ? waiting : null;
  }

  onLost(address: string, payload: Buffer): void {
    this.counters.packetsUndelivered++;
    for (const { id } of parseResponsePacket(payload, OURS).ids) {
      this.#sessions.get(address, id)?.stop(new ExchangeError('HF_CLIENT_STALLED', 'the requester takes no packets'));
    }
  }

  // ---- packets that are none

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
    this.log.warn({ from, sessions: ids.length, reason: message }, 'packet of a requester refused');
    if (envelope !== null) {
      this.#answers.refuseUnread(envelope, ids, format);
      return;
    }
    if (condition === null || from === '') return;
    for (const { id } of ids) {
      const session = this.#sessions.get(from, id);
      if (session !== null) session.abort('HF_FETCH_INVALID', message);
      else this.#answers.rejectUnread(from, id, format, condition);
    }
  }

  // ---- for sessions

  oweCredit(session: HostedSession): void {
    this.#owing.push(session);
  }

  atTurnEnd(session: HostedSession): void {
    if (this.#turning.length === 0) setImmediate(this.#onTurnEnd);
    this.#turning.push(session);
  }

  readonly #onTurnEnd = (): void => {
    const sessions = this.#turning;
    this.#turning = [];
    for (const session of sessions) session.onTurnEnd();
  };

  handedOff(session: ServerSession): void {
    if (!this.#handedOff.has(session.id)) this.#handedOff.set(session.id, session);
  }

  takenOver(session: ServerSession, address: string): void {
    if (this.#handedOff.get(session.id) === session) this.#handedOff.delete(session.id);
    if (address !== session.from) this.#sessions.rename(session, address);
  }

  ended(session: ServerSession): void {
    this.counters.sessionsOpen--;
    this.#sessions.remove(session);
    if (this.#handedOff.size > 0 && this.#handedOff.get(session.id) === session) this.#handedOff.delete(session.id);
    // Not at once: the fetcher may be in the middle of the request that has ended.
    if (this.#full && this.#sessions.size < this.#options.maxOpenRequests) setImmediate(this.#onRoom);
    if (this.#sessions.size > 0 || this.#whenEmpty.length === 0) return;
    const waiting = this.#whenEmpty;
    this.#whenEmpty = [];
    for (const resolve of waiting) resolve();
  }

  readonly #onRoom = (): void => {
    if (!this.#full || this.#sessions.size >= this.#options.maxOpenRequests) return;
    this.#full = false;
    this.link.resume();
  };

  // ---- time

  #onTick(): void {
    const owing = this.#owing;
    this.#owing = [];
    for (const session of owing) session.sendCredit();
    const { now } = this;
    const due: ServerSession[] = [];
    for (const session of this.#sessions.nextPart(PARTS)) {
      if (this.#isOver(session) || session.keepAliveAt > now) continue;
      session.keepAliveAt = now + this.keepAliveInterval;
      due.push(session);
    }
    if (due.length > 0) this.#tellAll('keep-alive', due);
  }

  #isOver(session: ServerSession): boolean {
    const { sessionTimeout, activityTimeout } = this.#options;
    if (session.waitsForRequester && this.now - session.heardAt >= sessionTimeout) {
      session.expire(sessionTimeout / 1000);
      return true;
    }
    if (this.now - session.activeAt >= activityTimeout) {
      session.abort('HF_FETCH_TIMEOUT', `nothing moved for ${activityTimeout / 1000} s`);
      return true;
    }
    return false;
  }

  /** Tells the requesters of all these sessions; those that allow it with one packet for many of them. */
  #tellAll(type: 'keep-alive' | 'error', sessions: readonly ServerSession[]): void {
    const { single, shared } = batchesOf(sessions);
    for (const session of single) session.send(wholePacket(type));
    for (const batch of shared) {
      const refs = batch.map((session) => session.nextRef);
      for (const session of batch) session.advance();
      this.#answers.tell(batch[0] as ServerSession, refs, wholePacket(type));
    }
  }

  onFault(thrown: unknown): void {
    this.counters.faults++;
    const { code, detail } = internalError(thrown);
    this.log.error({ code, detail }, 'internal error');
  }
}

/** A packet about sessions as a whole. Valid until the next one is made. */
function wholePacket(type: 'keep-alive' | 'error'): ResponsePacket {
  return type === 'error' ? errorPacket(ERRORS.HF_DRAINING.condition) : responsePacket(type);
}

/** Of a packet that has been read. */
function formatOf(payload: Buffer): PacketFormat {
  return packetFormat(payload) as PacketFormat;
}
