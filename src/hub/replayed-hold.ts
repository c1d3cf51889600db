import { retryDelay } from '../clock/index.ts';
import { listBytes } from '../codec/fields/index.ts';
import type { InstructResponse } from '../codec/grip/index.ts';
import { type ClientNames, clientNames, type Requester } from '../exchange/index.ts';
import { Held } from './held.ts';
import type { HubRoom } from './hub-room.ts';
import type { ResponseHoldState } from './moved-hold.ts';
import type { FormerHold, Replay, ReplayExchange } from './replay.ts';
import type { Replayable } from './replay-pacer.ts';

/**
 * Bytes of all held responses, with their header fields, and of the bodies of held requests. Beyond it a response is sent at once.
 * @bound hub-held-responses
 */
export const MAX_HELD_BYTES = 268_435_456;

/**
 * Milliseconds after the head of a replay's response until the next replay may begin although this one is still under way: a slow client,
 * or an origin that sends without end, must not hold up the others. A client that takes nothing at all is cut off by the server.
 */
const LONGEST_RESPONSE = 10_000;

/** What such a hold is made of. */
export interface ReplayedOptions {
  /** What its origin has given. */
  readonly response: InstructResponse;
  /** Null where the request cannot be sent again. */
  readonly replay: Replay | null;
  /** Id of its route. */
  readonly route: string;
}

/**
 * A held request that can be sent to its origin again. The client stays held meanwhile: its own response, or its timeout, ends the replay. No more than one is
 * under way, and the next one begins when its turn comes.
 */
export abstract class ReplayedHold extends Held implements FormerHold, Replayable {
  /** What its origin has given. */
  protected readonly response: InstructResponse;
  readonly #replay: Replay | null;
  /** Bytes that are kept for it. */
  readonly #cost: number;
  /** Its replay: none is due, it waits for its turn, it failed and waits for the next try, or the request is at the origin. */
  #state: 'none' | 'queued' | 'failed' | 'away' = 'none';
  /** The replay while it is at its origin. */
  #exchange: ReplayExchange | null = null;
  /** Whether it has a place among the replays at its target. It keeps the place while the response is under way. */
  #placed = false;
  /** Something came while the request was at its origin: the response may be from before it. */
  protected again = false;
  /** Wheel time of the timeout, in milliseconds. */
  #deadline = 0;
  #failures = 0;

  constructor(
    room: HubRoom,
    names: ClientNames,
    requester: Requester,
    credits: number,
    { response, replay, route }: ReplayedOptions,
  ) {
    super(room, names, requester, credits, route);
    this.response = response;
    this.#replay = replay;
    this.#cost = response.body.length + listBytes(response.headers) + (replay?.bytes ?? 0);
  }

  override enter(names: readonly string[], moved = false): void {
    this.room.heldBytes += this.#cost;
    super.enter(names, moved);
  }

  /** Its time is over. */
  protected abstract onTimeout(): void;

  /** Too much is held: it must not wait. */
  protected abstract onTooMuch(): void;

  /** What its client has missed for good, as the request that is sent again says; null for nothing. */
  protected get missed(): readonly string[] | null {
    return null;
  }

