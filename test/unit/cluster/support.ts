import type { TestContext } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { Broker, type BrokerMessage } from '../../../src/cluster/broker.ts';
import { ChannelFeed } from '../../../src/cluster/channel-feed.ts';
import { JetStreamStore } from '../../../src/cluster/store/jetstream-store.ts';
import { PositionAnnouncer } from '../../../src/cluster/store/position-announcer.ts';
import type { StreamSettings } from '../../../src/cluster/stream-settings.ts';
import { Subjects } from '../../../src/cluster/subjects.ts';
import { ClusterCounters } from '../../../src/exchange/index.ts';
import type { ChannelLimits, Cursor, KeptItem, ReadQuery, ReadResult } from '../../../src/history/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import type { NatsServer } from '../../support/nats.ts';

/** Limits of channels that nothing exceeds. */
export const KEEP: ChannelLimits = { items: 1_000, age: 3_600, bytes: Number.POSITIVE_INFINITY };

/** The text of an item that gets lost on its way to a node. */
export const DROPPED = 'dropped';

/** From now on nodes do not announce what they append. They do that after 2 s, which may be before a test on a slow machine goes on. */
export function announceNothing(t: TestContext): void {
  t.mock.method(PositionAnnouncer.prototype, 'note', () => {});
}

export function settingsOf(settings: Partial<StreamSettings> = {}): StreamSettings {
  return { replicas: 1, maxBytes: 67_108_864, largest: () => KEEP, ...settings };
}

const owner = {
  onFault: (thrown: unknown): void => {
    throw thrown;
  },
};

/** What a store of a test may have otherwise. */
export interface NodeOptions {
  readonly settings?: Partial<StreamSettings>;
  readonly limitsOf?: (channel: string) => ChannelLimits | null;
  readonly rules?: string;
}

/** A node's store on a real broker, with its subscriptions, and what has come to it. */
export class StoreNode {
  readonly items: { readonly channel: string; readonly text: string; readonly number: number }[] = [];
  readonly lost: string[] = [];
  /** From where on items are in the store only, each time that the broker was away. */
  readonly backs: number[] = [];
  readonly store: JetStreamStore;
  readonly feed: ChannelFeed;
  readonly broker: Broker;
  readonly log: FakeLog;
  readonly counters: ClusterCounters;
  #waits: (() => void)[] = [];

  private constructor(
    store: JetStreamStore,
    feed: ChannelFeed,
    broker: Broker,
    log: FakeLog,
    counters: ClusterCounters,
  ) {
    this.store = store;
    this.feed = feed;
    this.broker = broker;
    this.log = log;
    this.counters = counters;
    store.onItems = (items) => {
      for (const item of items) this.items.push(shown(item));
      this.#changed();
    };
    store.onBack = (from) => {
      this.backs.push(from);
      this.#changed();
    };
    store.onLost = (channel) => {
      this.lost.push(channel);
      this.#changed();
    };
  }

  static async open(t: TestContext, { url }: NatsServer, options: NodeOptions = {}): Promise<StoreNode> {
    const [log, counters, wheel, subjects] = [
      new FakeLog(),
      new ClusterCounters(),
      new TimerWheel(),
      new Subjects('test'),
    ];
    t.after(() => wheel.stop());
    const broker = await Broker.connect({ servers: [url], name: 'node', access: {}, tls: null, log });
    t.after(() => broker.close());
    const settings = settingsOf(options.settings);
    const store = await JetStreamStore.open({
      broker,
      subjects,
      protocol: { version: 1 },
      settings,
      wheel,
      log,
      clusterCounters: counters,
      owner,
    });
    const sink = {
      onItem: () => {},
      onKept: (channel: string, item: Buffer, message: BrokerMessage): void => {
        if (item.toString() !== DROPPED) store.onKept(channel, item, message);
      },
      mark: store.mark.bind(store),
    };
    const feed = new ChannelFeed(broker, subjects, sink, { wheel, counters, log, owner });
    broker.watch({ onUp: () => feed.restart(), onDown: () => {} });
    store.feed = feed;
    const { rules = 'all', limitsOf = () => KEEP } = options;
    store.setRules(rules, limitsOf);
    // Until the stream knows them.
    await new Promise((resolve) => store.append([], resolve));
    return new StoreNode(store, feed, broker, log, counters);
  }

  /** Subscribes the node to channels, and waits until all of their items come. */
  async subscribe(...channels: string[]): Promise<void> {
    for (const channel of channels) this.feed.channelAdded(channel);
    await this.cover(...channels);
  }

  cover(...keys: string[]): Promise<Cursor | null> {
    return new Promise((resolve) => this.store.cover(keys, resolve));
  }

  /** Appends items. @returns their numbers */
  append(channel: string, ...texts: string[]): Promise<readonly number[]> {
    const items = texts.map((text) => ({ channel, id: null, bytes: Buffer.from(text), keep: KEEP }));
    return new Promise((resolve) => this.store.append(items, resolve));
  }

  /** Appends an item with an id. @returns its number */
  async appendOnce(channel: string, id: string, text: string): Promise<number> {
    const [number] = await new Promise<readonly number[]>((resolve) =>
      this.store.append([{ channel, id, bytes: Buffer.from(text), keep: KEEP }], resolve),
    );
    return number as number;
  }

  /** What a query is answered. */
  read(query: ReadQuery): Promise<ReadResult> {
    return new Promise((resolve) => this.store.read(query, resolve));
  }

  /** What a client gets that has everything of a channel up to this number: the texts, or `gap`. */
  async after(number: number, ...channels: string[]): Promise<string> {
    const result = await this.read({ channels, after: { epoch: this.store.epoch, number } });
    return result.recovered ? texts(result.items) : `gap ${result.gaps.join(' ')}`;
  }

  /** All that is kept of a channel. */
  async kept(channel: string): Promise<string> {
    return texts((await this.read({ channels: [channel], after: null })).items);
  }

  /** Waits until something holds of what has come. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waits.push(resolve));
  }

  /** The texts that have come, in their order. */
  get texts(): string {
    return this.items.map(({ text }) => text).join(' ');
  }

  #changed(): void {
    const waits = this.#waits;
    this.#waits = [];
    for (const resolve of waits) resolve();
  }
}

export function texts(items: readonly KeptItem[]): string {
  return items.map((item) => shown(item).text).join(' ');
}

function shown({ channel, bytes, number }: KeptItem): { channel: string; text: string; number: number } {
  return { channel, text: bytes.toString(), number };
}
