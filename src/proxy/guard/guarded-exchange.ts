import { DeadlineTimer, fault, type TimerWheel } from '../../clock/index.ts';
import {
  type Counters,
  ExchangeError,
  ExchangeRelay,
  errorResponse,
  type Log,
  type Payload,
  type RelayState,
  type Requester,
  type Responder,
  type ResponseHead,
  reportFault,
  respond,
  type Suspended,
} from '../../exchange/index.ts';
import type { Permit } from './permit.ts';

const EMPTY = Buffer.alloc(0);

/** Seconds; later ends of a token are never reached. */
const LATEST = 1e8;

/** What a guarded exchange needs. */
export interface GuardRoom {
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
}

/** From what another process makes it again. */
export interface GuardedState extends RelayState {
  readonly started: boolean;
  /** When the token expires, in milliseconds since 1970; null for never. */
  readonly ends: number | null;
}

/**
 * A request of a route that asks for a token: waits until the token is verified, and ends when it expires while the client is held. Nothing of its
 * body is read before it may pass.
 */
export class GuardedExchange extends ExchangeRelay {
  protected readonly room: GuardRoom;
  #started = false;
  /** Whether the client has ended its body before the request may pass. Without credit it can only be empty. */
  #bodyEnded = false;
  #expiry: ExpiryTimer | null = null;
  /** When it ends, in milliseconds since 1970; null for never. */
  #ends: number | null = null;

  constructor(room: GuardRoom, requester: Requester) {
    super(requester, room.counters);
    this.room = room;
  }

  /** Whether the client has left. */
  get ended(): boolean {
    return this.over;
  }

  /** Lets the request go on to what `forward` returns, which gets this as its requester. */
  admit(permit: Permit, forward: (requester: Requester) => Responder): void {
    if (this.over) return;
    if (permit.expires !== Number.POSITIVE_INFINITY) permit.onHold = () => this.endAt(permit.expires);
    this.attach(forward(this));
    if (this.#bodyEnded) this.responder?.onRequestData(EMPTY, false);
  }

  /** Responds in place of the origin. */
  refuse(response: ReturnType<typeof errorResponse>): void {
    if (this.over) return;
    this.finish();
    respond(this.requester, response);
  }

  /** Tells the requester too, which may be a relay: it has this responder already. */
  override handOver(responder: Responder): void {
    super.handOver(responder);
    this.requester.handOver(this);
  }

  override onRequestData(chunk: Buffer, more: boolean): void {
    if (this.responder !== null) this.responder.onRequestData(chunk, more);
    else if (!more) this.#bodyEnded = true;
  }

  override onResponse(head: ResponseHead): void {
    this.#started = true;
    super.onResponse(head);
  }

  override onResponsePayload(payload: Payload): void {
    if (!this.over) this.requester.onResponsePayload(payload);
  }

  suspend(): Suspended<GuardedState> | null {
    const state = { kind: 'guarded', started: this.#started, ends: this.#ends };
    return this.suspendAs(state) as Suspended<GuardedState> | null;
  }

  /** Goes on where another process has stopped. @param forward as for `admit` */
  goOn({ started, ends }: GuardedState, forward: (requester: Requester) => Responder): void {
    this.#started = started;
    this.attach(forward(this));
    if (ends !== null) this.endAt(ends);
  }

  /** Ends the exchange at a time in milliseconds since 1970. */
  protected endAt(time: number): void {
    if (this.over) return;
    this.#ends = time;
    this.#expiry ??= new ExpiryTimer(this.room.wheel, this);
    this.#expiry.start(Math.min(LATEST, Math.max(0, (time - Date.now()) / 1_000)));
  }

  /** The token has expired. */
  expire(): void {
    if (this.over) return;
    this.room.counters.tokensExpired++;
    this.end(new ExchangeError('HF_TOKEN_EXPIRED', 'the token has expired while the client was held'));
  }

  /** Ends the exchange for a client that is still there. */
  protected end(error: ExchangeError): void {
    this.leave(error);
    if (this.#started) this.requester.onResponseData(EMPTY, false);
    else respond(this.requester, errorResponse(error, false));
  }

  override onFault(thrown: unknown): void {
    const error = reportFault(this.room, thrown);
    if (!this.over) this.fail(error);
  }

  protected override onOver(): void {
    this.#expiry?.stop();
    this.#expiry = null;
  }
}

class ExpiryTimer extends DeadlineTimer {
  readonly #exchange: GuardedExchange;

  constructor(wheel: TimerWheel, exchange: GuardedExchange) {
    super(wheel);
    this.#exchange = exchange;
  }

  start(seconds: number): void {
    this.setDeadline(seconds);
  }

  stop(): void {
    this.stopTimer();
  }

  protected override onDeadline(): void {
    this.#exchange.expire();
  }

  override onFault(thrown: unknown): void {
    fault(this.#exchange, thrown);
  }
}
