import {
  encodeResponsePacket,
  MAX_IDS,
  type PacketFormat,
  type PacketType,
  packetFormat,
  parseRequestPacket,
  parseResponsePacket,
  type RequestPacket,
  type ResponsePacket,
  type SessionRef,
  ZhttpError,
} from '../codec/zhttp/index.ts';
import { ERRORS, ExchangeError, type Log } from '../exchange/index.ts';
import type { BridgeCounters } from './counters.ts';
import type { FetchHost, HostedFetch } from './fetch-host.ts';
import { FetchHttpSession } from './fetch-http-session.ts';
import type { FetchLink, FetchLinkSink } from './fetch-link.ts';
import type { FetchBridgeOptions } from './fetch-options.ts';
import { bodyLengthOf, FetchOptionsMaker, faultOf, fetchKind } from './fetch-request.ts';
import type { FetchSession } from './fetch-session.ts';
import { FetchSessions } from './fetch-sessions.ts';
import { FetchWebSocketSession } from './fetch-websocket-session.ts';
import { publicUri } from './public-uri.ts';
import { idsOf, responsePacket } from './response-packet.ts';
import { Ticker } from './ticker.ts';

/** What of the bridge's options does not concern sockets. */
export type FetchEngineOptions = Omit<
  FetchBridgeOptions,
  'stream' | 'req' | 'connect' | 'ipcFileMode' | 'inHwm' | 'outHwm' | 'zmqCounters'
>;

/** Between two looks at the sessions. In each a tenth of them is looked at, so that every one is within a second. */
const TICK = 100;
const PARTS = 10;

/** For packets that we have written ourselves. */
const OURS = { maxPacketBytes: Number.POSITIVE_INFINITY, maxHeaders: Number.POSITIVE_INFINITY };

/** Sessions of one asker that can be told of something in one packet. */
interface Batch {
  readonly first: FetchSession;
  readonly sessions: FetchSession[];
}

/**
 * ZHTTP as its responder: turns packets into requests, and what comes of them into packets. Whatever an asker sends wrongly concerns that
 * request or session alone.
 */
export class FetchEngine implements FetchHost, FetchLinkSink {
  readonly address: string;
  readonly bufferSize: number;
  readonly creditThreshold: number;
  readonly maxBodyBytes: number;
  readonly keepAliveInterval: number;
  readonly timeoutCondition: string;
  readonly counters: BridgeCounters;
  readonly log: Log;
  readonly link: FetchLink;
  readonly #options: FetchEngineOptions;
  readonly #fetchOptions: FetchOptionsMaker;
  readonly #sessions = new FetchSessions<FetchSession>();
  /** Those that were handed over to askers that have not been heard of, by id. */
  readonly #handedOff = new Map<string, FetchSession>();
  readonly #ticker: Ticker;
  /** Sessions that have granted less than is worth a packet of its own. */
  #owing: HostedFetch[] = [];
  /** Sessions that have something to do at the end of this turn. */
  #turning: HostedFetch[] = [];
  /** There are so many sessions that no more are begun. */
  #full = false;
  #draining = false;
  #whenEmpty: (() => void)[] = [];

  /** @param openLink gives the way to the askers, which reports to the engine */
  constructor(options: FetchEngineOptions, openLink: (sink: FetchLinkSink) => FetchLink) {
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
    this.#ticker = new Ticker(TICK, () => this.#onTick());
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
   * Sends every asker an error for each of its sessions, many in one packet, and gives the requests up.
   * @returns settles when that is sent, or cannot be
   */
  stop(): Promise<void> {
    this.#draining = true;
    this.#ticker.stop();
    const error = new ExchangeError('HF_DRAINING', 'the server stops');
    const sessions = this.#sessions.all();
    this.#tellTogether('error', sessions);
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
    packet.ids = [];
    this.#answer(packet, formatOf(payload), envelope, 'HF_FETCH_INVALID');
  }

  /** @param named whether further packets can be for it */
  #begin(packet: RequestPacket, format: PacketFormat, named: boolean, envelope: Buffer[] | null): void {
    const kind = fetchKind(packet.uri);
    const fault = this.#draining ? 'the server stops' : faultOf(packet, kind, named, envelope !== null);
    if (fault !== null) {
      this.#refuse(packet, fault);
      this.#answer(packet, format, envelope, this.#draining ? 'HF_DRAINING' : 'HF_FETCH_INVALID');
      return;
    }
    const { counters } = this;
    counters.sessions++;
    if (kind === 'http') this.#beginHttp(packet, format, envelope);
    else this.#beginWebSocket(packet, format);
  }

