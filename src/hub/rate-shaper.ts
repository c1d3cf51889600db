import { type AtTurnEnd, fault, Ticker } from '../clock/index.ts';
import { reportFault } from '../exchange/index.ts';
import type { Membership } from './channel.ts';
import type { HubRoom } from './hub-room.ts';
import { RouteBucket, type Shape } from './route-bucket.ts';
import type { Step } from './step.ts';

/**
 * Bytes of deliveries that wait for `message_rate`: each item once, and 64 bytes for each of its receivers. Beyond it publishers wait.
 * @bound hub-shaped-deliveries
 */
export const MAX_SHAPED_BYTES = 67_108_864;

/** What one waiting delivery costs. */
const DELIVERY_COST = 64;

/** Milliseconds between two batches (Pushpin's own figure). */
const BATCH_INTERVAL = 25;

/** Deliveries, and work, of one slice. */
const SLICE = 256;

/** Work of a delivery that has to wait. */
const WAIT_WORK = 1 / 16;

/**
 * Limits how many deliveries a second the clients of each route get (GRIP `message_rate`). It stands between the walk over the members of a
 * channel and the members: a delivery passes at once while its route has been given less than its rate, and otherwise waits behind
 * the earlier ones of its route. Batches go out every 25 ms, from all routes in turn. What exceeds `message_hwm` is dropped.
 */
export class RateShaper implements AtTurnEnd {
  /** Bytes that are charged for what waits. */
  bytes = 0;
  /** Deliveries that wait. */
  waiting = 0;
  readonly #room: HubRoom;
  readonly #onProgress: () => void;
  readonly #buckets = new Map<string, RouteBucket>();
  /** The bucket whose turn is next. */
  #next = 0;
  #ticker: Ticker | null = null;
  #scheduled = false;

  /** @param onProgress called after waiting deliveries have gone out */
  constructor(room: HubRoom, onProgress: () => void) {
    this.#room = room;
    this.#onProgress = onProgress;
  }

  /** Whether deliveries have to pass through here. */
  get needed(): boolean {
    return this.waiting > 0 || this.#shape.rate > 0;
  }

  /** Whether publishers have to wait. */
  get full(): boolean {
    return this.bytes > MAX_SHAPED_BYTES;
  }

  /**
   * Delivers the items of a step to a member, now or later, or never. Items that were joined are weighed one by one.
   * @param now wheel time in whole milliseconds
   * @returns the work that this was
   */
  offer(member: Membership, step: Step, now: number): number {
    const shape = this.#shape;
    const { route } = member.receiver;
    let bucket = this.#buckets.get(route);
    if (step.unpublished && (bucket?.first ?? null) === null) return member.receiver.receive(step, now);
    if (bucket === undefined) {
      bucket = new RouteBucket(route);
      this.#buckets.set(route, bucket);
      this.#ticker ??= new Ticker(BATCH_INTERVAL, this, () => this.#onTick());
    }
    const { count } = step;
    const at = bucket.first === null ? bucket.spend(step, 0, count, shape, performance.now()) : 0;
    const work = at > 0 ? member.receiver.receive(step.part(0, at), now) : WAIT_WORK;
    if (at === count || hasLeft(member, step)) return work;
    const end = bucket.room(step, at, count, shape);
    if (end < count) {
      this.#drop(bucket, step, count - end, shape.hwm);
      member.receiver.onLost?.(step.channel);
    }
    if (end === at) return work;
    bucket.add(member, step, at, end, shape.blockSize);
    this.waiting++;
    this.bytes += DELIVERY_COST;
    if (step.waiting++ === 0) this.bytes += step.cost;
    return work;
  }

  /** Limits may have changed, or the hub drains. */
  wake(): void {
    if (this.waiting > 0) this.#schedule();
  }

  onTurnEnd(): void {
    this.#scheduled = false;
    this.#deliverSlice();
  }

  /** A defect of the shaper itself. */
  onFault(thrown: unknown): void {
    reportFault(this.#room, thrown);
  }

  get #shape(): Shape {
    const { draining, phase, limits } = this.#room;
    const { messageRate, messageHwm, messageBlockSize } = limits.current;
    return { rate: draining || phase === 'moving' ? 0 : messageRate, hwm: messageHwm, blockSize: messageBlockSize };
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#room.turns.add(this);
  }

  #onTick(): void {
    const { rate } = this.#shape;
    const now = performance.now();
    this.#reportDropped();
    for (const [name, bucket] of this.#buckets) {
      if (bucket.isFull(rate, now)) this.#buckets.delete(name);
    }
    if (this.#buckets.size === 0) {
      this.#ticker?.stop();
      this.#ticker = null;
    }
    this.wake();
  }

  /** Delivers what the rates allow, one of each route in turn. Where that is more than a slice, the rest follows in the next turn. */
  #deliverSlice(): void {
    const shape = this.#shape;
    const now = performance.now();
    const wheelNow = Math.floor(this.#room.wheel.now);
    const buckets = [...this.#buckets.values()];
    let progress = false;
    let work = 0;
    let idle = 0;
    let waits = false;
    while (idle < buckets.length && work < SLICE) {
      const bucket = buckets[this.#next++ % buckets.length] as RouteBucket;
      const delivery = bucket.first;
      if (delivery === null) {
        idle++;
        continue;
      }
      const { member, step, from, to } = delivery;
      const gone = hasLeft(member, step);
      if (!gone && member.receiver.awaitsCredit?.(step) === true) {
        waits = true;
        idle++;
        continue;
      }
      const late = !gone && step.isExpired;
      if (late) this.#room.counters.itemsExpired += to - from;
      const at = gone || late ? to : bucket.spend(step, from, to, shape, now);
      if (at === from) {
        idle++;
        continue;
      }
      idle = 0;
      if (bucket.passed(delivery, at, shape.blockSize)) {
        this.#left(step);
        progress = true;
      }
      if (gone || late) {
        work += WAIT_WORK;
        continue;
      }
      try {
        work += member.receiver.receive(step.part(from, at), wheelNow);
      } catch (thrown) {
        fault(member.receiver, thrown);
      }
    }
    if (work >= SLICE || waits) this.#schedule();
    this.#reportDropped();
    if (progress) this.#onProgress();
  }

  #left(step: Step): void {
    this.waiting--;
    this.bytes -= DELIVERY_COST;
    if (--step.waiting > 0) return;
    this.bytes -= step.cost;
    this.#room.latency.observe(performance.now() - step.acceptedAt);
  }

  #drop(bucket: RouteBucket, step: Step, items: number, hwm: number): void {
    const { counters, log } = this.#room;
    counters.deliveriesDropped += items;
    if (bucket.dropped === 0) {
      log.warn({ route: bucket.route, channel: step.channel }, `exceeded publish hwm (${hwm}), dropping message`);
    }
    bucket.dropped += items;
  }

  /** Says how much was dropped, once for each time that a route was behind. */
  #reportDropped(): void {
    for (const bucket of this.#buckets.values()) {
      if (bucket.dropped === 0 || bucket.first !== null) continue;
      this.#room.log.info({ route: bucket.route, dropped: bucket.dropped }, 'deliveries were dropped at message_hwm');
      bucket.dropped = 0;
    }
  }
}

/** Whether the client has left meanwhile, with all by which it gets the step. */
function hasLeft({ position, receiver }: Membership, { channel }: Step): boolean {
  return position < 0 && receiver.isMember?.(channel) !== true;
}
