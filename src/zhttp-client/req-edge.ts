import { Ticker, type TimerWheel } from '../clock/index.ts';
import {
  encodeRequestPacket,
  parseResponsePacket,
  type ResponsePacket,
  ZhttpError,
  type ZhttpLimits,
} from '../codec/zhttp/index.ts';
import {
  answer,
  internalError,
  type Log,
  NO_RESPONDER,
  type Service,
  textResponse,
  type WebSocketRequester,
  type WebSocketService,
} from '../exchange/index.ts';
import { type BridgeCounters, SessionTable } from '../zhttp/index.ts';
import type { RequestLink, RequestLinkSink } from './handler-link.ts';
import { ReqSession, type ReqSessionHost } from './req-session.ts';

/** How requests are handed to handlers one packet each. Times in milliseconds. */
export interface ReqEdgeOptions {
  /** What the ids of requests begin with, up to a hyphen: different in each process, and after each start. */
  readonly idPrefix: string;
  /** Bytes that a request's body may have, and an answer's. */
  readonly maxBodyBytes: number;
  /** From the end of a request's head to its answer. */
  readonly requestTimeout: number;
  /** Bounds of the packets of handlers. */
  readonly limits: ZhttpLimits;
  readonly wheel: TimerWheel;
  readonly counters: BridgeCounters;
  readonly log: Log;
}

/** Between two looks at the requests. In each a tenth of them is looked at, so that every one is within a second. */
const TICK = 100;
const PARTS = 10;

/** ZHTTP as its initiator, in req mode: each request is one packet, and each answer too. */
export class ReqEdge implements ReqSessionHost, RequestLinkSink {
  readonly maxBodyBytes: number;
  readonly counters: BridgeCounters;
  readonly log: Log;
  readonly #options: ReqEdgeOptions;
  readonly #link: RequestLink;
  readonly #sessions: SessionTable<ReqSession>;
  readonly #ticker: Ticker;

  /** @param openLink gives the way to the handlers, which reports to the edge */
  constructor(options: ReqEdgeOptions, openLink: (sink: RequestLinkSink) => RequestLink) {
    this.#options = options;
    this.maxBodyBytes = options.maxBodyBytes;
    this.counters = options.counters;
    this.log = options.log;
    this.#sessions = new SessionTable(options.idPrefix);
    this.#link = openLink(this);
    this.#ticker = new Ticker(TICK, this, () => this.#onTick());
  }

  get now(): number {
    return this.#options.wheel.now;
  }

  /** Answers HTTP requests. */
  readonly service: Service = (request, requester) => {
    const session = new ReqSession(this, this.#sessions.nextId(), request, requester);
    this.#sessions.add(session);
    this.counters.sessions++;
    this.counters.sessionsOpen++;
    session.begin();
    return session;
  };

  /** Refuses WebSockets: one answer is no conversation. */
  readonly webSocketService: WebSocketService = (_request, requester: WebSocketRequester) => {
    answer(requester, textResponse(400, 'WebSockets not supported on req mode interface.'));
    return NO_RESPONDER;
  };

  /** Lets all requests fail that wait for an answer. */
  stop(): Promise<void> {
    this.#ticker.stop();
    for (const session of this.#sessions.all()) session.fail('HF_DRAINING', 'the server stops');
    return this.#link.close();
  }

  // ---- for sessions

  offer(session: ReqSession): void {
    this.#link.offer(session.id, encodeRequestPacket(session.packet()));
  }

  ended(session: ReqSession): void {
    if (!this.#sessions.remove(session)) return;
    this.#link.withdraw(session.id);
    this.counters.sessionsOpen--;
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
    const session = this.#sessions.get(packet.ids[0]?.id ?? '');
    if (session === null || packet.ids.length > 1) this.counters.packetsUnclaimed++;
    else session.receive(packet);
  }

  onRefused(id: string): void {
    this.counters.requestsUntaken++;
    this.#sessions.get(id)?.fail('HF_BACKEND_ABSENT', 'no handler took the request in time');
  }

  #onMalformed({ message, ids }: ZhttpError): void {
    this.counters.packetsMalformed++;
    this.log.warn({ requests: ids.length, reason: message }, 'answer of a handler refused');
    for (const { id } of ids) this.#sessions.get(id)?.fail('HF_BACKEND_PROTOCOL', message);
  }

  // ---- time

  #onTick(): void {
    const { now } = this;
    for (const session of this.#sessions.nextPart(PARTS)) {
      if (now - session.begunAt < this.#options.requestTimeout) continue;
      this.counters.sessionsExpired++;
      session.expire(this.#options.requestTimeout / 1000);
    }
  }

  onFault(thrown: unknown): void {
    this.counters.faults++;
    const { code, detail } = internalError(thrown);
    this.log.error({ code, detail }, 'internal error');
  }
}