  #beginHttp(packet: RequestPacket, format: PacketFormat, envelope: Buffer[] | null): void {
    const bodyLength = bodyLengthOf(packet);
    const session = new FetchHttpSession(this, packet, format, envelope, bodyLength);
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
    const session = new FetchWebSocketSession(this, packet, format, null);
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

  #add(session: FetchSession): void {
    this.counters.sessionsOpen++;
    this.#sessions.add(session);
    if (this.#full || this.#sessions.size < this.#options.maxOpenRequests) return;
    this.#full = true;
    this.link.pause();
  }

  /** What the log of the fetcher calls it. */
  #nameOf({ id }: FetchSession): string {
    return id === '' ? `#${this.counters.sessions}` : id;
  }

  #refuse({ from, ids, method, uri, quiet }: RequestPacket, reason: string): void {
    this.counters.requestsRefused++;
    const id = ids[0]?.id;
    const shown = publicUri(uri, this.log.debugEnabled);
    this.log[quiet ? 'debug' : 'warn']({ id, from, method, uri: shown, reason }, 'request refused');
  }

  /** Tells who has sent a first packet that there will be no more to it. */
  #answer(
    { from, ids, userData, routerResp }: RequestPacket,
    format: PacketFormat,
    envelope: Buffer[] | null,
    code: 'HF_FETCH_INVALID' | 'HF_DRAINING',
  ): void {
    const id = ids[0]?.id ?? '';
    if (envelope === null && (from === '' || id === '')) return;
    const packet = responsePacket('error');
    packet.condition = ERRORS[code].condition;
    packet.ids = idsOf(id, 0);
    packet.userData = userData;
    this.counters.packetsSent++;
    if (envelope !== null) {
      this.link.reply(envelope, encodeResponsePacket(packet, format));
      return;
    }
    packet.from = this.address;
    this.#send(from, routerResp, format, packet);
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
      this.#disclaim(packet, unclaimed, formatOf(payload));
    }
  }

  #find({ from, oldFrom }: RequestPacket, { id, seq }: SessionRef): FetchSession | null {
    const session = this.#sessions.get(from, id);
    if (session !== null || this.#handedOff.size === 0) return session;
    // A session that was handed over goes on with a packet of somebody else, who says whose it was or at least has the number.
    const waiting = oldFrom === '' ? this.#handedOff.get(id) : this.#sessions.get(oldFrom, id);
    return waiting !== undefined && waiting !== null && !waiting.open && waiting.expects(seq) ? waiting : null;
  }

  /** Tells an asker that there are no such sessions. */
  #disclaim({ from, multi }: RequestPacket, refs: SessionRef[], format: PacketFormat): void {
    if (multi) {
      this.#sendCancel(from, refs, format);
      return;
    }
    for (const { id } of refs) {
      if (id !== '') this.#sendCancel(from, idsOf(id, null), format);
    }
  }

  #sendCancel(from: string, ids: SessionRef[], format: PacketFormat): void {
    const packet = responsePacket('cancel');
    packet.ids = ids;
    this.counters.packetsSent++;
    this.#send(from, false, format, packet);
  }

  onLost(address: string, payload: Buffer): void {
    this.counters.packetsUndelivered++;
    for (const { id } of parseResponsePacket(payload, OURS).ids) {
      this.#sessions.get(address, id)?.stop(new ExchangeError('HF_CLIENT_STALLED', 'the asker takes no packets'));
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
    this.log.warn({ from, sessions: ids.length, reason: message }, 'packet of an asker refused');
    if (envelope !== null) {
      const packet = responsePacket('error');
      packet.condition = 'bad-request';
      packet.ids = ids.length === 1 ? idsOf((ids[0] as SessionRef).id, 0) : [];
      this.counters.packetsSent++;
      this.link.reply(envelope, encodeResponsePacket(packet, format));
      return;
    }
    if (condition === null || from === '') return;
    for (const { id } of ids) {
      const session = this.#sessions.get(from, id);
      if (session !== null) session.abort('HF_FETCH_INVALID', message);
      else this.#sendBadRequest(from, id, format, condition);
    }
  }

  #sendBadRequest(from: string, id: string, format: PacketFormat, condition: string): void {
    const packet = responsePacket('error');
    packet.condition = condition;
    packet.ids = idsOf(id, null);
    this.counters.packetsSent++;
    this.#send(from, false, format, packet);
  }

  // ---- for sessions

  oweCredit(session: HostedFetch): void {
    this.#owing.push(session);
  }

  atTurnEnd(session: HostedFetch): void {
    if (this.#turning.length === 0) setImmediate(this.#onTurnEnd);
    this.#turning.push(session);
  }

  readonly #onTurnEnd = (): void => {
    const sessions = this.#turning;
    this.#turning = [];
    for (const session of sessions) session.onTurnEnd();
  };

  handedOff(session: FetchSession): void {
    if (!this.#handedOff.has(session.id)) this.#handedOff.set(session.id, session);
  }

  takenOver(session: FetchSession, address: string): void {
    if (this.#handedOff.get(session.id) === session) this.#handedOff.delete(session.id);
    if (address !== session.from) this.#sessions.rename(session, address);
  }

  ended(session: FetchSession): void {
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

  #send(address: string, byRouter: boolean, format: PacketFormat, packet: ResponsePacket): void {
    if (byRouter) this.link.route(address, encodeResponsePacket(packet, format));
    else this.link.publish(encodeResponsePacket(packet, format, address));
  }

  // ---- time

  #onTick(): void {
    const owing = this.#owing;
    this.#owing = [];
    for (const session of owing) session.sendCredit();
    const { now } = this;
    const due: FetchSession[] = [];
    for (const session of this.#sessions.nextPart(PARTS)) {
      if (this.#isOver(session) || session.keepAliveAt > now) continue;
      session.keepAliveAt = now + this.keepAliveInterval;
      due.push(session);
    }
    if (due.length > 0) this.#tellTogether('keep-alive', due);
  }

  #isOver(session: FetchSession): boolean {
    const { sessionTimeout, activityTimeout } = this.#options;
    if (session.waitsForAsker && this.now - session.heardAt >= sessionTimeout) {
      session.expire(sessionTimeout / 1000);
      return true;
    }
    if (this.now - session.activeAt >= activityTimeout) {
      session.abort('HF_FETCH_TIMEOUT', `nothing moved for ${activityTimeout / 1000} s`);
      return true;
    }
    return false;
  }

  /** Tells the askers of all these sessions; those that allow it with one packet for many of them. */
  #tellTogether(type: 'keep-alive' | 'error', sessions: readonly FetchSession[]): void {
    const batches = new Map<string, Batch>();
    for (const session of sessions) {
      if (!session.open) continue;
      if (!session.batchable) {
        session.send(wholePacket(type));
        continue;
      }
      const key = `${session.format}${session.byRouter ? 'r' : 'p'}${session.from}`;
      const batch = batches.get(key);
      if (batch === undefined) batches.set(key, { first: session, sessions: [session] });
      else batch.sessions.push(session);
    }
    for (const { first, sessions: all } of batches.values()) {
      for (let start = 0; start < all.length; start += MAX_IDS)
        this.#tell(type, first, all.slice(start, start + MAX_IDS));
    }
  }

  /** Sends one packet to the one asker of these sessions. */
  #tell(
    type: 'keep-alive' | 'error',
    { from, byRouter, format }: FetchSession,
    sessions: readonly FetchSession[],
  ): void {
    const packet = wholePacket(type);
    packet.from = this.address;
    packet.multi = true;
    packet.ids = sessions.map((session) => session.nextRef);
    for (const session of sessions) session.advance();
    this.counters.packetsSent++;
    this.#send(from, byRouter, format, packet);
  }
}

/** A packet about sessions as a whole. Valid until the next one is made. */
function wholePacket(type: PacketType): ResponsePacket {
  const packet = responsePacket(type);
  if (type === 'error') packet.condition = ERRORS.HF_DRAINING.condition;
  return packet;
}

/** Of a packet that has been read. */
function formatOf(payload: Buffer): PacketFormat {
  return packetFormat(payload) as PacketFormat;
}
