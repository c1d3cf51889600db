import type { Subscription } from '@nats-io/transport-node';
import {
  type AtTurnEnd,
  attempt,
  type Guarded,
  guarded,
  type TimerWheel,
  TurnQueue,
  WheelTimer,
} from '../clock/index.ts';
import { matchesPattern } from '../codec/grip/index.ts';
import { type ClusterCounters, LineRate, type Log } from '../exchange/index.ts';
import type { ChannelWatcher } from '../hub/index.ts';
import { PatternTrie, patternOf } from '../hub/index.ts';
import type { Broker, BrokerMessage } from './broker.ts';
import { copiedItem, itemOfMessage } from './item-message.ts';
import type { FedSubject, Subjects } from './subjects.ts';

/** Milliseconds for which a node stays subscribed to a channel that it has forgotten: clients come back. */
const GRACE = 5_000;

/**
 * Marks that a node waits for to learn from where on items of what it has subscribed to come. What it subscribes to then waits for one of these.
 * @bound cluster-feed-marks
 */
export const MAX_MARKS = 64;

/** Characters of a name that the log shows. */
const SHOWN = 100;

/** Takes what comes to a node by its subscriptions. */
export interface FeedSink {
  /** An item that is not kept, as `encodeItem` wrote it, in memory that is lent for the call. */
  onItem(channel: string, item: Buffer): void;
  /** One that is kept, with what the stream has said of it. */
  onKept(channel: string, item: Buffer, message: BrokerMessage): void;
  /**
   * Finds out where the stream is. @param marked is called with the number of an item of the stream, when all items before it have come that this node was subscribed to before this call. It is never
   * called if the broker goes away before that
   */
  mark(marked: (number: number) => void): void;
}

/** What a node is subscribed to at the broker: one channel or one pattern. */
class Feed {
  readonly key: string;
  readonly pattern: string | null;
  readonly subscription: Subscription;
  /** Kept items with higher numbers come here; null as long as that is not known. */
  since: number | null = null;
  /** What that was before the broker was away, until it is known again. */
  before: number | null = null;
  /** Whether a client has it. */
  isHeld = false;
  /** How many look at it, whether a client has it or not. */
  lookers = 0;
  /** Wheel time at which it ends, as nobody wants it; 0 while somebody does. */
  ends = 0;
  waiting: (() => void)[] = [];

  constructor(key: string, subscription: Subscription) {
    this.key = key;
    this.pattern = patternOf(key);
    this.subscription = subscription;
  }
}

/**
 * Subscribes a node at the broker to the channels and patterns that it has clients of. An item may come by several of these subscriptions: it is taken
 * from that of its channel, else from that of the most exact pattern.
 */
export class ChannelFeed extends WheelTimer implements ChannelWatcher, AtTurnEnd, Guarded {
  readonly #broker: Broker;
  readonly #subjects: Subjects;
  readonly #sink: FeedSink;
  readonly #wheel: TimerWheel;
  readonly #counters: ClusterCounters;
  readonly #log: Log;
  readonly #lines = new LineRate();
  readonly #owner: Guarded;
  readonly #turns = new TurnQueue();
  readonly #byKey = new Map<string, Feed>();
  readonly #patterns = new PatternTrie<Feed>();
  /** Those that nobody wants, the oldest first. */
  readonly #ending = new Set<Feed>();
  /** The feeds for which no mark was asked, mostly those of this turn. */
  #fresh = new Set<Feed>();
  /** Marks that have not come back since the last restart. */
  #marks = 0;
  #restarts = 0;

  constructor(
    broker: Broker,
    subjects: Subjects,
    sink: FeedSink,
    means: {
      readonly wheel: TimerWheel;
      readonly counters: ClusterCounters;
      readonly log: Log;
      readonly owner: Guarded;
    },
  ) {
    super();
    this.#broker = broker;
    this.#subjects = subjects;
    this.#sink = sink;
    this.#wheel = means.wheel;
    this.#counters = means.counters;
    this.#log = means.log;
    this.#owner = means.owner;
  }

  /** Channels and patterns that the node is subscribed to. */
  get size(): number {
    return this.#byKey.size;
  }

