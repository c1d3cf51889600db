import type { Fetcher, FetchRequest } from '../client/index.ts';
import {
  encodeResponsePacket,
  encodeResponsePieces,
  type PacketFormat,
  type RequestPacket,
  ResponsePacket,
  type SessionRef,
} from '../codec/zhttp/index.ts';
import {
  type ErrorCode,
  ExchangeError,
  type Payload,
  type Requester,
  type Responder,
  type ResponseHead,
} from '../exchange/index.ts';
import { publicUri } from './public-uri.ts';
import { idsOf, responsePacket } from './response-packet.ts';
import type { HostedSession, ServerHost } from './server-host.ts';

/** Packets go out as they come. */
const OPEN = 0;
/** The requester hands the session over to another one: nothing is sent until that is heard of. */
const HANDED_OFF = 1;
/** The exchange is over, but what it has come to waits for the requester that the session was handed over to. */
const OVER = 2;
const ENDED = 3;

/** Packets that wait for the end of a handoff. Their bytes are bounded by credits, so only a flood of empty ones gets there. */
const MAX_HELD = 1_000;

/** Nothing is held: most sessions never hold anything. */
const NONE: ResponsePacket[] = [];

/** `#nextIn` of a session whose first packet has no number: no further one can follow it. */
const UNNUMBERED = -1;

const NEVER = Number.POSITIVE_INFINITY;

/**
 * One request that was asked for by message: the requester of an exchange, and the responder of a ZHTTP session. This class keeps what
 * HTTP and WebSockets have in common: how the requester is answered, numbers, addresses, handoff, and the end.
 */
export abstract class ServerSession<R extends Responder = Responder> implements Requester, HostedSession {
  readonly id: string;
  from: string;
  slot = -1;
  /** When a packet came last from the requester, by the wheel's clock. */
  heardAt: number;
  /** When bytes of a body or message were moved last. */
  activeAt: number;
  /** When the requester is to be told that the session is alive. */
  keepAliveAt = NEVER;
  /** How the requester writes its packets, and wants to be answered. */
  readonly format: PacketFormat;
  /** Whether it wants to be answered by the ROUTER socket. */
  readonly byRouter: boolean;
  protected readonly host: ServerHost;
  /** Null before the fetcher has returned. */
  protected responder: R | null = null;
  /** Whether the fetcher is through: it is told nothing any more. */
  protected fetched = false;
  /** Status of the response, for the log; 0 while there is none. */
  protected status = 0;
  /** Bytes of body or messages that have come, for the log. */
  protected received = 0;
  readonly #envelope: Buffer[] | null;
  readonly #userData: Buffer | null;
  /** Whether it takes packets for many sessions at once. */
  #multi: boolean;
  readonly #quiet: boolean;
  readonly #method: string;
  readonly #uri: string;
  readonly #begunAt = performance.now();
  #state = OPEN;
  /** Number of the packet that is to come next. */
  #nextIn: number;
  /** Number of the packet that is sent next. */
  #nextOut = 0;
  #held: ResponsePacket[] = NONE;
  /** Bytes that the requester has been granted and has not sent. */
  #window = 0;
  /** Bytes that the requester is to be granted. */
  #owed = 0;
  /** Bytes that the fetcher was granted before it had returned. */
  #early = 0;
  /** Why the exchange was given up before the fetcher had returned. */
  #leftBy: ExchangeError | null = null;

  /**
   * @param packet the first one; a request of its kind
   * @param envelope what the one answer begins with, in req mode; null in stream mode
   */
  constructor(host: ServerHost, packet: RequestPacket, format: PacketFormat, envelope: Buffer[] | null) {
    const ref = packet.ids[0];
    const { userData } = packet;
    this.host = host;
    this.id = ref === undefined ? '' : ref.id;
    this.from = packet.from;
    this.format = format;
    this.byRouter = packet.routerResp;
    this.heardAt = host.now;
    this.activeAt = host.now;
    this.#envelope = envelope;
    // As it came it is a view that would keep the bytes of other packets too.
    this.#userData = userData === null ? null : copyOf(userData);
    this.#multi = packet.multi;
    this.#quiet = packet.quiet;
    this.#method = packet.method;
    this.#uri = packet.uri;
    this.#nextIn = ref === undefined || ref.seq === null ? UNNUMBERED : ref.seq + 1;
  }