  /** Ends the waiting where too much is held. */
  keepWithinBound(): void {
    const { room } = this;
    if (room.heldBytes <= MAX_HELD_BYTES || !this.isHeld) return;
    room.counters.holdsRefused++;
    room.log.warn(
      { ...clientNames(this), bytes: this.#cost, held: room.heldBytes },
      'too much is held: responded at once',
    );
    this.onTooMuch();
  }

  /** Whether the client still waits for its response. */
  get isHeld(): boolean {
    return this.room.holds.has(this);
  }

  get target(): string {
    return this.#replay?.target ?? '';
  }

  protected get canReplay(): boolean {
    return this.#replay !== null;
  }

  /** Whether a replay is due or under way. */
  protected get isReplaying(): boolean {
    return this.#state !== 'none';
  }

  /** Whether the request is at its origin. */
  protected get isAway(): boolean {
    return this.#state === 'away';
  }

  /** @param timeout seconds until the held response itself is sent */
  start(timeout: number): void {
    const { wheel } = this.room;
    this.#deadline = wheel.now + timeout * 1_000;
    wheel.schedule(this, timeout * 1_000);
  }

  /** Sends the request to its origin again, when its turn comes. */
  override recover(): void {
    // An item that was kept during its replay may have ended it already.
    if (this.#replay === null || this.#state === 'queued' || !this.isHeld) return;
    if (this.#state === 'away') {
      this.again = true;
      return;
    }
    this.#state = 'queued';
    this.room.pacer.add(this);
  }

  startReplay(): void {
    const { wheel } = this.room;
    this.#state = 'away';
    this.again = false;
    this.#placed = true;
    wheel.schedule(this, this.#deadline - wheel.now);
    const exchange = (this.#replay as Replay).open(this, this.missed);
    this.#exchange = exchange;
    this.requester.handOver(exchange);
    exchange.start();
  }

  release(): void {
    if (!this.isHeld) return;
    this.over = true;
    this.leave();
    if (this.#placed) this.room.wheel.schedule(this, LONGEST_RESPONSE);
  }

  done(): void {
    this.release();
    this.#freePlace();
  }

  resume(credits: number): number | null {
    this.#freePlace();
    if (!this.isHeld) return null;
    this.#exchange = null;
    this.#state = 'failed';
    this.credits = credits;
    this.requester.handOver(this);
    const { wheel, draining } = this.room;
    const left = this.#deadline - wheel.now;
    if (draining || left <= 0) {
      if (draining) this.drain();
      else this.onTimeout();
      return null;
    }
    const delay = retryDelay(this.#failures++);
    wheel.schedule(this, Math.min(delay, left));
    return delay;
  }

  override onTimer(): void {
    const { wheel } = this.room;
    if (!this.isHeld) {
      this.#freePlace();
      return;
    }
    const left = this.#deadline - wheel.now;
    if (left > 0) {
      // It is time to replay the request again.
      wheel.schedule(this, left);
      this.recover();
      return;
    }
    this.onTimeout();
  }

  override onFault(thrown: unknown): void {
    const exchange = this.#exchange;
    super.onFault(thrown);
    exchange?.abort();
    this.#freePlace();
  }

  protected override leave(): void {
    const state = this.#state;
    this.#state = 'none';
    this.#exchange = null;
    if (this.isHeld) this.room.heldBytes -= this.#cost;
    super.leave();
    if (state === 'queued') this.room.pacer.cancel(this);
  }

  /** Aborts the replay, if the request is at its origin. */
  protected takeBack(): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#exchange = null;
    this.#state = 'none';
    this.room.counters.replaysAborted++;
    this.credits = exchange.abort();
    this.requester.handOver(this);
    this.#freePlace();
  }

  /** Lets the next replay begin. */
  #freePlace(): void {
    const { pacer, wheel } = this.room;
    if (!this.#placed) return;
    this.#placed = false;
    if (!this.isHeld) wheel.cancel(this);
    pacer.done(this.target);
  }

  // ---- the move to another process

  /** What another process makes its replay from again; null where it cannot move at present. */
  protected get replayState(): Pick<ResponseHoldState, 'failures' | 'replay'> | null {
    const replay = this.#replay?.state ?? null;
    if (this.#state !== 'none' || this.again || this.#placed) return null;
    if (this.#replay !== null && replay === null) return null;
    return { failures: this.#failures, replay };
  }

  /** Goes on with what is left of the timeout. */
  protected goOnWaiting({ left, failures }: ResponseHoldState): void {
    this.#deadline = this.room.wheel.now + (left ?? 0);
    this.#failures = failures;
  }
}