  /** The names of channels that the node is subscribed to one by one. Those that come or go meanwhile may be left out. */
  *channels(): Generator<string, void> {
    for (const { key, pattern } of this.#byKey.values()) if (pattern === null) yield key;
  }

  /** The patterns that it is subscribed to, likewise. */
  *patterns(): Generator<string, void> {
    for (const { pattern } of this.#byKey.values()) if (pattern !== null) yield pattern;
  }

  channelAdded(key: string): void {
    const feed = this.#feedOf(key);
    if (feed !== null) feed.isHeld = true;
  }

  channelRemoved(key: string): void {
    const feed = this.#byKey.get(key);
    if (feed === undefined) return;
    feed.isHeld = false;
    this.#endLater(feed);
  }

  /** Subscribes to a channel or pattern, whether a client has it or not, until the result is called. */
  look(key: string): () => void {
    const feed = this.#feedOf(key);
    if (feed === null) return () => {};
    feed.lookers++;
    return () => {
      feed.lookers--;
      this.#endLater(feed);
    };
  }

  /** The number above which all kept items of a channel come here; null where that is not known, or they do not come. */
  since(channel: string): number | null {
    return this.#takerOf(channel)?.since ?? null;
  }

  /** The same for the subscription of one channel or pattern. */
  sinceOf(key: string): number | null {
    return this.#byKey.get(key)?.since ?? null;
  }

  /** What `since` was before the broker was away, the lowest of all that bring the channel, until it is known again. */
  sinceBefore(channel: string): number | null {
    let lowest: number | null = null;
    for (const feed of [this.#byKey.get(channel), ...this.#patterns.match(channel)]) {
      const before = feed?.before ?? null;
      if (before !== null) lowest = Math.min(before, lowest ?? before);
    }
    return lowest;
  }

  /** Whether `since` is known of all these that the node is subscribed to. */
  covers(keys: readonly string[]): boolean {
    return keys.every((key) => this.#byKey.get(key)?.since !== null);
  }

  /** Calls `done` when it is known, at once or later. */
  cover(keys: readonly string[], done: () => void): void {
    let left = 1;
    const one = (): void => {
      if (--left === 0) done();
    };
    for (const key of keys) {
      const feed = this.#byKey.get(key);
      if (feed === undefined || feed.since !== null) continue;
      left++;
      feed.waiting.push(one);
    }
    one();
  }

  /** The broker was away, and what was published meanwhile has not come: `since` is found out again. */
  restart(): void {
    for (const feed of this.#byKey.values()) {
      feed.before = feed.since ?? feed.before;
      feed.since = null;
    }
    this.#restarts++;
    this.#marks = 0;
    this.#fresh = new Set(this.#byKey.values());
    if (this.#fresh.size > 0) this.#turns.add(this);
  }

  onTurnEnd(): void {
    if (this.#fresh.size === 0 || this.#marks === MAX_MARKS) return;
    const fresh = this.#fresh;
    this.#fresh = new Set();
    // While the broker is away nothing can be found out: `restart` follows.
    if (!this.#broker.up) return;
    const restarts = this.#restarts;
    this.#marks++;
    this.#sink.mark((number) => {
      if (restarts === this.#restarts) this.#marks--;
      if (this.#fresh.size > 0) this.#turns.add(this);
      for (const feed of fresh) {
        feed.since = number;
        feed.before = null;
        this.#covered(feed);
      }
    });
  }

  override onTimer(): void {
    const { now } = this.#wheel;
    for (const feed of this.#ending) {
      if (feed.ends > now) {
        this.#wheel.schedule(this, feed.ends - now);
        return;
      }
      this.#end(feed);
    }
  }

  override onFault(thrown: unknown): void {
    this.#owner.onFault(thrown);
  }

  /** The subscription for a channel or pattern; null where its name has no subject. */
  #feedOf(key: string): Feed | null {
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      known.ends = 0;
      this.#ending.delete(known);
      return known;
    }
    const subject = this.#subjects.feed(key);
    if (subject === null) {
      this.#counters.channelsRefused++;
      const fields = { channel: key.slice(0, SHOWN), items: 'of this node only' };
      this.#lines.write(this.#log, 'warn', fields, 'name of a channel cannot be used in the cluster');
      return null;
    }
    const feed: Feed = new Feed(
      key,
      this.#broker.subscribe(
        subject,
        guarded(this.#owner, (message: BrokerMessage) => this.#onMessage(feed, message)),
      ),
    );
    this.#byKey.set(key, feed);
    if (feed.pattern !== null) this.#patterns.set(feed.pattern, feed);
    if (this.#fresh.size === 0) this.#turns.add(this);
    this.#fresh.add(feed);
    return feed;
  }

  #endLater(feed: Feed): void {
    if (feed.isHeld || feed.lookers > 0) return;
    feed.ends = this.#wheel.now + GRACE;
    this.#ending.add(feed);
    if (!this.waiting) this.#wheel.schedule(this, GRACE);
  }

  #end(feed: Feed): void {
    this.#ending.delete(feed);
    this.#fresh.delete(feed);
    this.#byKey.delete(feed.key);
    if (feed.pattern !== null) this.#patterns.delete(feed.pattern);
    feed.subscription.unsubscribe();
    this.#covered(feed);
  }

  #covered(feed: Feed): void {
    for (const done of feed.waiting.splice(0)) attempt(this, done);
  }

  #onMessage(feed: Feed, message: BrokerMessage): void {
    if (this.#subjects.isOfStore(message.subject)) return;
    const fed = this.#subjects.readFed(message.subject);
    if (fed !== null && !this.#isFor(feed, fed)) return;
    if (fed === null) {
      this.#counters.messagesInvalid++;
      return;
    }
    this.#counters.itemsReceived++;
    if (fed.kept) this.#sink.onKept(fed.channel, copiedItem(message.data), message);
    else this.#sink.onItem(fed.channel, itemOfMessage(message.data));
  }

  /** Whether an item is taken from this subscription, of all that bring it. */
  #isFor(feed: Feed, { channel }: FedSubject): boolean {
    if (feed.pattern === null) return feed.key === channel && (feed.since !== null || this.#takerOf(channel) === feed);
    return matchesPattern(feed.pattern, channel) && this.#takerOf(channel) === feed;
  }

  /** The subscription from which items of a channel are taken: if there are several, one that the broker is known to have. */
  #takerOf(channel: string): Feed | undefined {
    const exact = this.#byKey.get(channel);
    if (exact !== undefined && exact.since !== null) return exact;
    const patterns = this.#patterns.match(channel);
    return patterns.find(({ since }) => since !== null) ?? exact ?? patterns[0];
  }
}
