import { attempt, type TimerWheel, WheelTimer } from '../clock/index.ts';
import { type Counters, type Log, reportFault } from '../exchange/index.ts';
import { TargetCheck } from './target-check.ts';
import type { TargetState } from './target-state.ts';

/** Milliseconds from the checks of one route to those of the next, so that a turn of the event loop begins those of a few. */
const PAUSE = 20;

/** How the targets of a route are checked. */
export interface CheckRules {
  /** Path and query of the requests. */
  readonly path: string;
  /** Seconds from one check of a target to the next. */
  readonly interval: number;
  /** Seconds for a response; at most `interval`. */
  readonly timeout: number;
}

/** What checks are made with. */
export interface CheckMeans {
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
}

/**
 * Checks all targets of a route at an interval. Each has one check at most, which is over before the next one begins. It is one timer, which
 * waits in turn for the end of the time for responses, and for the next round.
 */
export class TargetChecks extends WheelTimer {
  readonly #states: readonly TargetState[];
  readonly #rules: CheckRules;
  readonly #means: CheckMeans;
  #running: TargetCheck[] = [];
  #responsesDue = false;

  constructor(states: readonly TargetState[], rules: CheckRules, means: CheckMeans) {
    super();
    this.#states = states;
    this.#rules = rules;
    this.#means = means;
  }

  /**
   * Begins the first round: at once, or within `interval`.
   * @param place among the routes whose checks start together, from 0
   */
  start(place = 0): void {
    const delay = (place * PAUSE) % (this.#rules.interval * 1_000);
    if (delay === 0) this.onTimer();
    else this.#means.wheel.schedule(this, delay);
  }

  /** Ends the checks that are under way, and makes no more. */
  stop(): void {
    this.#means.wheel.cancel(this);
    this.#endChecks(false);
  }

  override onTimer(): void {
    const { interval, timeout } = this.#rules;
    this.#responsesDue = !this.#responsesDue;
    // Scheduled before anything can throw.
    this.#means.wheel.schedule(this, (this.#responsesDue ? timeout : interval - timeout) * 1_000);
    if (!this.#responsesDue) {
      this.#endChecks(true);
      return;
    }
    for (const state of this.#states) {
      const check = new TargetCheck(state.target, this.#rules.path, (failure) => this.#onResult(state, failure));
      this.#running.push(check);
      attempt(this, send, check);
    }
  }

  override onFault(thrown: unknown): void {
    reportFault(this.#means, thrown);
  }

  #endChecks(late: boolean): void {
    const running = this.#running;
    this.#running = [];
    for (const check of running) check.end(late);
  }

  #onResult(state: TargetState, failure: string | null): void {
    const { log } = this.#means;
    const target = state.target.name;
    if (!state.checked(failure === null)) return;
    if (failure === null) log.info({ target }, 'target passes its check again');
    else log.warn({ target, reason: failure }, 'target fails its check');
  }
}

function send(_checks: TargetChecks, check: TargetCheck): void {
  check.start();
}
