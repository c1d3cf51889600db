import type { PublishItem } from '../codec/grip/index.ts';
import type { Admitted } from './admission.ts';
import type { Channel } from './channel.ts';
import { Expiry } from './expiry.ts';
import type { HubRoom } from './hub-room.ts';
import { itemCost } from './item-cost.ts';
import { isKept } from './kept-channels.ts';
import type { KnownStay } from './presence-table.ts';
import { SeenIds } from './seen-ids.ts';

/**
 * Items of one channel that wait for an item before them (GRIP).
 * @bound hub-early-items
 */
export const MAX_EARLY_ITEMS = 100;

/**
 * Bytes of such items of all channels. Beyond it the oldest are delivered, as if they had waited long enough.
 * @bound hub-early-bytes
 */
export const MAX_EARLY_BYTES = 16_777_216;

/** An item that came before the one that it follows. */
interface EarlyItem {
  readonly item: PublishItem;
  readonly prevId: string;
  readonly channel: Channel;
  readonly cost: number;
  /** Wheel time at which it waits no longer, in milliseconds. */
  readonly expires: number;
}

/** What it takes to admit and to order the items. */
export interface Sequence extends Admitted {
  /** Keys of the ids that were seen, each with the milliseconds for which it is remembered, oldest first. */
  readonly seen: Iterable<readonly [string, number]>;
  /** Items that wait for one before them, each with the milliseconds for which it waits, oldest first. */
  readonly early: readonly { readonly item: PublishItem; readonly left: number }[];
  /** By the names of channels. */
  readonly lastIds: ReadonlyMap<string, string>;
  /** Who is there, as the presence table knows it; null where that goes on elsewhere. */
  readonly stays: readonly KnownStay[] | null;
}

/** What a sequencer needs of its hub. */
export type SequencerRoom = Pick<HubRoom, 'channels' | 'counters' | 'history' | 'limits' | 'wheel' | 'log'>;

/**
 * Brings items into the order of their ids before they are delivered (GRIP §8): drops an item that was published before, and keeps one
 * whose `prev-id` is not the last id of its channel until the item between comes, or `message_wait` is over.
 */
export class Sequencer {
  readonly #room: SequencerRoom;
  readonly #deliver: (items: readonly PublishItem[]) => void;
  readonly #seen: SeenIds;
  readonly #expiry: Expiry;
  /** Early items by channel and by the id that they wait for. */
  readonly #early = new Map<Channel, Map<string, EarlyItem>>();
  /** The same in the order in which they came. */
  readonly #queue = new Set<EarlyItem>();
  #bytes = 0;

  /** @param deliver takes the items in the order in which they are to be delivered */
  constructor(
    room: SequencerRoom,
    deliver: (items: readonly PublishItem[]) => void,
    onFault: (thrown: unknown) => void,
  ) {
    this.#room = room;
    this.#deliver = deliver;
    this.#seen = new SeenIds(room.wheel, onFault);
    this.#expiry = new Expiry(() => this.#expire(), onFault);
  }

