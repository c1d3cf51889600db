import { type PacketFormat, type RequestPacket, ResponsePacket } from '../codec/zhttp/index.ts';
import {
  type ErrorCode,
  ExchangeError,
  errorCounts,
  type Payload,
  type Requester,
  type Responder,
  type ResponseHead,
  reportFault,
} from '../exchange/index.ts';
import { ListedSession } from './listed-session.ts';
import { RequesterCredits } from './requester-credits.ts';
import type { ServerHost } from './server-host.ts';
import { errorPacket } from './server-notices.ts';
import type { ServerTarget, TargetRequest } from './server-target.ts';

/** Packets go out as they come. */
const OPEN = 0;
/** The requester hands the session over to another one: nothing is sent until a packet of that one comes. */
const HANDED_OFF = 1;
/** The exchange is over, but its outcome waits for the requester that the session was handed over to. */
const OVER = 2;
/** The exchange is over, but its last packets wait until the requester takes them. */
const FLUSHING = 3;
const ENDED = 4;

/** `#nextIn` of a session whose first packet has no number: no further packet can follow it. */
const UNNUMBERED = -1;

const NEVER = Number.POSITIVE_INFINITY;

/**
 * One request that came as a packet: the requester of an exchange with a target, and the responder of a ZHTTP session. This class
 * keeps what HTTP and WebSockets have in common: numbers, credits, handoff, and the end.
 */
export abstract class ServerSession<R extends Responder = Responder> extends ListedSession implements Requester {
  /** Null before the target has returned. */
  protected responder: R | null = null;
  /** Whether the target is done: it gets no more calls. */
  protected responded = false;
  #state = OPEN;
  /** Number of the packet that is to come next. */
  #nextIn: number;
  /** Bytes that the requester has been granted and has not sent. */
  #window = 0;
  /** Bytes that the requester is to be granted. */
  #owed = 0;
  /** What the requester has granted. */
  readonly #credits: RequesterCredits;
  /** `settle` will be called. */
  #settling = false;
  /** Bytes that the target was granted before it had returned. */
  #early = 0;
  /** Why the exchange was given up before the target had returned. */
  #leftBy: ExchangeError | null = null;

  constructor(host: ServerHost, packet: RequestPacket, bytes: number, format: PacketFormat, envelope: Buffer[] | null) {
    super(host, packet, bytes, format, envelope);
    const ref = packet.ids[0];
    this.#credits = new RequesterCredits(packet.credits);
    this.#nextIn = ref === undefined || ref.seq === null ? UNNUMBERED : ref.seq + 1;
  }

  // ---- what it is

  /** Whether something can be sent now. */
  get open(): boolean {
    return this.#state === OPEN;
  }

  /** Whether the exchange is over. */
  get over(): boolean {
    return this.#state >= OVER;
  }

  /** Whether the session ends if its requester is silent. */
  get waitsForRequester(): boolean {
    return this.#state !== OPEN || this.needsRequester;
  }

  /** Whether the exchange is of no use when the requester is gone. */
  protected abstract get needsRequester(): boolean;

  /** Whether the session keeps bytes of a body that goes on in one packet. */
  abstract get collects(): boolean;

  abstract onRoom(bytes: number): void;

  // ---- the beginning

