import { NO_META } from '../codec/grip/index.ts';
import { hasExpired, LEAST_COST } from '../exchange/index.ts';
import { memoryCost } from './item-cost.ts';

/** What kind of subscriber takes a published format: a held response, a held stream, or a WebSocket. */
export type Format = 'http-response' | 'http-stream' | 'ws-message';

/** One thing to deliver to the subscribers of one channel. Steps are delivered one after the other, whatever their channels are. */
export abstract class Step {
  /** Name of the channel. */
  readonly channel: string;
  /** Which subscribers of the channel get it. */
  readonly format: Format;
  /** What the log calls it. */
  readonly kind: string;
  /** Bytes that it is charged while it waits to be delivered. */
  cost: number;
  next: Step | null = null;
  /** When it was accepted, by `performance.now`. */
  acceptedAt = 0;
  /** Bytes of content, or what the publisher says instead. */
  size = 0;
  /** When it is of no use any more, in milliseconds since 1970; 0 for never. One that has such a time is not joined with others. */
  expires = 0;
  /** Receivers whose delivery waits for the rate of their route. */
  waiting = 0;
  /** Whether the hub made it by itself: nobody has published it, so no rate counts it unless deliveries wait before it. */
  unpublished = false;

  constructor(channel: string, format: Format, kind: string = format) {
    this.channel = channel;
    this.format = format;
    this.kind = kind;
    this.cost = 2 * channel.length;
  }

  /** Whether it is of no use any more. */
  get isExpired(): boolean {
    return hasExpired(this.expires);
  }

  /** Items that it has. */
  get count(): number {
    return 1;
  }

  /** Blocks of `blockSize` bytes that its item `at` counts as: at least one; 0: each item counts as one. */
  weightOf(_at: number, blockSize: number): number {
    return blockSize === 0 ? 1 : blocksOf(this.size, blockSize);
  }

  /** The items from `from` up to `to` as a step, which is delivered in its place. */
  part(_from: number, _to: number): Step {
    return this;
  }

  /** Adds an item of this size to the cost. */
  protected charge(bytes: number): void {
    this.cost += Math.max(LEAST_COST, bytes);
  }
}

/** A place in the order of deliveries. It has no channel, and no subscriber gets it. */
export class Barrier extends Step {
  readonly reached: () => void;

  constructor(reached: () => void) {
    super('', 'http-stream', 'barrier');
    this.reached = reached;
  }

  override get count(): number {
    return 0;
  }
}

/** What a channel's streams have missed is to be fetched. */
export class StreamHint extends Step {
  constructor(channel: string) {
    super(channel, 'http-stream', 'http-stream hint');
    this.charge(0);
  }
}

/** The end of the streams of a channel. */
export class StreamClose extends Step {
  /** For filters. */
  readonly meta: Readonly<Record<string, string>>;
  readonly contentFilters = null;

  constructor(channel: string, meta: Readonly<Record<string, string>> = NO_META) {
    super(channel, 'http-stream', 'http-stream close');
    this.meta = meta;
    this.charge(memoryCost(meta));
  }
}

/** Blocks of `blockSize` bytes that an item of `size` bytes counts as: at least one. */
export function blocksOf(size: number, blockSize: number): number {
  return Math.max(1, Math.ceil(size / blockSize));
}
