import { isIdempotent } from '../codec/http1/index.ts';
import {
  encodeRequestPieces,
  type FirstPackets,
  RequestPacket,
  type ResponsePacket,
  type SessionRef,
} from '../codec/zhttp/index.ts';
import {
  type ErrorCode,
  type ExchangeError,
  type ExchangeRecord,
  type Requester,
  type RequestHead,
  type Responder,
  reportFault,
} from '../exchange/index.ts';
import { FULL, READY } from '../zhttp/index.ts';
import { sessionFailure } from './session-failure.ts';
import type { HostedSession, SessionHost } from './session-host.ts';

/** No packet of the handler has come yet: its address is not known, so nothing can be sent to it. */
const UNKNOWN_HANDLER = 0;
const OPEN = 1;
/** The handler hands the session over to another one: nothing is sent until the first packet of that one. */
const HANDED_OFF = 2;
const ENDED = 3;

/**
 * Bytes that one session holds for a handler that takes nothing, or is not known. The requester is paused by then, so only one that sends
 * all the same reaches this bound. @bound session-held
 */
const MAX_HELD_BYTES = 262_144;

/** How often a request is repeated because the beginning of its response was missed. */
const MAX_REPEATS = 2;

/** Milliseconds that small credits are collected while more keep coming. */
const MAX_CREDIT_WAIT = 1_000;

/** Packets that a handler may send before it knows of the subscription. A handler with a larger first number has miscounted. */
const MAX_MISSED = 4;

/** Most sessions never hold anything, and share this. */
const NONE: RequestPacket[] = [];

/**
 * One session with a handler, and the responder of the exchange that it belongs to. This class has what HTTP and WebSockets have in
 * common: packet numbers, addresses, credits, handoff, back-pressure, and the end.
 */
export abstract class HandlerSession<R extends Requester = Requester> implements Responder, HostedSession {
  /** The host changes it when the request is repeated. */
  id: string;
  /** When the last packet of the handler came, by the wheel's clock. */
  heardAt: number;
  /** When bytes from or to the client were last moved. */
  activeAt: number;
  /** When the handler is to be told that the session is alive. */
  keepAliveAt = Number.POSITIVE_INFINITY;
  /** Where the handler gets its packets; empty while it is unknown. */
  address = '';
  protected readonly host: SessionHost;
  /** Of the request, for the log. */
  readonly #exchange: string;
  readonly #peer: string;
  /** Takes notes of the handler; null where nobody wants to know, or a proxy does that. */
  readonly #record: ExchangeRecord | null;
  /** The request while it may have to be repeated, else null: it keeps a whole head in memory. */
  #repeatable: RequestHead | null;
  #repeats = 0;
  /** Writes the packet that begins the session. */
  protected readonly packets: FirstPackets;
  protected readonly requester: R;
  #state = UNKNOWN_HANDLER;
  /** Number of the next packet from the handler. */
  #nextIn = 0;
  /** Number of the next packet to the handler; the first one was 0. */
  #nextOut = 1;
  /** What waits for the handler, in its order. */
  #held: RequestPacket[] = NONE;
  /** Whether the requester has been told to send nothing. */
  #paused = false;
  /** Address of the handler that the session waits for; empty for none. */
  #stalledFor = '';
  /** The requester has come to its end, and what is held is still to be sent. */
  #finishing = false;
  /** Bytes that the requester still takes from the handler. */
  #window: number;
  /** Bytes that the handler is to be granted. */
  #owed = 0;
  /** Those that were known when the host looked last. */
  #owedBefore = 0;
  /** Since when the host calls `settleCredit`. */
  #owingSince = 0;
  /** Whether it does. */
  #owing = false;
  /** Whether the handler takes packets for many sessions at once. */
  #multi = false;

  constructor(host: SessionHost, packets: FirstPackets, id: string, request: RequestHead, requester: R) {
    this.host = host;
    this.packets = packets;
    this.id = id;
    this.#exchange = request.id;
    this.#peer = request.peer.address;
    this.#record = host.origins ? null : (request.record ?? null);
    // The handshake of a WebSocket is a GET.
    this.#repeatable = isIdempotent(request.method) ? request : null;
    this.requester = requester;
    this.#window = host.origins ? request.credits : Math.max(request.credits, host.initialCredits);
    this.heardAt = host.now;
    this.activeAt = host.now;
  }