  /** Hands the request to the target. The requester first gets an acknowledgement. @param name for the target's log */
  start(target: ServerTarget, name: string, packet: RequestPacket, bodyLength: number): void {
    if (this.named) this.acknowledge(packet.more);
    const credits = this.firstCredits(this.#credits.first);
    const begun = this.begin(target, { id: name, packet, bodyLength, credits, record: this.record.exchange });
    // Within the call it may have handed over already.
    const responder = this.responder ?? begun;
    this.responder = responder;
    if (this.#leftBy !== null) responder.onRequestError(this.#leftBy);
    if (this.over) return;
    if (this.#early > 0) responder.onResponseCredit(this.#early);
    this.onBegun(responder);
  }

  /** Bytes of the response that the target is granted with the request. @param granted by the requester, up to one window */
  protected abstract firstCredits(granted: number): number;

  protected abstract begin(target: ServerTarget, request: TargetRequest): R;

  /** The target has returned. */
  protected abstract onBegun(responder: R): void;

  /** Tells the requester that the request has arrived. @param more whether it may send more of the body */
  protected acknowledge(more: boolean): void {
    this.keepAliveAt = this.host.now + this.host.keepAliveInterval;
    if (more) this.openWindow(new ResponsePacket('credit'));
    else this.send(new ResponsePacket('keep-alive'));
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
    // The exchange is over: nothing but its end can still be sent.
    if (this.#state === FLUSHING) return;
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
    this.record.sent += bytes;
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
    // After a handoff this is a packet of the new requester, if a wrong one.
    this.#state = OPEN;
    // The cancel may have to wait, but not for packets that are of no use any more.
    this.path.drop();
    if (over) {
      this.send(new ResponsePacket('cancel'));
      this.#finish();
    } else {
      this.failWith(error, new ResponsePacket('cancel'));
      this.letGo(error);
    }
  }

  /** The requester gives up. */
  #leave(type: string): void {
    const { over } = this;
    this.#end();
    if (over) return;
    this.host.counters.sessionsCancelled++;
    errorCounts.note('HF_CLIENT_GONE');
    const reason = `the requester sent ${type}`;
    this.record.end('HF_CLIENT_GONE', 'info', 'request cancelled', this.from, { reason });
    this.letGo(new ExchangeError('HF_CLIENT_GONE', reason));
  }

  #handOff(): void {
    // The new requester continues with the old one's credits.
    this.#sendCredit();
    this.send(new ResponsePacket('handoff-proceed'));
    this.#state = HANDED_OFF;
    this.keepAliveAt = NEVER;
    this.host.handedOff(this);
  }

  /** The session was handed over, and this packet comes from the requester that has it now. */
  #resume({ from, multi }: RequestPacket): void {
    const { over, host } = this;
    host.takenOver(this, from);
    this.path.from = from;
    this.path.multi = multi;
    this.#state = OPEN;
    this.keepAliveAt = host.now + host.keepAliveInterval;
    this.path.flush();
    if (over) this.#finish();
    // What both sides have granted meanwhile.
    else this.settle();
  }

  // ---- to the requester

  /** Sends a packet, or keeps it until the requester takes it. Nothing can be sent once the exchange is over. */
  send(packet: ResponsePacket): void {
    if (this.#state === OPEN) this.path.send(packet);
    else if (this.#state === HANDED_OFF) this.path.hold(packet);
    if (this.path.waits) this.#settleSoon();
  }

  onHeldTooMuch(): void {
    this.path.drop();
    this.#drop(new ExchangeError('HF_CLIENT_STALLED', 'too much waits for the requester'));
  }

  /** The requester may send so many more bytes: the target has taken them. */
  protected owe(bytes: number): void {
    if (bytes === 0) return;
    this.#owed += bytes;
    // Large grants go at once, so that the requester need not stop; small ones are collected for a moment.
    if (this.#owed >= this.host.creditThreshold) this.#sendCredit();
    else this.#settleSoon();
  }

  #sendCredit(): void {
    const bytes = this.#owed;
    if (bytes === 0 || this.#state !== OPEN) return;
    this.#owed = 0;
    this.#window += bytes;
    const packet = new ResponsePacket('credit');
    packet.credits = bytes;
    this.send(packet);
  }

  #settleSoon(): void {
    if (this.#settling) return;
    this.#settling = true;
    this.host.settleSoon(this);
  }

  settle(): void {
    this.#settling = false;
    if (this.#state === HANDED_OFF || this.#state === OVER) return;
    this.path.flush();
    if (this.path.waits) this.#settleSoon();
    else if (this.#state === FLUSHING) this.#end();
    this.#sendCredit();
    this.#passCredits(true);
  }

  // ---- from the target

  abstract onResponse(head: ResponseHead): void;

  abstract onResponseData(chunk: Buffer, more: boolean): void;

  onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  onResponseError(error: ExchangeError): void {
    this.responded = true;
    if (!this.over) this.fail(error);
  }

  abstract onRequestCredit(bytes: number): void;

  abstract pauseRequest(paused: boolean): void;

  handOver(responder: R): void {
    this.responder = responder;
  }

  onTurnEnd(): void {}

  /** The requester grants bytes of the response. */
  protected addCredits(bytes: number): void {
    this.#credits.add(bytes);
    this.#passCredits(false);
  }

  /** Counts bytes of the response that the target has sent. */
  protected spendCredits(bytes: number): void {
    this.#credits.spend(bytes);
    if (this.#credits.pending) this.#passCredits(false);
  }

  /** @param small whether small grants have waited long enough */
  #passCredits(small: boolean): void {
    // Nothing more is asked of the target while all that it sends has to wait.
    if (this.#state !== OPEN || this.path.waits) return;
    const bytes = this.#credits.take(small);
    if (bytes > 0) this.grantTarget(bytes);
    else if (this.#credits.pending) this.#settleSoon();
  }

  /** Grants the target bytes of the response. */
  protected grantTarget(bytes: number): void {
    if (this.responder === null) this.#early += bytes;
    else this.responder.onResponseCredit(bytes);
  }

  // ---- the end

  /** The exchange is complete, and all of it has been sent. */
  protected complete(): void {
    // The last packet may have been too much to be held.
    if (this.over) return;
    this.record.end('', 'info', 'request complete', this.from);
    this.#finish();
  }

  /** Tells the requester that there is no (further) response. */
  protected fail(error: ExchangeError, condition = this.conditionOf(error)): void {
    this.failWith(error, errorPacket(condition));
  }

  /** The same with a packet that says more of it. */
  protected failWith(error: ExchangeError, packet: ResponsePacket): void {
    this.send(packet);
    if (this.over) return;
    this.report(error);
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

  /** Ends a session whose requester is silent, without telling it. */
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
    this.untold = true;
    this.#end();
    if (over) return;
    this.report(error);
    this.letGo(error);
  }

  /** The exchange is over: so is the session, unless something of it has to wait. */
  #finish(): void {
    if (this.#state === HANDED_OFF) this.#state = OVER;
    else if (!this.path.waits) this.#end();
    else {
      this.#state = FLUSHING;
      this.#settleSoon();
    }
  }

  #end(): void {
    if (this.#state === ENDED) return;
    this.#state = ENDED;
    this.path.drop();
    this.onOver();
    this.host.ended(this);
  }

  /** Lets go of what is kept for the target or of it. */
  protected abstract onOver(): void;

  /** Tells the target, once, that its response is no longer wanted. */
  protected letGo(error: ExchangeError): void {
    if (this.responded) return;
    this.responded = true;
    if (this.responder === null) this.#leftBy = error;
    else this.responder.onRequestError(error);
  }

  /** An exception is a defect of ours: it ends this session alone. */
  onFault(thrown: unknown): void {
    const error = reportFault(this.host, thrown, { id: this.id, from: this.from });
    const { over } = this;
    try {
      if (!over) this.fail(error);
    } finally {
      this.#end();
      if (!over) this.letGo(error);
    }
  }
}
