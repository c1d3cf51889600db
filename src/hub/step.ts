/** What kind of subscriber takes a published format: a held response, or a held stream. */
export type Format = 'http-response' | 'http-stream';

/** Bytes that a published item is charged at least while it waits, so that a flood of empty ones is bounded too. */
const LEAST_COST = 256;

/** Bytes that an item of this size is charged while it waits. */
export function itemCost(bytes: number): number {
  return Math.max(LEAST_COST, bytes);
}

/** One thing to deliver to the subscribers of one channel. Steps are delivered one after the other, whatever their channels are. */
export abstract class Step {
  /** Name of the channel. */
  readonly channel: string;
  /** Which subscribers of the channel get it. */
  readonly format: Format;
  /** What the log calls it. */
  readonly kind: string;
  /** Bytes that it is charged while it waits to be delivered. */
  cost = 0;
  next: Step | null = null;

  constructor(channel: string, format: Format, kind: string = format) {
    this.channel = channel;
    this.format = format;
    this.kind = kind;
  }

  /** Adds an item of this size to the cost. */
  protected charge(bytes: number): void {
    this.cost += itemCost(bytes);
  }
}

/** The end of the streams of a channel. */
export class StreamClose extends Step {
  constructor(channel: string) {
    super(channel, 'http-stream', 'http-stream close');
    this.charge(0);
  }
}
