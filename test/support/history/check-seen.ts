import assert from 'node:assert/strict';
import { type Cursor, parseCursor } from '../../../src/history/index.ts';
import type { ModelClient, Seen } from './model-client.ts';
import type { ModelPublisher } from './model-publisher.ts';

/** Where a client is on one channel. */
interface Place {
  cursor: Cursor | null;
  /** The last item that it has; -1 for none. */
  item: number;
}

/** Compares what clients have seen with each other and with what was published. */
export class SeenCheck {
  readonly #publisher: ModelPublisher;
  /** Cursors of items, as all clients have to see them. */
  readonly #cursors = new Map<number, string>();
  readonly #items = new Map<string, number>();
  /** Items of a channel in an epoch that somebody has seen, and their numbers. */
  readonly #existing = new Map<string, { readonly item: number; readonly number: number }[]>();
  gaps = 0;
  items = 0;

  constructor(publisher: ModelPublisher, clients: readonly ModelClient[]) {
    this.#publisher = publisher;
    for (const { seen, name } of clients) for (const each of seen) this.#learn(each, name);
    for (const list of this.#existing.values()) list.sort((one, other) => one.number - other.number);
  }

  /** Every item that any client has seen. */
  get known(): ReadonlySet<number> {
    return new Set(this.#cursors.keys());
  }

  /**
   * The client has got each item of its channels once and in order, from where it began to where it is, but for gaps that it was told of.
   * @param fewest items of a channel that were kept at least. Whoever has missed fewer, while nothing got lost, must not be told of a gap
   */
  check({ seen, channels, name }: ModelClient, fewest: number): void {
    const places = new Map<string, Place>();
    const start = (): void => {
      for (const channel of channels) places.set(channel, { cursor: null, item: -1 });
    };
    let losses = 0;
    for (const [at, each] of seen.entries()) {
      const say = (what: string): string => {
        const before = JSON.stringify(seen.slice(Math.max(0, at - 12), at + 5), (_, value) =>
          value instanceof Map ? [...value].join(' ') : value,
        );
        return `${name} (${channels}): ${what}, at ${at} of ${before}`;
      };
      if (each.kind === 'back') continue;
      if (each.kind === 'new') start();
      else if (each.kind === 'at') {
        const cursor = parseCursor(each.cursor) ?? assert.fail(say('no cursor'));
        for (const [channel, place] of places) this.#move(channel, place, cursor, say);
      } else if (each.kind === 'item') {
        this.items++;
        const { item } = each;
        const channel = this.#publisher.channelOf(item) ?? '';
        const place = places.get(channel) ?? assert.fail(say('an item of another channel'));
        assert.ok(item > place.item, say(`item ${item} after item ${place.item}`));
        const text = each.cursor ?? this.#cursors.get(item);
        place.item = item;
        if (text === undefined) continue;
        const cursor = parseCursor(text) ?? assert.fail(say('no cursor'));
        for (const [other, its] of places) {
          if (other === channel) this.#move(channel, its, { ...cursor, number: cursor.number - 1 }, say);
          this.#move(other, its, cursor, say);
        }
      } else {
        this.gaps++;
        const missed = channels.map((channel) => (each.published.get(channel) ?? 0) - this.#hadOf(places.get(channel)));
        const isWarranted = each.losses > losses || missed.some((count) => count > fewest);
        assert.ok(isWarranted, say(`a gap, but only ${missed} items were missed`));
        const told = each.channels.flatMap((channel) => (channel.includes('*') ? channels : [channel]));
        for (const channel of told) {
          const place = places.get(channel) ?? assert.fail(say(`a gap of ${channel}`));
          place.cursor = null;
        }
        losses = each.losses;
      }
    }
  }

  #hadOf(place: Place | undefined): number {
    return place === undefined || place.item < 0 ? 0 : this.#publisher.placeOf(place.item) + 1;
  }

  /** Nothing is between the place and the cursor to which it moves. */
  #move(channel: string, place: Place, cursor: Cursor, say: (what: string) => string): void {
    const { cursor: from } = place;
    place.cursor = cursor;
    if (from === null) return;
    assert.equal(cursor.epoch, from.epoch, say(`another epoch without a gap of ${channel}`));
    assert.ok(cursor.number >= from.number, say(`back from ${from.number} to ${cursor.number}`));
    const isMissed = ({ number, item }: { number: number; item: number }): boolean =>
      number > from.number && number <= cursor.number && item > place.item;
    const missed = this.#existing.get(`${channel} ${cursor.epoch}`)?.filter(isMissed) ?? [];
    assert.deepEqual(missed, [], say(`items of ${channel} are missing`));
  }

  #learn(each: Seen, name: string): void {
    if (each.kind !== 'item' || each.cursor === null) return;
    const { item, cursor } = each;
    assert.equal(this.#cursors.get(item) ?? cursor, cursor, `${name}: item ${item} has one cursor`);
    assert.equal(this.#items.get(cursor) ?? item, item, `${name}: cursor ${cursor} has one item`);
    if (this.#cursors.has(item)) return;
    const { epoch, number } = parseCursor(cursor) ?? assert.fail(`${name}: item ${item} has the cursor ${cursor}`);
    this.#cursors.set(item, cursor);
    this.#items.set(cursor, item);
    const key = `${this.#publisher.channelOf(item)} ${epoch}`;
    const list = this.#existing.get(key);
    if (list === undefined) this.#existing.set(key, [{ item, number }]);
    else list.push({ item, number });
  }
}