  /** Nothing waits here any more: another brings it into order. */
  release(): Pick<Sequence, 'seen' | 'early'> {
    const { now } = this.#room.wheel;
    const early = Array.from(this.#queue, ({ item, expires }) => ({ item, left: Math.max(0, expires - now) }));
    this.#queue.clear();
    this.#early.clear();
    this.#bytes = 0;
    return { seen: this.#seen.entries(), early };
  }

  /** Goes on where another has stopped. */
  goOn(seen: Sequence['seen'], early: Sequence['early']): void {
    for (const [key, left] of seen) this.#seen.noteKey(key, left);
    for (const { item, left } of early) {
      const channel = this.#room.channels.get(item.channel);
      if (channel !== undefined && isEarly(item, channel)) this.#keep(item, channel, left);
      else this.#deliver([item]);
    }
  }

  /** Items that wait for an item before them. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Whether an item with this id would be dropped as repeated. */
  isRepeated({ channel, id }: Pick<PublishItem, 'channel' | 'id'>): boolean {
    return id !== null && this.#seen.has(channel, id);
  }

  add(items: readonly PublishItem[]): void {
    const { channels, counters, limits } = this.#room;
    // The list itself goes on as long as nothing is taken out of it or put between.
    let ordered: PublishItem[] | null = null;
    for (let i = 0; i < items.length; i++) {
      const item = items[i] as PublishItem;
      if (item.id !== null && this.#seen.note(item.channel, item.id, limits.current.idCacheTtl)) {
        counters.itemsRepeated++;
        ordered ??= items.slice(0, i);
        continue;
      }
      const channel = item.noSeq ? undefined : channels.get(item.channel);
      if (channel !== undefined && isEarly(item, channel)) {
        ordered ??= items.slice(0, i);
        if (this.#mayWait(item, channel, ordered)) {
          this.#keep(item, channel);
          continue;
        }
      }
      ordered?.push(item);
      if (channel === undefined) continue;
      channels.setLastId(channel.name, item.id);
      if (this.#early.size > 0 && this.#early.has(channel)) {
        ordered ??= items.slice(0, i + 1);
        this.#follow(channel, ordered);
      }
    }
    this.#boundBytes();
    this.#pass(ordered ?? items);
  }

  /** These items are delivered now, in the order of all nodes. What waits for one of them follows it. */
  note(items: readonly PublishItem[]): void {
    for (const { channel: name, id, noSeq } of items) {
      const channel = noSeq ? undefined : this.#room.channels.get(name);
      if (channel === undefined) continue;
      this.#room.channels.setLastId(name, id);
      if (!this.#early.has(channel)) continue;
      const following: PublishItem[] = [];
      this.#follow(channel, following);
      this.#pass(following);
    }
  }

  /** These items were not published after all: others with their ids are no repeats. */
  forget(items: readonly PublishItem[]): void {
    for (const { channel, id } of items) if (id !== null) this.#seen.forget(channel, id);
  }

  /** Delivers all that waits, in the order in which it came. */
  flush(): void {
    const items = [...this.#queue].map((early) => early.item);
    this.#queue.clear();
    this.#early.clear();
    this.#bytes = 0;
    this.#pass(items);
  }

  #pass(items: readonly PublishItem[]): void {
    if (items.length > 0) this.#deliver(items);
  }

  /** Whether an early item waits, or is dropped. Items of a channel with a history are never dropped for their order. One is delivered instead, as if it had waited long enough: the oldest where too many wait, or the item itself. */
  #mayWait(item: PublishItem, channel: Channel, ordered: PublishItem[]): boolean {
    const ofChannel = this.#early.get(channel);
    if (ofChannel === undefined || !isKept(this.#room, channel.name)) return true;
    if (ofChannel.has(item.prevId as string)) return false;
    if (ofChannel.size < MAX_EARLY_ITEMS) return true;
    const oldest = ofChannel.values().next().value as EarlyItem;
    this.#take(oldest);
    ordered.push(oldest.item);
    this.#room.channels.setLastId(channel.name, oldest.item.id);
    this.#follow(channel, ordered);
    return isEarly(item, channel);
  }

  #keep(item: PublishItem, channel: Channel, wait = this.#room.limits.current.messageWait * 1_000): void {
    const { wheel, counters, log } = this.#room;
    const prevId = item.prevId as string;
    let ofChannel = this.#early.get(channel);
    if (ofChannel === undefined) {
      ofChannel = new Map();
      this.#early.set(channel, ofChannel);
    }
    if (ofChannel.has(prevId) || ofChannel.size >= MAX_EARLY_ITEMS) {
      counters.itemsOutOfOrder++;
      const reason = ofChannel.has(prevId) ? 'another item waits for the same prev-id' : 'too many items wait';
      log.info({ channel: channel.name, id: item.id, prevId, reason }, 'item out of order dropped');
      return;
    }
    const cost = itemCost(item);
    const early = { item, prevId, channel, cost, expires: wheel.now + wait };
    ofChannel.set(prevId, early);
    this.#queue.add(early);
    this.#bytes += cost;
    if (!this.#expiry.waiting) wheel.schedule(this.#expiry, wait);
  }

  /** Appends the items that follow the last id of `channel`. */
  #follow(channel: Channel, ordered: PublishItem[]): void {
    for (;;) {
      const early = channel.lastId === null ? undefined : this.#early.get(channel)?.get(channel.lastId);
      if (early === undefined) return;
      this.#take(early);
      ordered.push(early.item);
      this.#room.channels.setLastId(channel.name, early.item.id);
    }
  }

  #take(early: EarlyItem): void {
    const ofChannel = this.#early.get(early.channel);
    ofChannel?.delete(early.prevId);
    if (ofChannel?.size === 0) this.#early.delete(early.channel);
    this.#queue.delete(early);
    this.#bytes -= early.cost;
  }

  #boundBytes(): void {
    for (const early of this.#queue) {
      if (this.#bytes <= MAX_EARLY_BYTES) return;
      this.#giveUp(early);
    }
  }

  #expire(): void {
    const { wheel } = this.#room;
    for (const early of this.#queue) {
      const rest = early.expires - wheel.now;
      if (rest > 0) {
        wheel.schedule(this.#expiry, rest);
        return;
      }
      this.#giveUp(early);
    }
  }

  /** The item before did not come: delivers the item and those that follow it. Their clients find the gap by themselves. */
  #giveUp(early: EarlyItem): void {
    const { channels, log, counters } = this.#room;
    const { channel, item } = early;
    this.#take(early);
    if (channels.get(channel.name) !== channel && !isKept(this.#room, channel.name)) {
      // The channel has had no client meanwhile.
      counters.itemsOutOfOrder++;
      return;
    }
    log.debug({ channel: channel.name, id: item.id, prevId: item.prevId }, 'item delivered without the one before it');
    channels.setLastId(channel.name, item.id);
    const ordered = [item];
    this.#follow(channel, ordered);
    this.#deliver(ordered);
  }
}

function isEarly({ prevId }: PublishItem, { lastId }: Channel): boolean {
  return prevId !== null && lastId !== null && lastId !== prevId;
}
