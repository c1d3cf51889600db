import type { ExchangeError } from '../exchange/index.ts';
import { cannotConnect, type ProxyTarget } from './proxy-target.ts';
import type { TargetState } from './target-state.ts';

/**
 * The attempts of one request or WebSocket at the targets of its route, one after the other. Each attempt counts as a request of its target
 * until it ends, and tells the target's state once what it has shown: whether the target takes connections.
 */
export class TargetAttempts {
  readonly #order: readonly TargetState[];
  readonly #now: () => number;
  #index = -1;
  /** Whether there is no attempt under way. */
  #ended = true;
  /** Whether the attempt has shown something. What it comes to later says nothing about new connections. */
  #shown = false;

  /**
   * @param order the targets, in the order in which they are tried
   * @param now the time in milliseconds
   */
  constructor(order: readonly TargetState[], now: () => number) {
    this.#order = order;
    this.#now = now;
  }

  /** The target that was tried last; null before the first attempt. */
  get target(): ProxyTarget | null {
    return this.#state?.target ?? null;
  }

  /** Begins the attempt at the next target, which there must be, and ends the one before. */
  begin(): ProxyTarget {
    this.end();
    const state = this.#order[++this.#index] as TargetState;
    this.#ended = false;
    this.#shown = false;
    state.begin(this);
    return state.target;
  }

  /** The target has responded. */
  succeed(): void {
    if (this.#ended || this.#shown) return;
    this.#shown = true;
    this.#state?.succeed();
  }

  /** The attempt has failed. Returns whether another target may get the request. */
  fail(error: ExchangeError): boolean {
    // What this process lacks says nothing about the target, and the next one needs it too.
    if (error.code === 'HF_OPEN_FILES') return false;
    if (!cannotConnect(error)) this.succeed();
    if (this.#ended || this.#shown) return false;
    this.#shown = true;
    this.#state?.fail(this, this.#now());
    return this.#index + 1 < this.#order.length;
  }

  /** The target does not have the request any more. May be called more than once. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#state?.end(this);
  }

  get #state(): TargetState | undefined {
    return this.#order[this.#index];
  }
}
