import { TokenBucket } from '../exchange/index.ts';
import type { Membership } from './channel.ts';
import type { Step } from './step.ts';

/** A step that waits for its delivery to one receiver. */
export interface WaitingDelivery {
  readonly member: Membership;
  readonly step: Step;
  readonly weight: number;
  next: WaitingDelivery | null;
}

/** Part of a second in which a route that was idle may get at once what its rate allows in that time. */
const BATCH_S = 0.025;

/** The deliveries of one route that wait for its rate, oldest first, and what the rate allows now: a token bucket. */
export class RouteBucket {
  readonly route: string;
  first: WaitingDelivery | null = null;
  /** Weight of what waits. */
  weight = 0;
  /** Items that were dropped since the route fell behind. */
  dropped = 0;
  #last: WaitingDelivery | null = null;
  readonly #tokens = new TokenBucket();

  constructor(route: string) {
    this.route = route;
  }

  /**
   * Takes the weight of a delivery from what the rate allows.
   * @param rate 0 for no limit
   * @param now in milliseconds, of a clock that never goes back
   * @returns whether the delivery may go out
   */
  spend(weight: number, rate: number, now: number): boolean {
    return rate === 0 || this.#tokens.take(rate, batchOf(rate), now, weight);
  }

  /** Gives back the weight of a delivery that did not take place. */
  refund(weight: number): void {
    this.#tokens.refund(weight);
  }

  add(member: Membership, step: Step, weight: number): void {
    const delivery = { member, step, weight, next: null };
    if (this.#last === null) this.first = delivery;
    else this.#last.next = delivery;
    this.#last = delivery;
    this.weight += weight;
  }

  /** Removes the first one, if the rate allows it now. */
  take(rate: number, now: number): WaitingDelivery | null {
    const { first } = this;
    if (first === null || !this.spend(first.weight, rate, now)) return null;
    this.first = first.next;
    if (this.first === null) this.#last = null;
    this.weight -= first.weight;
    return first;
  }

  /** Whether it is as a new one would be. */
  isFull(rate: number, now: number): boolean {
    if (this.first !== null || this.dropped > 0) return false;
    return rate === 0 || this.#tokens.isFull(rate, batchOf(rate), now);
  }
}

/** Weight of one batch: 63 at 2,500 a second, and at least 1. */
function batchOf(rate: number): number {
  return Math.max(1, Math.ceil(rate * BATCH_S));
}