  // ---- what it is

  get named(): boolean {
    return this.#envelope === null && this.from !== '' && this.id !== '';
  }

  /** Nobody wants to be told: the request is made all the same. */
  get mute(): boolean {
    return this.#envelope === null && !this.named;
  }

  /** Whether something can be sent now. */
  get open(): boolean {
    return this.#state === OPEN;
  }

  /** Whether the exchange is over. */
  get over(): boolean {
    return this.#state >= OVER;
  }

  /** Whether the session may be named in a packet together with others. */
  get batchable(): boolean {
    return this.#multi && this.named && this.#userData === null;
  }

  /** What names the session in the next packet. */
  get nextRef(): SessionRef {
    return { id: this.id, seq: this.#nextOut };
  }

  /** `nextRef` has been sent. */
  advance(): void {
    this.#nextOut++;
  }

  /** Whether the session has ended unless its requester is heard of. */
  get waitsForRequester(): boolean {
    return this.#state !== OPEN || this.needsRequester;
  }

  /** Whether the exchange is of no use when the requester is gone. */
  protected abstract get needsRequester(): boolean;

  // ---- the beginning

  /** Makes the request. The requester is told first that it has come. */
  start(fetcher: Fetcher, request: FetchRequest, more: boolean): void {
    if (this.named) this.#acknowledge(more);
    const responder = this.ask(fetcher, request);
    this.responder = responder;
    if (this.#leftBy !== null) responder.onRequestError(this.#leftBy);
    if (this.over) return;
    if (this.#early > 0) responder.onResponseCredit(this.#early);
    this.onAsked(responder);
  }

  /** Hands the request to the fetcher. */
  protected abstract ask(fetcher: Fetcher, request: FetchRequest): R;

  /** The fetcher has returned. */
  protected abstract onAsked(responder: R): void;

  #acknowledge(more: boolean): void {
    this.keepAliveAt = this.host.now + this.host.keepAliveInterval;
    if (more) this.openWindow(responsePacket('credit'));
    else this.send(responsePacket('keep-alive'));
  }

  /** Grants the requester its first credits, by `packet`. */
  protected openWindow(packet: ResponsePacket): void {
    const { bufferSize } = this.host;
    this.#window = bufferSize;
    packet.credits = bufferSize;
    this.send(packet);
  }

  // ---- from the requester

  /** Whether `seq` is the number of the packet that is to come next. */
  expects(seq: number | null): boolean {
    return seq !== null && seq === this.#nextIn;
  }

  /** Takes a further packet, which may be for other sessions as well. @param seq its number in this one */
  receive(packet: RequestPacket, seq: number | null): void {
    const { type } = packet;
    this.heardAt = this.host.now;
    // What ends the session may come out of order, as when a requester gives up after a mistake.
    if (type === 'cancel' || type === 'error') {
      this.#leave(type);
      return;
    }
    if (!this.expects(seq)) {
      this.#onDisorder(seq);
      return;
    }
    this.#nextIn++;
    if (this.#state !== OPEN) this.#resume(packet);
    if (this.#state !== OPEN) return;
    if (type === 'handoff-start') this.#handOff();
    else this.onPacket(packet);
  }

  /** Any packet in order but those about the session as a whole. */
  protected abstract onPacket(packet: RequestPacket): void;

  /** Counts bytes that the requester has sent. Returns false, and ends the session, if those are too many. */
  protected spend(bytes: number): boolean {
    this.activeAt = this.host.now;
    this.#window -= bytes;
    if (this.#window >= 0) return true;
    this.abort('HF_FETCH_INVALID', `the requester sent ${-this.#window} bytes more than it was granted`);
    return false;
  }

  #onDisorder(seq: number | null): void {
    const came = `packet ${seq ?? 'without a number'} of the requester came`;
    const due = this.#nextIn === UNNUMBERED ? 'after a first one without' : `in place of ${this.#nextIn}`;
    const error = new ExchangeError('HF_FETCH_INVALID', `${came} ${due}`);
    const { over } = this;
    // Whoever it was handed over to has been heard of, if wrongly.
    this.#state = OPEN;
    this.send(responsePacket('cancel'));
    this.#end();
    if (over) return;
    this.#report(error);
    this.letGo(error);
  }

  /** The requester gives up. */
  #leave(type: string): void {
    const { over } = this;
    this.#end();
    if (over) return;
    const { counters, log } = this.host;
    counters.sessionsCancelled++;
    log[this.#quiet ? 'debug' : 'info'](this.#outcome({ reason: `the requester sent ${type}` }), 'fetch cancelled');
    this.letGo(new ExchangeError('HF_CLIENT_GONE', `the requester sent ${type}`));
  }

  #handOff(): void {
    // What was owed to the old requester is the new one's, who counts on.
    this.sendCredit();
    this.send(responsePacket('handoff-proceed'));
    this.#state = HANDED_OFF;
    this.keepAliveAt = NEVER;
    this.host.handedOff(this);
  }

  /** The session was handed over, and here is a packet of who has it now. */
  #resume({ from, multi }: RequestPacket): void {
    const { over, host } = this;
    host.takenOver(this, from);
    this.from = from;
    this.#multi = multi;
    this.#state = OPEN;
    this.keepAliveAt = host.now + host.keepAliveInterval;
    const held = this.#held;
    this.#held = NONE;
    for (const packet of held) this.send(packet);
    if (over) this.#end();
    // What the fetcher has taken meanwhile.
    else this.sendCredit();
  }

  // ---- to the requester

  /** Sends a packet, or keeps it until the requester is heard of again. Nothing can be sent once the exchange is over. */
  send(packet: ResponsePacket): void {
    if (this.#state === OPEN) this.#transmit(packet);
    else if (this.#state === HANDED_OFF) this.#hold(packet);
  }

  #hold(packet: ResponsePacket): void {
    const kept = Object.assign(new ResponsePacket(), packet);
    if (this.#held === NONE) this.#held = [kept];
    else if (this.#held.length < MAX_HELD) this.#held.push(kept);
    else this.#drop(new ExchangeError('HF_CLIENT_STALLED', 'too much was to be sent during a handoff'));
  }

  #transmit(packet: ResponsePacket): void {
    const { host, id, format } = this;
    const envelope = this.#envelope;
    packet.userData = this.#userData;
    if (envelope !== null) {
      packet.ids = idsOf(id, 0);
      host.link.reply(envelope, encodeResponsePacket(packet, format));
    } else if (this.named) {
      const seq = this.#nextOut++;
      packet.from = host.address;
      packet.ids = idsOf(id, seq);
      // Once is enough, as with the original.
      packet.multi = this.#multi && (seq === 0 || packet.code === 101);
      if (this.byRouter) host.link.route(this.from, encodeResponsePacket(packet, format));
      else if (format === 'T') host.link.publish(encodeResponsePieces(packet, this.from));
      else host.link.publish(encodeResponsePacket(packet, format, this.from));
    } else {
      return;
    }
    host.counters.packetsSent++;
  }

  /** The requester may send so many bytes more: the fetcher has taken them. */
  protected owe(bytes: number): void {
    if (bytes === 0) return;
    if (this.#owed === 0) this.host.oweCredit(this);
    this.#owed += bytes;
    // Large grants go at once, so that the requester need not stop; small ones are collected for a moment.
    if (this.#owed >= this.host.creditThreshold) this.sendCredit();
  }

  sendCredit(): void {
    const bytes = this.#owed;
    if (bytes === 0 || this.#state !== OPEN) return;
    this.#owed = 0;
    this.#window += bytes;
    const packet = responsePacket('credit');
    packet.credits = bytes;
    this.send(packet);
  }

  // ---- from the fetcher

  abstract onResponse(head: ResponseHead): void;

  abstract onResponseData(chunk: Buffer, more: boolean): void;

  onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  onResponseError(error: ExchangeError): void {
    this.fetched = true;
    if (!this.over) this.fail(error);
  }

  abstract onRequestCredit(bytes: number): void;

  abstract pauseRequest(paused: boolean): void;

  handOver(responder: R): void {
    this.responder = responder;
  }

  onTurnEnd(): void {}

  /** Grants the fetcher bytes of the response. */
  protected grantResponse(bytes: number): void {
    if (this.responder === null) this.#early += bytes;
    else this.responder.onResponseCredit(bytes);
  }

  // ---- the end

  /** The exchange is complete, and all of it has been sent. */
  protected complete(): void {
    // What was to be sent at last may have been too much to be kept.
    if (this.over) return;
    const { log } = this.host;
    log[this.#quiet ? 'debug' : 'info'](this.#outcome({}), 'fetched');
    this.#finish();
  }

  /** Tells the requester that there is no (further) answer. */
  protected fail(error: ExchangeError, condition = this.#conditionOf(error)): void {
    const packet = responsePacket('error');
    packet.condition = condition;
    this.failWith(error, packet);
  }

  /** The same with a packet that says more of it. */
  protected failWith(error: ExchangeError, packet: ResponsePacket): void {
    this.send(packet);
    if (this.over) return;
    this.#report(error);
    this.#finish();
  }

  /** Ends the session on both sides because of an error. */
  abort(code: ErrorCode, detail: string, condition?: string): void {
    if (this.over) {
      this.#end();
      return;
    }
    const error = new ExchangeError(code, detail);
    this.fail(error, condition);
    this.letGo(error);
  }

  /** Ends a session whose requester is silent. It is told nothing, as it does not listen. */
  expire(seconds: number): void {
    if (!this.over) this.host.counters.sessionsExpired++;
    this.#drop(new ExchangeError('HF_CLIENT_GONE', `nothing came from the requester for ${seconds} s`));
  }

  /** The program stops; the requester has been told already, if it could be. */
  stop(error: ExchangeError): void {
    this.#drop(error);
  }

  /** Ends the session without telling the requester. */
  #drop(error: ExchangeError): void {
    const { over } = this;
    this.#end();
    if (over) return;
    this.#report(error);
    this.letGo(error);
  }

  /** The exchange is over: so is the session, unless something of it has to wait. */
  #finish(): void {
    if (this.#state === HANDED_OFF) this.#state = OVER;
    else this.#end();
  }

  #end(): void {
    if (this.#state === ENDED) return;
    this.#state = ENDED;
    this.#held = NONE;
    this.onOver();
    this.host.ended(this);
  }

  /** Lets go of what is kept for the fetcher or of it. */
  protected abstract onOver(): void;

  /** Tells the fetcher that it works for nobody, once: what is said last may itself have been too much. */
  protected letGo(error: ExchangeError): void {
    if (this.fetched) return;
    this.fetched = true;
    if (this.responder === null) this.#leftBy = error;
    else this.responder.onRequestError(error);
  }

  #conditionOf(error: ExchangeError): string {
    return error.code === 'HF_FETCH_TIMEOUT' ? this.host.timeoutCondition : error.face.condition;
  }

  /** A failure is told to whoever reads the log, because perhaps nobody listens to the packet. */
  #report(error: ExchangeError): void {
    const { counters, log } = this.host;
    const { code, detail } = error;
    counters.sessionsFailed++;
    const level = error.face.level === 'error' ? 'error' : 'warn';
    log[this.#quiet ? 'debug' : level](
      this.#outcome({ code, condition: this.#conditionOf(error), detail }),
      'fetch failed',
    );
  }

  #outcome(more: Record<string, unknown>): Record<string, unknown> {
    const record: Record<string, unknown> = {
      id: this.id === '' ? undefined : this.id,
      from: this.from === '' ? undefined : this.from,
      method: this.#method === '' ? undefined : this.#method,
      uri: publicUri(this.#uri, this.host.log.debugEnabled),
      status: this.status === 0 ? undefined : this.status,
      bytes: this.received,
      ms: Math.round(performance.now() - this.#begunAt),
    };
    return Object.assign(record, more);
  }
}

function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
