import { LEAST_COST } from '../../exchange/index.ts';
import type { KeptItem } from '../../history/index.ts';
import { itemsAfter } from './items-after.ts';

/**
 * Bytes of the last items that have come to a node, each costing at least 256. Clients that were away for a moment get what they have missed from here, without asking the broker.
 * @bound cluster-tail
 */
export const TAIL_BYTES = 16_777_216;

/** The places of items that have gone are freed when there are so many, and they are half of all. */
const MANY = 32;

/**
 * Channels of which the tail knows up to where they were cleared. Beyond it the tail begins again.
 * @bound cluster-cleared-channels
 */
export const MAX_CLEARED = 4_096;

/** Takes the place of an item that has gone. */
const GONE: KeptItem = { number: 0, time: 0, channel: '', bytes: Buffer.alloc(0) };

/** The items of one channel, the oldest first. */
class ChannelTail {
  items: KeptItem[] = [];
  first = 0;

  shift(): void {
    this.items[this.first++] = GONE;
    if (this.first < MANY || this.first * 2 < this.items.length) return;
    this.items = this.items.slice(this.first);
    this.first = 0;
  }

  get isEmpty(): boolean {
    return this.first === this.items.length;
  }

  after(number: number): readonly KeptItem[] {
    return itemsAfter(this.items, number, this.first);
  }
}

/** The last items that have come to a node, of all channels that it was subscribed to. */
export class ItemTail {
  /** All items with higher numbers that have come are here. */
  from = 0;
  #items: KeptItem[] = [];
  #first = 0;
  #bytes = 0;
  readonly #cleared = new Map<string, number>();
  readonly #channels = new Map<string, ChannelTail>();

  /** Bytes that the items cost. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds an item, whose number is higher than that of all others. */
  add(item: KeptItem): void {
    let channel = this.#channels.get(item.channel);
    if (channel === undefined) {
      channel = new ChannelTail();
      this.#channels.set(item.channel, channel);
    }
    channel.items.push(item);
    this.#items.push(item);
    this.#bytes += costOf(item);
    while (this.#bytes > TAIL_BYTES) this.#shift();
  }

  /** The number above which all items of the channel that have come are here. */
  floorOf(channel: string): number {
    return Math.max(this.from, this.#cleared.get(channel) ?? 0);
  }

  /** The items of a channel up to this number were deleted. */
  clear(channel: string, upTo: number): void {
    this.#cleared.set(channel, Math.max(upTo, this.#cleared.get(channel) ?? 0));
    if (this.#cleared.size <= MAX_CLEARED) return;
    // No item that was cleared, and none that is forgotten now, has a higher number.
    const last = this.#items.at(-1)?.number ?? 0;
    this.restart(Math.max(this.from, last, ...this.#cleared.values()));
  }

  /** The items of a channel with higher numbers, in their order. @param number not below its floor */
  after(channel: string, number: number): readonly KeptItem[] {
    return this.#channels.get(channel)?.after(number) ?? [];
  }

  /** The channels that have items with higher numbers. @param number not below `from` */
  namesAfter(number: number): readonly string[] {
    const items = itemsAfter(this.#items, number, this.#first);
    // Mostly few have come since.
    if (items.length < this.#channels.size) return [...new Set(items.map(({ channel }) => channel))];
    const names: string[] = [];
    for (const [name, { items }] of this.#channels) if ((items.at(-1) as KeptItem).number > number) names.push(name);
    return names;
  }

  /** Forgets all. @param from only items with higher numbers are here from now on */
  restart(from: number): void {
    this.from = from;
    this.#items = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#channels.clear();
    this.#cleared.clear();
  }

  #shift(): void {
    const item = this.#items[this.#first] as KeptItem;
    this.#items[this.#first++] = GONE;
    this.#bytes -= costOf(item);
    this.from = item.number;
    const channel = this.#channels.get(item.channel) as ChannelTail;
    channel.shift();
    if (channel.isEmpty) this.#channels.delete(item.channel);
    if (this.#first < MANY || this.#first * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#first);
    this.#first = 0;
  }
}

function costOf({ bytes }: KeptItem): number {
  return Math.max(LEAST_COST, bytes.length);
}