  /** The packet that begins the session. */
  abstract firstPacket(request: RequestHead): string;

  /** Whether the response has begun, or the WebSocket is open. */
  abstract get responded(): boolean;

  /** Bytes that the first packet grants; undefined for those that every one does. */
  protected firstCredits(request: RequestHead): number | undefined {
    return this.host.origins ? request.credits : undefined;
  }

  /** Notes which handler has responded, and how long that took. */
  protected noteResponse(): void {
    if (this.#record === null) return;
    this.#record.origin = this.address;
    this.#record.originTime = performance.now() - this.#record.startedAt;
  }

  /** Whether one packet may name this session together with others. */
  get batchable(): boolean {
    return this.#state === OPEN && this.#multi;
  }

  get open(): boolean {
    return this.#state === OPEN;
  }

  /** What names the session in the next packet. */
  get nextRef(): SessionRef {
    return { id: this.id, seq: this.#nextOut };
  }

  /** Counts a packet that was sent with `nextRef`. */
  advance(): void {
    this.#nextOut++;
  }

  // ---- from the handler

  /** Takes a packet, which may be for other sessions as well. @param seq its number in this one */
  receive(packet: ResponsePacket, seq: number | null): void {
    if (this.#state === ENDED) return;
    const { type, from } = packet;
    this.heardAt = this.host.now;
    // Both sides have closed: nothing but the address matters.
    if (this.#finishing) {
      if (type === 'cancel' || type === 'error') this.#end(false);
      else this.#adopt(packet);
      return;
    }
    // A packet that ends the session may come out of order, as when a handler gives up after a mistake.
    if (type === 'cancel' || type === 'error') {
      this.#end(false);
      if (type === 'cancel') this.fail('HF_BACKEND_CANCELLED', 'the handler cancelled');
      else this.onError(packet);
      return;
    }
    if (seq !== null && seq !== this.#nextIn) {
      if (this.#state === UNKNOWN_HANDLER && seq <= MAX_MISSED && this.#repeat(from)) return;
      if (this.address === '') this.address = from;
      this.abort('HF_BACKEND_PROTOCOL', `packet ${seq} of the handler came in place of ${this.#nextIn}`);
      return;
    }
    if (seq !== null) this.#nextIn++;
    this.#adopt(packet);
    // The link may have lost what was held for the handler.
    if (this.#state === ENDED) return;
    if (type === 'handoff-start') this.#handOff();
    else this.onPacket(packet);
  }

  /**
   * Begins again, because the first packet of the handler never came: what it publishes before it knows of the subscription is lost. Nothing
   * has been sent to the client yet, nor taken from it.
   * @returns false if the request must not be repeated
   */
  #repeat(from: string): boolean {
    const request = this.#repeatable;
    if (request === null || this.#repeats === MAX_REPEATS) return false;
    this.#repeats++;
    // Ends the former session. A handler that takes nothing now gets its cancel when it sends its next packet.
    if (this.host.reach(from) === READY) {
      this.address = from;
      this.#transmit(new RequestPacket('cancel'));
      this.address = '';
    }
    this.#nextOut = 1;
    this.host.repeat(this, request);
    return true;
  }

  /** Every packet says where the next one for its sender goes. That is how a session moves from handler to handler. */
  #adopt(packet: ResponsePacket): void {
    const { from } = packet;
    const moved = from !== '' && from !== this.address;
    if (moved) {
      this.#unstall();
      this.address = from;
      this.#multi = false;
    }
    this.#multi ||= packet.multi;
    if (this.address === '') return;
    if (this.#state === OPEN) {
      if (moved) this.#sendOrStall();
      return;
    }
    this.#state = OPEN;
    this.#repeatable = null;
    this.keepAliveAt = this.host.now + this.host.keepAliveInterval;
    this.#sendOrStall();
  }

  #handOff(): void {
    // Credit that the old handler does not take now goes to the new one, which continues the count.
    if (this.#owed > 0) this.#grant();
    this.#transmit(new RequestPacket('handoff-proceed'));
    // The link may have lost it.
    if (this.#state === ENDED) return;
    this.#unstall();
    this.#state = HANDED_OFF;
    this.address = '';
    this.keepAliveAt = Number.POSITIVE_INFINITY;
    this.#pause();
  }

  /** Takes a packet that is in order, and neither ends the session nor begins a handoff. */
  protected abstract onPacket(packet: ResponsePacket): void;

  /** The handler has ended the session with an error. */
  protected abstract onError(packet: ResponsePacket): void;

  /** Counts bytes of a body that the handler has sent. Returns false, and ends the session, if those are too many. */
  protected spend(bytes: number): boolean {
    this.activeAt = this.host.now;
    this.#window -= bytes;
    if (this.#window >= 0) return true;
    this.abort('HF_BACKEND_OVERRUN', `the handler sent ${-this.#window} bytes more than can be kept for the client`);
    return false;
  }

  // ---- to the handler

  get #ready(): boolean {
    return this.host.reach(this.address) === READY;
  }

  /** Sends a packet, or holds it until the session has a handler that takes it. */
  protected send(packet: RequestPacket): void {
    if (this.#state === OPEN && this.#held === NONE && this.#ready) this.#transmit(packet);
    else if (this.#state <= HANDED_OFF) this.#hold(packet);
  }

  /** Before the first packet of the handler, only the end of an empty body can come: it needs no credit. */
  #hold(packet: RequestPacket): void {
    if (this.#held === NONE) this.#held = [];
    this.#held.push(packet);
    if (this.host.held.hold(this, packet.body.length) > MAX_HELD_BYTES) {
      this.abort('HF_BACKEND_OVERLOADED', 'the client sends more than can be kept for the handler');
      return;
    }
    // Without a handler there is no credit, so there is nothing to pause.
    if (this.#state !== UNKNOWN_HANDLER) this.#pause();
    if (this.#state === OPEN) this.#stall();
  }

  onHeldTooMuch(): void {
    this.abort('HF_BACKEND_OVERLOADED', 'its handler takes nothing, and it holds the most of all sessions');
  }

  /** Has the requester send nothing for now. */
  #pause(): void {
    if (this.#paused || this.#finishing || this.#state > HANDED_OFF) return;
    this.#paused = true;
    this.requester.pauseRequest(true);
  }

  /** Lets the requester send again, unless there is reason to wait. */
  #resume(): void {
    if (!this.#paused || this.#finishing || this.#held !== NONE || this.#state > OPEN) return;
    this.#paused = false;
    this.requester.pauseRequest(false);
  }

  #stall(): void {
    if (this.#stalledFor === this.address) return;
    this.#stalledFor = this.address;
    this.host.stall(this, this.address);
  }

  #unstall(): void {
    if (this.#stalledFor === '') return;
    this.host.unstall(this, this.#stalledFor);
    this.#stalledFor = '';
  }

  #sendOrStall(): void {
    if (!this.sendHeld()) this.#stall();
  }

  sendHeld(): boolean {
    while (this.#held.length > 0) {
      if (!this.#ready) return false;
      const packet = this.#held.shift() as RequestPacket;
      this.host.held.release(this, packet.body.length);
      this.#transmit(packet);
      // The link may have lost it.
      if (this.#state !== OPEN) return true;
    }
    this.#held = NONE;
    if (this.#finishing) {
      this.#end(false);
      return true;
    }
    if (this.#owed > 0 && !this.#grant()) return false;
    if (this.#state !== OPEN) return true;
    this.#stalledFor = '';
    this.#resume();
    return true;
  }

  giveUpHandler(connected: boolean, seconds: number): void {
    this.#stalledFor = '';
    // The credits of a handler that is not connected can wait. The next byte of the client cannot.
    if (!connected && this.#held === NONE) {
      this.#resume();
      return;
    }
    const what = connected ? 'has taken nothing' : 'has not been connected';
    this.abort('HF_BACKEND_OVERLOADED', `the handler ${what} for ${seconds} s`);
  }

  #transmit(packet: RequestPacket): void {
    packet.from = this.host.address;
    packet.multi = true;
    packet.ids = [{ id: this.id, seq: this.#nextOut++ }];
    this.host.route(this.address, encodeRequestPieces(packet));
  }

  /** Grants the handler what it is owed. Returns false if it takes nothing now. */
  #grant(): boolean {
    if (!this.#ready) return false;
    const packet = new RequestPacket('credit');
    packet.credits = this.#owed;
    this.#owed = 0;
    this.#transmit(packet);
    return true;
  }

  settleCredit(): boolean {
    const growing = this.#owed !== 0 && this.#owed !== this.#owedBefore;
    if (growing && this.host.now - this.#owingSince < MAX_CREDIT_WAIT) {
      this.#owedBefore = this.#owed;
      return false;
    }
    this.#owing = false;
    this.sendCredit();
    return true;
  }

  /** Grants the handler what it is owed, if it takes that now, unless `settleCredit` is going to. */
  sendCredit(): void {
    if (this.#owing || this.#owed === 0 || this.#state !== OPEN || this.#grant()) return;
    // Nothing tells when an unknown handler connects: the client half tries again once a second.
    if (this.host.reach(this.address) === FULL) this.#stall();
  }

  // ---- from the requester

  onResponseCredit(bytes: number): void {
    this.activeAt = this.host.now;
    this.#window += bytes;
    if (this.#state === ENDED) return;
    this.#owed += bytes;
    // Large grants go at once, so that the handler need not stop; small ones are collected while they keep coming.
    if (this.#owed >= this.host.creditThreshold) {
      if (this.#state === OPEN && this.#stalledFor === '') this.#grant();
    } else if (!this.#owing) {
      this.#owing = true;
      this.#owedBefore = this.#owed;
      this.#owingSince = this.host.now;
      this.host.oweCredit(this);
    }
  }

  abstract onRequestData(chunk: Buffer, more: boolean): void;

  onRequestError(error: ExchangeError): void {
    if (this.#state === ENDED) return;
    // A client that leaves, or is sent away because the server stops, is not a failure.
    if (error.code !== 'HF_CLIENT_GONE' && error.code !== 'HF_DRAINING') this.#report(error);
    if (this.#state === OPEN) {
      this.#end(true);
      return;
    }
    const withdrawn = this.#state === UNKNOWN_HANDLER && this.host.withdraw(this);
    this.#end(false);
    // The handler can be told only when its address is known.
    if (!withdrawn) this.host.abandon(this.id, this.#nextOut);
  }

  // ---- the end

  /** The exchange is complete. */
  protected complete(): void {
    this.#end(false);
  }

  /** As `complete`, but what is held for the handler is sent first, and then `last`. */
  protected completeSending(last: RequestPacket | null): void {
    this.#finishing = true;
    if (last !== null) this.send(last);
    if (this.#held === NONE) this.#end(false);
  }

  /** Tells the requester that it gets no response, or no more of it. @param condition of the handler's error */
  protected fail(code: ErrorCode, detail: string, condition = ''): void {
    const error = sessionFailure(this.host.origins, code, detail, condition);
    this.#report(error);
    this.requester.onResponseError(error);
  }

  /** Ends the session on both sides because of an error. */
  abort(code: ErrorCode, detail: string): void {
    this.#giveUp(true, code, detail);
  }

  /** As `abort` when the server stops: the handlers have been told already. */
  drop(code: ErrorCode, detail: string): void {
    this.#giveUp(false, code, detail);
  }

  /** @param cancel whether the handler has to be told */
  #giveUp(cancel: boolean, code: ErrorCode, detail: string): void {
    const state = this.#state;
    if (state === ENDED) return;
    // The request may still wait for a handler.
    if (state === UNKNOWN_HANDLER) this.host.withdraw(this);
    this.#end(cancel);
    if (!this.#finishing) this.fail(code, detail);
  }

  /** @param cancel whether the handler has to be told */
  #end(cancel: boolean): void {
    if (this.#state === ENDED) return;
    this.#unstall();
    this.#state = ENDED;
    this.#repeatable = null;
    this.#dropHeld();
    this.host.ended(this);
    // Last, because a link that cannot take it reports the session as lost. During a handoff there is no handler.
    if (cancel && this.address !== '') this.#transmit(new RequestPacket('cancel'));
  }

  #dropHeld(): void {
    if (this.#held === NONE) return;
    this.#held = NONE;
    this.host.held.releaseAll(this);
  }

  /** A defect of ours ends this session alone. */
  onFault(thrown: unknown): void {
    const { code, detail } = reportFault(this.host, thrown, { session: this.id });
    this.abort(code, detail);
  }

  #report(error: ExchangeError): void {
    const { counters, log } = this.host;
    counters.sessionsFailed++;
    const handler = this.address === '' ? undefined : this.address;
    // A proxy tells of failures of its origins itself.
    log[this.host.origins ? 'debug' : error.face.level](
      { id: this.#exchange, peer: this.#peer, session: this.id, handler, code: error.code, detail: error.detail },
      'request failed',
    );
  }
}
