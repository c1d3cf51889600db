import { matchesPattern } from '../../codec/grip/index.ts';
import { type ClusterCounters, LineRate, type Log } from '../../exchange/index.ts';
import type { KeptItem } from '../../history/index.ts';
import { patternOf } from '../../hub/index.ts';
import type { BrokerMessage } from '../broker.ts';
import { LATER_ITEM } from '../item-message.ts';
import type { ItemTail } from './item-tail.ts';
import { streamedMessage } from './streamed-message.ts';

/**
 * Bytes of the names of channels whose last numbers a node knows, each costing 64 more. Beyond it all are forgotten: what got lost before that is not noticed.
 * @bound cluster-known-numbers
 */
export const KNOWN_BYTES = 8_388_608;

/** What is known of the subscriptions of this node. */
export interface FeedPlaces {
  /** The number above which items of the channel come here; null where that is not known, or the node is not subscribed to it. */
  since(channel: string): number | null;
  /** What that was before the broker was away, until it is known again. */
  sinceBefore(channel: string): number | null;
}

/** Takes the kept items that come to a node, and finds out which have come twice, too late, or not at all. */
export class KeptFeed {
  /** Everything up to this number has been passed on. */
  head = 0;
  /** The highest number that has come. */
  last = 0;
  places: FeedPlaces = { since: () => null, sinceBefore: () => null };
  readonly #tail: ItemTail;
  readonly #counters: ClusterCounters;
  readonly #log: Log;
  readonly #lines = new LineRate();
  #fresh: KeptItem[] = [];
  #disordered = false;
  /** Channels that have lost items, and the numbers of the last ones before that. */
  #lost = new Map<string, number>();
  /** The last numbers of channels. */
  readonly #numbers = new Map<string, number>();
  #bytes = 0;
  /** Whether it is not known where the stream is, as the broker was away. Clients read later what comes meanwhile. */
  #paused = false;
  /** What came of all other channels up to this number is not known. */
  #forgotten = 0;

  constructor(tail: ItemTail, counters: ClusterCounters, log: Log) {
    this.#tail = tail;
    this.#counters = counters;
    this.#log = log;
  }

  /** Bytes that the numbers of channels cost. */
  get knownBytes(): number {
    return this.#bytes;
  }

  /** An item has come. @returns whether there is something to pass on that there was not before */
  take(channel: string, bytes: Buffer, message: BrokerMessage): boolean {
    const streamed = streamedMessage(message);
    if (streamed === null) {
      this.#counters.messagesInvalid++;
      return false;
    }
    if (this.#paused) return false;
    const { number, before, time } = streamed;
    const since = this.places.since(channel);
    const known = this.#numbers.get(channel) ?? this.#forgotten;
    // It came by two subscriptions, or before it was known what comes by this one. In that case it is read.
    if (number <= known || number <= (since ?? 0)) return false;
    const wasIdle = this.idle;
    this.#know(channel, number);
    // Items that the stream has deleted meanwhile are not noticed here, but by readers.
    if (since !== null && before > Math.max(known, since)) this.#lose(channel, Math.max(known, since));
    if (number <= this.head) {
      // Later ones have been passed on.
      if (since !== null) this.#lose(channel, number - 1);
      return wasIdle && !this.idle;
    }
    this.#disordered ||= number < this.last;
    this.last = Math.max(this.last, number);
    if (bytes === LATER_ITEM) {
      this.#counters.messagesInvalid++;
      this.#lose(channel, Math.max(known, since ?? 0));
    } else {
      this.#fresh.push({ number, time, channel, bytes });
    }
    return wasIdle;
  }

  /** Everything up to this number has come. */
  reach(number: number): void {
    if (!this.#paused) this.last = Math.max(this.last, number);
  }

  /** Whether an item of one of these channels and patterns has come with a higher number. @param keys as `subscriptionKey` */
  hasCome(keys: readonly string[], number: number): boolean {
    if (this.#tail.from > number) return true;
    return keys.some((key) => {
      const pattern = patternOf(key);
      if (pattern === null) return this.#tail.after(key, number).length > 0;
      return this.#tail.namesAfter(number).some((name) => matchesPattern(pattern, name));
    });
  }

  /** A number after which no item of a channel has come, mostly that of its last one; infinite where it is not known what comes. */
  positionOf(channel: string): number {
    const since = this.places.since(channel);
    if (since === null || this.#paused) return Number.POSITIVE_INFINITY;
    return Math.max(since, this.#numbers.get(channel) ?? this.#forgotten);
  }

  /** A channel has an item with this number, which would have come by now. */
  miss(channel: string, number: number): void {
    const position = this.positionOf(channel);
    if (number <= position) return;
    // A node that has not noticed that there is another stream announces numbers of the former one.
    if (number > this.last) {
      this.#counters.messagesInvalid++;
      return;
    }
    this.#know(channel, number);
    this.#lose(channel, position);
  }

  /** The same of an item from before the broker was away, which is not back yet. */
  missBefore(channel: string, number: number): void {
    const since = this.places.sinceBefore(channel);
    if (!this.#paused || since === null) return;
    const position = Math.max(since, this.#numbers.get(channel) ?? this.#forgotten);
    if (number > position && !this.#lost.has(channel)) this.#lose(channel, position);
  }

  get idle(): boolean {
    return this.#fresh.length === 0 && this.#lost.size === 0;
  }

  /** Passes on what has come. @param onItems gets it in its order @param onLost gets each channel that has lost items, and the number of the last one before that, first */
  flush(onItems: (items: readonly KeptItem[]) => void, onLost: (channel: string, from: number) => void): void {
    const [items, lost] = [this.#fresh, [...this.#lost]];
    this.#fresh = [];
    this.#lost.clear();
    if (this.#disordered) items.sort((a, b) => a.number - b.number);
    this.#disordered = false;
    this.head = this.last;
    for (const item of items) this.#tail.add(item);
    // The tail does not have what got lost.
    if (lost.length > 0) this.#tail.restart(this.head);
    if (this.#bytes > KNOWN_BYTES) this.#forget();
    for (const [channel, from] of lost) {
      this.#lines.write(this.#log, 'warn', { channel, after: from }, 'items got lost on their way here');
      onLost(channel, from);
    }
    if (items.length > 0) onItems(items);
  }

  /** Something may get lost from now on: nothing is passed on. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#fresh = [];
    this.#lost.clear();
    this.#disordered = false;
    this.last = this.head;
  }

  /** All items with higher numbers come from now on. It is the head now, whatever was passed on before. */
  resume(number: number): void {
    this.#paused = false;
    [this.head, this.last] = [number, number];
    this.#forget();
    this.#tail.restart(number);
  }

  #know(channel: string, number: number): void {
    const size = this.#numbers.size;
    this.#numbers.set(channel, number);
    if (this.#numbers.size > size) this.#bytes += 64 + 2 * channel.length;
  }

  #forget(): void {
    this.#numbers.clear();
    this.#bytes = 0;
    this.#forgotten = this.head;
  }

  #lose(channel: string, from: number): void {
    this.#lost.set(channel, Math.min(from, this.#lost.get(channel) ?? from));
    this.#counters.channelsLost++;
  }
}
