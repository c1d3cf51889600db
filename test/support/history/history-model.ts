import assert from 'node:assert/strict';
import {
  type ChannelLimits,
  type Cursor,
  type HistoryStore,
  LOST_CURSOR,
  type ReadResult,
} from '../../../src/history/index.ts';
import type { SeededRandom } from '../seeded-random.ts';

/** Limits that let nothing go. */
export const ALL: ChannelLimits = {
  items: Number.POSITIVE_INFINITY,
  age: Number.POSITIVE_INFINITY,
  bytes: Number.POSITIVE_INFINITY,
};

/** An item as the model knows it. */
export interface ModelItem {
  readonly number: number;
  readonly channel: string;
  readonly bytes: Buffer;
  readonly time: number;
}

/** What a channel keeps, as plainly as it can be said. */
class ModelChannel {
  kept: ModelItem[] = [];
  floor = 0;
  keep: ChannelLimits = ALL;

  trim(now: number): void {
    const { items, bytes, age } = this.keep;
    const isBeyond = (): boolean =>
      this.kept.length > items ||
      this.kept.reduce((sum, item) => sum + spaceOf(item), 0) > bytes ||
      (this.kept[0]?.time ?? now) < now - age * 1_000;
    while (this.kept.length > 0 && isBeyond()) this.floor = this.kept.shift()?.number ?? 0;
  }
}

/** Bytes of an item in the log. */
export function spaceOf({ channel, bytes }: Pick<ModelItem, 'channel' | 'bytes'>): number {
  return Math.ceil((36 + Buffer.byteLength(channel) + bytes.length) / 8) * 8;
}

/** Says what a store has to answer: publishes by random, and compares. */
export class HistoryModel {
  /** All that was stored, in the order of numbers. */
  readonly items: ModelItem[] = [];
  /** All that was appended, stored or not, by number. */
  readonly published = new Map<number, string>();
  now = 1_000_000;
  store: HistoryStore;
  readonly #random: SeededRandom;
  readonly #channels = new Map<string, ModelChannel>();

  /** @param store one that has nothing yet and reads its time from `now` */
  constructor(random: SeededRandom, store: HistoryStore) {
    this.#random = random;
    this.store = store;
  }

  channel(name: string): ModelChannel {
    const known = this.#channels.get(name);
    if (known !== undefined) return known;
    const channel = new ModelChannel();
    this.#channels.set(name, channel);
    return channel;
  }

  /** Publishes items of random sizes to random channels. Resolves once they are stored. */
  publish(names: readonly string[], keep: ChannelLimits, count: number, largest = 300): Promise<void> {
    const time = this.now;
    const entries = Array.from({ length: count }, () => {
      const bytes = this.#random.bytes(this.#random.below(largest));
      return { channel: this.#random.pick(names), bytes, keep };
    });
    const first = this.store.last + 1;
    for (const [i, { channel, bytes }] of entries.entries()) {
      this.published.set(first + i, plain({ number: first + i, channel, bytes, time }));
    }
    return new Promise((resolve) => {
      this.store.append(entries, (first) => {
        for (const [i, { channel, bytes }] of entries.entries()) {
          const item = { number: first + i, channel, bytes, time };
          assert.ok(item.number > (this.items.at(-1)?.number ?? 0), 'numbers go up');
          this.items.push(item);
          const known = this.channel(channel);
          known.keep = keep;
          known.kept.push(item);
          known.trim(time);
        }
        resolve();
      });
    });
  }

  trim(name: string, keep: ChannelLimits): void {
    const channel = this.channel(name);
    channel.keep = keep;
    channel.trim(this.now);
    this.store.trim(name, keep);
  }

  clear(name: string): void {
    const channel = this.channel(name);
    channel.floor = Math.max(channel.floor, channel.kept.at(-1)?.number ?? 0);
    channel.kept = [];
    this.store.clear(name);
  }

  /** The answer to a query. */
  read(
    channels: readonly string[],
    after: Cursor | null,
    limits: { limit?: number; reverse?: boolean } = {},
  ): ReadResult {
    let result: ReadResult | undefined;
    this.store.read({ channels, after, ...limits }, (answer) => {
      result = answer;
    });
    assert.ok(result !== undefined, 'the answer comes at once');
    return result;
  }

  /** A cursor that a client of this store may have. */
  randomCursor(): Cursor {
    return { epoch: this.store.epoch, number: this.#random.below(this.store.head + 1) };
  }

  /** An answer is all that was published since the cursor, or nothing. Returns whether it was recovered. */
  checkSound(channels: readonly string[], after: Cursor): boolean {
    const { recovered, gaps, items, head, more } = this.read(channels, after);
    assert.equal(more, false);
    assert.equal(head, this.store.head);
    if (!recovered) {
      assert.deepEqual(items, []);
      assert.ok(gaps.length > 0);
      return false;
    }
    assert.deepEqual(gaps, []);
    const expected = this.items.filter(({ number, channel }) => number > after.number && channels.includes(channel));
    assert.deepEqual(items.map(plain), expected.map(plain));
    return true;
  }

  /** An answer is exactly the one that the limits of channels lead to. */
  checkExact(channels: readonly string[], after: Cursor): void {
    for (const name of channels) this.channel(name).trim(this.now);
    const isLost = (name: string): boolean => this.channel(name).floor > after.number;
    const isMissed = (name: string): boolean => this.channel(name).kept.some(({ number }) => number > after.number);
    const gaps = channels.some(isLost) ? channels.filter((name) => isLost(name) || isMissed(name)) : [];
    assert.equal(this.checkSound(channels, after), gaps.length === 0);
    assert.deepEqual(this.read(channels, after).gaps, gaps);
    assert.deepEqual(this.read(channels, LOST_CURSOR).gaps, channels);
    const limit = 1 + this.#random.below(20);
    for (const reverse of [false, true]) {
      const kept = channels.flatMap((name) => this.channel(name).kept).sort((one, other) => one.number - other.number);
      if (reverse) kept.reverse();
      const { items, more } = this.read(channels, null, { limit, reverse });
      assert.deepEqual(items.map(plain), kept.slice(0, limit).map(plain));
      assert.equal(more, kept.length > limit);
    }
  }
}

/** The same with texts, which are compared faster. */
export function plain({ number, channel, bytes, time }: ModelItem): string {
  return `${number} ${channel} ${time} ${bytes.toString('latin1')}`;
}
