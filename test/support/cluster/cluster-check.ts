import assert from 'node:assert/strict';
import { type Cursor, parseCursor } from '../../../src/history/index.ts';
import type { ModelClient, Seen } from '../history/model-client.ts';
import type { ClusterItem, ClusterPublisher } from './cluster-publisher.ts';
import type { NoticedLosses } from './noticed-losses.ts';

/** Compares what clients of a cluster have seen with each other and with what was published. */
export class ClusterCheck {
  gaps = 0;
  /** Connections that ended after something got lost between brokers, and before that was noticed. */
  unnoticed = 0;
  /** What a client has missed of its channels, and was not told of yet: the number of the first item, and a text for people. */
  readonly #owed = new Map<string, readonly [number: number, text: string]>();
  items = 0;
  /**
   * What the broker has published and then not kept, for people: an item with a number that the stream has for another item, or for none. It happens, seldom, when the servers of NATS stop and go on while they choose a leader. What nodes
   * and clients do after that is not what they promise, since a stream never takes back a number.
   */
  readonly takenBack: string[] = [];
  readonly #stored: ReadonlySet<string>;
  readonly #publisher: ClusterPublisher;
  /** Items that are kept of each channel that has a history. */
  readonly #kept: ReadonlyMap<string, number>;
  readonly #losses: NoticedLosses;
  /** Numbers of items with a history, as all clients have to see them. */
  readonly #numbers = new Map<number, number>();
  /** Items of a channel that somebody has seen, or that are in the stream, in the order of their numbers. */
  readonly #known = new Map<string, { readonly item: number; readonly number: number }[]>();
  #epoch = '';

