import { fault, type Guarded } from './guarded.ts';

/**
 * Milliseconds of one turn of the event loop in which peers get whole shares. After that what they send waits for later turns, so a turn takes little
 * longer than this, however many peers flood.
 */
export const TURN_TIME = 10;

/** Pieces of input that a peer may have taken at once: requests, pieces of a body, messages, pings, subscriptions. */
export const SHARE = 128;

/**
 * The same when the time of the turn is over: a request and its body, so that a peer that sends little never waits for those that send
 * much.
 */
export const SMALL_SHARE = 2;

/** Bytes of input from which on a peer sends much: when the time of the turn is over it gets nothing, since each piece takes time to copy. */
export const LARGE_INPUT = 16_384;

/**
 * Inputs after which the time of a turn is counted. Where each turn brings one or two the end of every turn need not be noticed, which costs
 * another poll.
 */
export const FREE_INPUTS = 16;

/** A peer with more input than its share. */
export interface AwaitsTurn extends Guarded {
  /** Takes the next share. If there is still more it waits again. */
  onTurn(): void;
}

/**
 * The time of the event loop's turns, which all peers of the process share. Each takes its input in shares. Those with more input than that wait in
 * one line and get one further share each, in order, in this turn or a later one. Between two turns the event loop polls, so that
 * others are read.
 */
export class TurnBudget {
  /** When this turn began to be counted; negative before that. */
  #began = -1;
  /** Inputs since the last turn that was counted. */
  #inputs = 0;
  /** Those who wait, in order. */
  #line: AwaitsTurn[] = [];
  readonly #nextTurn = (): void => this.#onNextTurn();

  /** How many pieces of input a peer may have taken now. */
  get share(): number {
    if (this.#began < 0 && ++this.#inputs < FREE_INPUTS) return SHARE;
    return this.#spent ? SMALL_SHARE : SHARE;
  }

  /** The share of a peer whose input has so many bytes. 0: it has to wait for its turn. */
  shareOf(bytes: number): number {
    const { share } = this;
    return share === SMALL_SHARE && bytes >= LARGE_INPUT ? 0 : share;
  }

  /** Calls `peer.onTurn` once, in its turn. */
  wait(peer: AwaitsTurn): void {
    this.#begin(performance.now());
    this.#line.push(peer);
  }

  get #spent(): boolean {
    const now = performance.now();
    this.#begin(now);
    return now - this.#began >= TURN_TIME;
  }

  #begin(now: number): void {
    if (this.#began >= 0) return;
    this.#began = now;
    setImmediate(this.#nextTurn);
  }

  #onNextTurn(): void {
    this.#began = -1;
    this.#inputs = 0;
    const line = this.#line;
    if (line.length === 0) return;
    // Those that wait again, or from now on, come after those that do not get their share in this turn.
    this.#line = [];
    let next = 0;
    while (next < line.length && !this.#spent) {
      const peer = line[next++] as AwaitsTurn;
      try {
        peer.onTurn();
      } catch (thrown) {
        fault(peer, thrown);
      }
    }
    if (next < line.length) this.#line = line.slice(next).concat(this.#line);
  }
}

/** The budget of this process: it has one event loop. */
export const turnBudget = new TurnBudget();
