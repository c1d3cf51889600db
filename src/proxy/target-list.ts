import { type Counters, ExchangeError, type RequestHead, type Responder } from '../exchange/index.ts';
import { FailOverExchange } from './fail-over-exchange.ts';
import { cannotConnect, hostFor, type ProxyTarget, type TargetRequester, withHost } from './proxy-target.ts';
import { TargetAttempts } from './target-attempts.ts';
import { type CheckMeans, type CheckRules, TargetChecks } from './target-checks.ts';
import { TargetState } from './target-state.ts';

/** How requests are shared out among the targets of a route. */
export type Balance = 'failover' | 'round_robin' | 'least_connections';

/**
 * The targets of a route. It lives as long as the route, and keeps what requests show about each target: one that refuses connections is
 * passed over for a while, and then one request at a time finds out whether it is back.
 */
export class TargetList {
  readonly #targets: readonly TargetState[];
  readonly #counters: Counters;
  readonly #balance: Balance;
  readonly #now: () => number;
  /** Index of the target that comes first for the next request. */
  #next = 0;

  /**
   * @param targets at least one
   * @param now the time in milliseconds, by any clock that does not go back
   */
  constructor(
    targets: readonly ProxyTarget[],
    counters: Counters,
    balance: Balance = 'failover',
    now: () => number = () => performance.now(),
  ) {
    this.#targets = targets.map((target) => new TargetState(target));
    this.#counters = counters;
    this.#balance = balance;
    this.#now = now;
  }

  /** Checks of all targets, which are not started yet. */
  checks(rules: CheckRules, means: CheckMeans): TargetChecks {
    return new TargetChecks(this.#targets, rules, means);
  }

  /** The targets by name, and whether each is passed over; none where there is only one. */
  *suspects(): Iterable<[string, boolean]> {
    if (this.#targets.length > 1) for (const { target, suspect } of this.#targets) yield [target.name, suspect];
  }

  /** The attempts of the next request or WebSocket. */
  attempts(): TargetAttempts {
    return new TargetAttempts(this.#inOrder(), this.#now);
  }

  /** The attempt of a WebSocket that another process has opened at the target with this name. @throws Error where there is none */
  attemptAt(name: string): TargetAttempts {
    const state = this.#targets.find(({ target }) => target.name === name);
    if (state === undefined) throw new Error(`there is no target ${name} any more`);
    return new TargetAttempts([state], this.#now);
  }

  /** The target with this name; undefined if there is none. */
  targetNamed(name: string): ProxyTarget | undefined {
    return this.#targets.find(({ target }) => target.name === name)?.target;
  }

  /** The Host that the first target gets, and most often the others. @param authority what the client has asked for */
  host(authority: string): string {
    return hostFor((this.#targets[0] as TargetState).target, authority);
  }

  /** What a client is told whose request has failed with `error` at the target that was tried last. */
  failure(error: ExchangeError): ExchangeError {
    if (!cannotConnect(error)) return error;
    const names = this.#targets.map(({ target }) => target.name).join(', ');
    const detail = `Unable to connect to any targets. Tried: ${names} (${error.detail})`;
    return new ExchangeError(error.code, detail, undefined, true);
  }

  /**
   * Sends a request to the first target that takes it.
   * @param request its first field is Host; each target gets its own
   */
  send(request: RequestHead, requester: TargetRequester): Responder {
    if (this.#targets.length > 1) {
      const exchange = new FailOverExchange(this.attempts(), request, requester, this.#counters);
      exchange.start();
      return exchange;
    }
    // With one target there is no fail-over, and no relay in between.
    const { target } = this.#targets[0] as TargetState;
    requester.onTarget(target, null);
    return target.service(withHost(request, target), requester);
  }

  /** The targets in the order in which a request tries them. Those that are passed over come last: better than no attempt at all. */
  #inOrder(): readonly TargetState[] {
    const order = this.#balanced();
    if (!order.some(({ suspect }) => suspect)) return order;
    const now = this.#now();
    const probed = order.find((state) => state.suspect && state.mayBeProbed(now));
    const usual = order.filter((state) => !state.suspect || state === probed);
    return [...usual, ...order.filter((state) => !usual.includes(state))];
  }

  #balanced(): readonly TargetState[] {
    if (this.#balance === 'failover') return this.#targets;
    const start = this.#next;
    this.#next = (start + 1) % this.#targets.length;
    const rotated = [...this.#targets.slice(start), ...this.#targets.slice(0, start)];
    // Sorting is stable, so targets with the same number of requests take turns.
    return this.#balance === 'round_robin' ? rotated : rotated.sort((a, b) => a.requests - b.requests);
  }
}
