import { TokenBucket } from '../exchange/index.ts';
import type { Membership } from './channel.ts';
import type { Step } from './step.ts';

/** Rate and high-water mark of deliveries, by the limits in force. */
export interface Shape {
  /** Deliveries a second of one route; 0 for no limit. */
  readonly rate: number;
  /** Deliveries of one route that may wait; 0 for no limit. */
  readonly hwm: number;
  /** Bytes of an item that count as one delivery; 0: each item counts as one. */
  readonly blockSize: number;
}

/** A step that waits for its delivery to one receiver. */
export interface WaitingDelivery {
  readonly member: Membership;
  readonly step: Step;
  /** The items of the step that wait: from this one up to `to`. */
  from: number;
  readonly to: number;
  /** What they count. */
  weight: number;
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
   * Takes the weight of items of a step from what the rate allows, one after the other: the last one may exceed it.
   * @param rate 0 for no limit
   * @param now in milliseconds, of a clock that never goes back
   * @returns the item after the last one that may go out
   */
  spend(step: Step, from: number, to: number, { rate, blockSize }: Shape, now: number): number {
    if (rate === 0) return to;
    const batch = batchOf(rate);
    let at = from;
    while (at < to && this.#tokens.take(rate, batch, now, step.weightOf(at, blockSize))) at++;
    return at;
  }

  /** How many items of a step, up to `to`, may wait: returns the item after the last one. */
  room(step: Step, from: number, to: number, { hwm, blockSize }: Shape): number {
    if (hwm === 0) return to;
    let left = hwm - this.weight;
    let at = from;
    while (left > 0 && at < to) {
      left -= step.weightOf(at, blockSize);
      if (left < 0) break;
      at++;
    }
    return at;
  }

  add(member: Membership, step: Step, from: number, to: number, blockSize: number): void {
    const weight = weightOf(step, from, to, blockSize);
    const delivery = { member, step, from, to, weight, next: null };
    if (this.#last === null) this.first = delivery;
    else this.#last.next = delivery;
    this.#last = delivery;
    this.weight += weight;
  }

  /** The items of the first delivery before `at` wait no longer. Returns whether none is left: then it is removed. */
  passed(delivery: WaitingDelivery, at: number, blockSize: number): boolean {
    const { step, from, to } = delivery;
    const whole = at === to;
    // The size of a block may have changed since they came.
    const weight = whole ? delivery.weight : Math.min(delivery.weight, weightOf(step, from, at, blockSize));
    delivery.from = at;
    delivery.weight -= weight;
    this.weight -= weight;
    if (!whole) return false;
    this.first = delivery.next;
    if (this.first === null) this.#last = null;
    return true;
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

function weightOf(step: Step, from: number, to: number, blockSize: number): number {
  if (blockSize === 0) return to - from;
  let weight = 0;
  for (let at = from; at < to; at++) weight += step.weightOf(at, blockSize);
  return weight;
}