  /** @param stored what the stream has in the end */
  constructor(
    publisher: ClusterPublisher,
    clients: readonly Pick<ModelClient, 'seen' | 'name'>[],
    stored: readonly Seen[],
    kept: ReadonlyMap<string, number>,
    losses: NoticedLosses,
  ) {
    this.#publisher = publisher;
    this.#kept = kept;
    this.#losses = losses;
    const items = new Map<number, number>();
    this.#stored = new Set(stored.map((each) => (each.kind === 'item' ? `${each.item} ${each.cursor}` : '')));
    const stream = { name: 'the stream', seen: stored };
    for (const { seen, name } of [stream, ...clients]) for (const each of seen) this.#learn(each, name, items);
    for (const list of this.#known.values()) list.sort((one, other) => one.number - other.number);
  }

  /**
   * What was accepted for channels with a history is kept, if its publisher has waited for that, or if its node was not killed. The items of a publisher are in its order, if it has waited, or if
   * it has published them at the same run of the same node.
   * @param killed runs of nodes
   */
  checkAccepted(killed: ReadonlySet<string>): void {
    const { items } = this.#publisher;
    const before = new Map<string, number>();
    for (const [item, { channel, by, at, cursor }] of items.entries()) {
      if (!this.#kept.has(channel) || at === null) continue;
      const number = this.#numbers.get(item);
      const say = (what: string): string => this.#told(item, what);
      if (number === undefined) {
        // Of channels with few items it may be gone before somebody has read it.
        const isKept = items.length <= (this.#kept.get(channel) ?? 0);
        const isSeen = isKept && (cursor !== null || !killed.has(at));
        assert.ok(!isSeen, say('was accepted, and is lost'));
        continue;
      }
      if (cursor !== null)
        assert.equal(number, this.#numberOf(cursor, say), say('has the number that its publisher was told'));
      const [own, all] = [`${by} ${channel} ${at}`, `${by} ${channel}`];
      const earlier = Math.max(before.get(own) ?? 0, before.get(all) ?? 0);
      assert.ok(number > earlier, say(`has the number ${number}, but an earlier one of its publisher ${earlier}`));
      before.set(cursor === null ? own : all, number);
    }
  }

  /** The client has got each item of its channels with a history once and in order, but for gaps that it was told of; of the others each at most once, in the order of their publishers. */
  check({ seen, channels, name }: ModelClient): void {
    const places = new Map<string, number | null>();
    let unkept = new UnkeptCheck(this.#publisher, this.#losses);
    /** When it has come, and when it was told of a gap of a channel. */
    let since = 0;
    const told = new Map<string, number>();
    /** Whether it has just come back, and was not told where it is. */
    let isBack = false;
    for (const [at, each] of seen.entries()) {
      const say = (what: string): string => `${name} (${channels}): ${what}, at ${at} of ${shown(seen, at)}`;
      if (each.kind === 'new' || each.kind === 'back') {
        this.#excuse(each.left);
        since = each.time;
        unkept = new UnkeptCheck(this.#publisher, this.#losses);
        isBack = true;
        if (each.kind === 'back') goBack(places, this.#numberOf(each.cursor, say));
        else for (const channel of channels) if (this.#kept.has(channel)) places.set(channel, null);
      } else if (each.kind === 'at') {
        isBack = false;
        this.#moveOn(places, this.#numberOf(each.cursor, say), say);
      } else if (each.kind === 'item') {
        this.items++;
        const channel = this.#publisher.channelOf(each.item) ?? '';
        assert.ok(channels.includes(channel), say(`item ${each.item} is of another channel`));
        if (this.#kept.has(channel)) this.#take(places, channel, each, say);
        else unkept.take(channel, each.item, say);
      } else {
        this.gaps++;
        const named = each.channels.flatMap((channel) => (channel.includes('*') ? channels : [channel]));
        const lost = named.filter((channel) => this.#kept.has(channel));
        // What got lost on its way while the client was there it may have gone beyond. When it comes back everything can be read.
        const before = Math.max(0, ...lost.map((channel) => told.get(channel) ?? 0));
        const isLoss =
          this.#losses.fails(since, each.time) || (!isBack && this.#losses.tells(lost, since, before, each.time));
        const missed = [...places].map(([channel, place]) => [channel, this.#missed(channel, place, each)] as const);
        const isBeyond = missed.some(([channel, count]) => count > (this.#kept.get(channel) as number));
        assert.ok(
          lost.length === 0 || isLoss || isBeyond,
          say(`a gap of ${lost}, but only ${missed.join(' ')} were missed`),
        );
        for (const channel of lost) {
          told.set(channel, each.time);
          places.set(channel, null);
          this.#owed.delete(channel);
        }
      }
    }
    const owed = [...this.#owed.values()].map(([, text]) => text);
    assert.deepEqual(owed, [], `${name} has missed items and was not told`);
    this.#owed.clear();
  }

  /** A client has left that was not told of what it has missed: the cursor that it takes with it is beyond that, since its node has not noticed yet what got lost. */
  #excuse(left: number): void {
    if (this.#owed.size > 0) this.unnoticed++;
    for (const [channel, [number, text]] of this.#owed) {
      assert.ok(this.#losses.excuses(channel, number, left), `${text}, and no node has noticed it`);
    }
    this.#owed.clear();
  }

  /** How many items a client has not had, of those that were published when it was told of a gap. */
  #missed(channel: string, place: number | null, { published }: Extract<Seen, { kind: 'gap' }>): number {
    const had = this.#known.get(channel)?.filter(({ number }) => number <= (place ?? 0)).length ?? 0;
    return (published.get(channel) ?? 0) - had;
  }

  #take(places: Map<string, number | null>, channel: string, { item, place = null }: SeenItem, say: Say): void {
    const number = this.#numbers.get(item);
    // Only clients that poll have seen it, among others.
    if (number === undefined) return;
    this.#move(places, channel, number - 1, say);
    places.set(channel, number);
    if (place === null) for (const other of places.keys()) this.#move(places, other, number, say);
    else this.#moveOn(places, this.#numberOf(place, say), say);
  }

  /** It goes on from this number, and has been beyond it in some channels. */
  #moveOn(places: Map<string, number | null>, number: number, say: Say): void {
    for (const [channel, place] of places) if ((place ?? 0) <= number) this.#move(places, channel, number, say);
  }

  /** Nothing is between the place and the number to which it moves. */
  #move(places: Map<string, number | null>, channel: string, to: number, say: Say): void {
    const from = places.get(channel) ?? null;
    places.set(channel, to);
    if (from === null) return;
    assert.ok(to >= from, say(`back from ${from} to ${to}`));
    const missed = this.#known.get(channel)?.filter(({ number }) => number > from && number <= to) ?? [];
    // What got lost between brokers is noticed when the next item of the channel comes, or soon after that.
    const [first] = missed;
    if (first === undefined || this.#owed.has(channel)) return;
    this.#owed.set(channel, [first.number, say(`items of ${channel} are missing: ${JSON.stringify(missed)}`)]);
  }

  #learn(each: Seen, name: string, items: Map<number, number>): void {
    if (each.kind !== 'item') return;
    const { item, cursor, place = null } = each;
    const channel = this.#publisher.channelOf(item) ?? '';
    const told = cursor ?? place;
    if (!this.#kept.has(channel) || told === null) return;
    const number = this.#numberOf(told, (what) => `${name}: item ${item}: ${what}`);
    const isWhole = this.#publisher.items.length <= (this.#kept.get(channel) ?? 0);
    const isStored = cursor === null ? number <= (this.#numbers.get(item) ?? 0) : this.#stored.has(`${item} ${cursor}`);
    if (isWhole && !isStored) {
      this.takenBack.push(
        this.#told(item, `had the number ${number}, says ${name}, and does not have it in the stream`),
      );
      return;
    }
    if (cursor === null) return;
    assert.equal(this.#numbers.get(item) ?? number, number, this.#told(item, `has one number, says ${name}`));
    assert.equal(
      items.get(number) ?? item,
      item,
      this.#told(item, `is not the one with the number ${number}, says ${name}`),
    );
    if (this.#numbers.has(item)) return;
    this.#numbers.set(item, number);
    items.set(number, item);
    const list = this.#known.get(channel);
    if (list === undefined) this.#known.set(channel, [{ item, number }]);
    else list.push({ item, number });
  }

  #told(item: number, what: string): string {
    const { channel, how } = this.#publisher.items[item] as ClusterItem;
    return `item ${item} of ${channel} (${how.join(', ')}) ${what}`;
  }

  #numberOf(text: string, say: Say): number {
    const { epoch, number }: Cursor = parseCursor(text) ?? assert.fail(say(`${text} is no cursor`));
    this.#epoch ||= epoch;
    assert.equal(epoch, this.#epoch, say('another epoch'));
    return number;
  }
}

type Say = (what: string) => string;

type SeenItem = Extract<Seen, { kind: 'item' }>;

/** What it has had beyond the number from which it goes on may come again. */
function goBack(places: Map<string, number | null>, number: number): void {
  for (const [channel, place] of places) if (place !== null && place > number) places.set(channel, number);
}

/** The items of channels without a history on one connection. */
class UnkeptCheck {
  readonly #publisher: ClusterPublisher;
  readonly #losses: NoticedLosses;
  readonly #seen = new Set<number>();
  readonly #lasts = new Map<string, number>();

  constructor(publisher: ClusterPublisher, losses: NoticedLosses) {
    this.#publisher = publisher;
    this.#losses = losses;
  }

  take(channel: string, item: number, say: Say): void {
    const { by, at, time, repeated, how } = this.#publisher.items[item] ?? assert.fail(say('no such item'));
    // A request that is refused leaves its key unused, and the items without a history of one that was given up in the middle are out already: nothing but ids removes them.
    // Core NATS has one order for each way that messages take. When a node loses its broker it has another way, by which what it had may come again, and what was before that later.
    const isOnOtherWay = this.#losses.mayOvertake(time);
    assert.ok(repeated || isOnOtherWay || !this.#seen.has(item), say(`item ${item} (${how.join(', ')}) comes twice`));
    this.#seen.add(item);
    // One that was not accepted may have gone another way, and so may one that went through another node.
    if (at === null || repeated) return;
    const key = `${by} ${at} ${channel}`;
    const last = this.#lasts.get(key) ?? -1;
    assert.ok(item > last || isOnOtherWay, say(`item ${item} of ${channel} (${how.join(', ')}) after ${last}`));
    this.#lasts.set(key, Math.max(last, item));
  }
}

function shown(seen: readonly Seen[], at: number): string {
  const around = seen.slice(Math.max(0, at - 12), at + 5);
  return JSON.stringify(around, (_, value) => (value instanceof Map ? [...value].join(' ') : value));
}
