import { LEAST_COST } from '../exchange/index.ts';

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

  constructor(channel: string, format: Format, kind: string = format) {
    this.channel = channel;
    this.format = format;
    this.kind = kind;
    this.cost = 2 * channel.length;
  }

  /** Adds an item of this size to the cost. */
  protected charge(bytes: number): void {
    this.cost += Math.max(LEAST_COST, bytes);
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
  constructor(channel: string) {
    super(channel, 'http-stream', 'http-stream close');
    this.charge(0);
  }
}
