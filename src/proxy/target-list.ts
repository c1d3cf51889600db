import type { Counters, RequestHead, Responder } from '../exchange/index.ts';
import { FailOverExchange } from './fail-over-exchange.ts';
import { type ProxyTarget, setHost, type TargetRequester } from './proxy-target.ts';

/**
 * The targets of a route, in their order. It lives as long as the route, so it can keep what requests show about each target.
 */
export class TargetList {
  readonly #targets: readonly ProxyTarget[];
  readonly #counters: Counters;

  /** @param targets at least one */
  constructor(targets: readonly ProxyTarget[], counters: Counters) {
    this.#targets = targets;
    this.#counters = counters;
  }

  /** The names of all targets, for error texts. */
  get names(): string {
    return this.#targets.map(({ name }) => name).join(', ');
  }

  /**
   * Sends a request to the first target that takes it.
   * @param request its first field is Host, whose value is set here
   */
  send(request: RequestHead, requester: TargetRequester): Responder {
    const first = this.#targets[0] as ProxyTarget;
    if (this.#targets.length > 1) {
      const exchange = new FailOverExchange(this.#targets, request, requester, this.#counters);
      exchange.start();
      return exchange;
    }
    // With one target there is no fail-over, and no relay in between.
    setHost(request, first);
    requester.onTarget(first, null);
    return first.service(request, requester);
  }
}
