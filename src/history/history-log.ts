import { ChannelLog } from './channel-log.ts';
import { ChannelTable } from './channel-table.ts';
import type { HistoryCounters } from './history-counters.ts';
import { type ChannelLimits, UNLIMITED } from './history-store.ts';
import { CHANNEL_EMPTY, CHANNEL_FORGOTTEN, ITEM, SEGMENT_HEAD, type Segment } from './segment.ts';
import { placesIn, SegmentQueue } from './segment-queue.ts';

/** Bytes of a segment, where the total is not too small for that. */
const SEGMENT_BYTES = 524_288;

/** Parts of the total: no segment, and no item, is larger than one of them. One is kept free for records that move. */
const PARTS = 8;

/** What a channel costs besides the records of its items and its name, in bytes. */
const CHANNEL_COST = 384;

/** What each token costs with which names begin, in bytes: a place among the names. */
const NODE_COST = 240;

/** What an item costs besides its record, in bytes: its position, in a list with some room. */
const ITEM_COST = 16;

/** Share of the segments that may be needed when there is no room: the less, the less is copied for each byte that becomes free. */
const FULL = 0.75;

/** Bytes that are evicted for each byte that is written, until there is room: a quarter of what is needed goes before the rest of the total is used up. */
const EVICTED_PER_WRITTEN = 4;

/** The oldest segment goes when less than one part in so many of it is needed: more would mostly not be needed any more soon after it was copied. */
const SPARSE = 32;

/** The smallest total, in bytes. */
export const MIN_TOTAL_BYTES = 65_536;

/** What a log needs. */
export interface HistoryLogOptions {
  /**
   * Bytes of memory for all channels together. Beyond it the channels that were used longest ago lose their items, and then are forgotten.
   * At least 65,536.
   * @bound history-total
   */
  readonly maxBytes: number;
  readonly counters: HistoryCounters;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The salt of each segment, if its records get checksums, and the log is complete: it also says what was let go. null: it is in memory only. */
  readonly salt: (() => number) | null;
}

/**
 * Items of all channels, in one log. Records are written at the end. At the beginning the oldest segment goes when little of it or less than half of
 * the log is needed, and what is still needed of it is written again at the end. So what says that a channel has no items outlives all that it had.
 */
export class HistoryLog {
  readonly channels = new ChannelTable();
  readonly segments: SegmentQueue;
  /** The highest number given. */
  last = 0;
  /** No cursor below it can continue any channel. */
  epochFloor = 0;
  /** No cursor below it can continue a channel that is not known. */
  unknownFloor = 0;
  readonly now: () => number;
  /** Called when a segment is not needed any more. */
  released: (segment: Segment) => void = () => undefined;
  readonly #options: HistoryLogOptions;
  readonly #counters: HistoryCounters;
  readonly #segmentBytes: number;
  /** Bytes of records that are still needed. */
  #live = 0;
  #items = 0;
  /** Bytes of the names of the channels, in memory. */
  #names = 0;
  /** Bytes that were written since room was made last, with what new channels cost. */
  #written = 0;

  /** @throws RangeError when the total is too small */
  constructor(options: HistoryLogOptions) {
    const { maxBytes } = options;
    if (!(maxBytes >= MIN_TOTAL_BYTES)) throw new RangeError(`history cannot have less than ${MIN_TOTAL_BYTES} bytes`);
    this.#options = options;
    this.#counters = options.counters;
    this.now = options.now;
    // What is written to files is written later.
    this.segments = new SegmentQueue(options.salt === null);
    this.#segmentBytes = Math.min(SEGMENT_BYTES, Math.floor(maxBytes / PARTS / 8) * 8);
  }

  /** Bytes of memory that are in use. */
  get bytes(): number {
    const { size, names } = this.channels;
    return this.segments.bytes + size * CHANNEL_COST + names.size * NODE_COST + this.#names + this.#items * ITEM_COST;
  }

  /** Bytes that an item may take. */
  get maxRecord(): number {
    return Math.min(this.#options.maxBytes / PARTS, 2 ** 29);
  }

  /**
   * Gives an item the next number, and keeps it if it is not too large.
   * @returns the number
   */
  append(name: string, bytes: Buffer, keep: ChannelLimits, time: number): number {
    const number = ++this.last;
    const channel = this.channels.get(name) ?? this.#add(name, keep);
    this.#counters.itemsAppended++;
    channel.keep = keep;
    this.channels.touch(channel);
    const space = channel.spaceOf(bytes.length);
    if (space > keep.bytes || space > this.maxRecord || channel.nameBytes >= 2 ** 24) {
      this.#counters.itemsTooLarge++;
      this.#empty(channel, number);
      return number;
    }
    this.#unmark(channel);
    channel.push(this.#write(ITEM, number, time, channel.last, channel, bytes));
    this.reach(channel, number);
    channel.bytes += space;
    this.#items++;
    this.trim(channel, time);
    return number;
  }

  /** Lets go of a channel what is beyond its limits. */
  trim(channel: ChannelLog, now = this.now()): void {
    const { items, bytes, age } = channel.keep;
    const counters = this.#counters;
    if (channel.size === 0) return;
    for (; channel.size > items; counters.itemsBeyondNumber++) this.#drop(channel);
    for (; channel.bytes > bytes; counters.itemsBeyondBytes++) this.#drop(channel);
    if (age !== Number.POSITIVE_INFINITY) {
      const oldest = now - age * 1_000;
      for (; channel.size > 0 && this.timeAt(channel.at(0)) < oldest; counters.itemsBeyondAge++) this.#drop(channel);
    }
    if (channel.size === 0) this.#empty(channel, channel.last);
  }

  /** Lets go what is too old, of the next channels in turn, so many of them. */
  sweep(count: number): void {
    const now = this.now();
    for (let i = 0; i < count; i++) {
      const channel = this.channels.inTurn();
      if (channel !== null) this.trim(channel, now);
      // Once round: the next sweep begins again.
      else if (i > 0) break;
    }
  }

  /** Lets the items of a channel go up to this number. It stays known. A log that is read back has them again, unless the channel had no other ones. */
  clear(channel: ChannelLog, upTo = channel.last): void {
    while (channel.size > 0 && this.numberAt(channel.at(0)) <= upTo) this.#drop(channel);
    if (channel.size === 0) this.#empty(channel, channel.last);
  }

  /** The channel is not known any more. */
  forget(channel: ChannelLog): void {
    while (channel.size > 0) this.#drop(channel);
    this.#unmark(channel);
    this.channels.delete(channel);
    this.#names -= 2 * channel.name.length;
    this.unknownFloor = Math.max(this.unknownFloor, channel.last);
    if (this.#options.salt !== null) this.#write(CHANNEL_FORGOTTEN, this.unknownFloor, 0, 0, channel, null);
  }

  /** No cursor from before now continues a channel that is not known. It takes a number, or the newest of these cursors could be one from after this call. */
  raiseUnknownFloor(): void {
    if (this.last > 0) this.last++;
    this.unknownFloor = this.last;
  }

  /**
   * Takes a channel whose records were read back.
   * @param positions those of its items, oldest first
   * @param emptyAt what says that it has none; -1 if it has some
   */
  restore(name: string, positions: readonly number[], floor: number, emptyAt: number): void {
    const channel = this.takeChannel(name, floor);
    channel.emptyAt = emptyAt;
    if (emptyAt >= 0) this.#need(emptyAt);
    for (const position of positions) {
      channel.push(position);
      channel.bytes += this.#need(position);
      this.reach(channel, this.numberAt(position));
      this.#items++;
    }
  }

  /** Takes a channel of another log, whose items and limits follow. */
  takeChannel(name: string, floor: number): ChannelLog {
    const channel = this.#add(name, UNLIMITED);
    channel.floor = floor;
    this.reach(channel, floor);
    return channel;
  }

  /** Takes the next item of such a channel. */
  takeItem(channel: ChannelLog, number: number, time: number, bytes: Buffer): void {
    channel.push(this.#write(ITEM, number, time, channel.last, channel, bytes));
    this.reach(channel, number);
    channel.bytes += channel.spaceOf(bytes.length);
    this.#items++;
  }

  /** The newest item of a channel has this number, whether it is kept or not. */
  reach(channel: ChannelLog, number: number): void {
    channel.last = number;
    this.channels.names.note(channel, number);
  }

  /** To be called after appending and trimming: makes room, and counts. */
  settle(): void {
    const part = this.#options.maxBytes / PARTS;
    // As long as there is room a little is evicted at a time, and one segment is removed, since up to a segment is copied.
    const most = EVICTED_PER_WRITTEN * this.#written;
    if ((this.#isSparse || this.bytes > (PARTS - 2) * part) && this.#evictDownTo(FULL, most)) this.#clean();
    for (let cleaned = 0; this.bytes > (PARTS - 1) * part; cleaned++) {
      // Less and less is kept, until it has room: large records leave gaps at the ends of segments.
      this.#evictDownTo(FULL / (1 + cleaned / PARTS), Number.POSITIVE_INFINITY);
      if (!this.#clean() && !this.#evict()) break;
    }
    this.#written = 0;
    this.count();
  }

  /** Counts what is held. */
  count(): void {
    const counters = this.#counters;
    counters.itemsHeld = this.#items;
    counters.channelsHeld = this.channels.size;
    counters.bytesHeld = this.bytes;
  }

  numberAt(position: number): number {
    return this.segments.of(position).numberAt(SegmentQueue.placeIn(position));
  }

  timeAt(position: number): number {
    return this.segments.of(position).timeAt(SegmentQueue.placeIn(position));
  }

  /** How many items of a channel have a number of at most this. */
  countUpTo(channel: ChannelLog, number: number): number {
    let [low, high] = [0, channel.size];
    // Most who ask have missed little.
    if (high > 0 && this.numberAt(channel.at(high - 1)) <= number) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.numberAt(channel.at(middle)) <= number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether little of the oldest segment is needed, or less than half of all. */
  get #isSparse(): boolean {
    const { first, last, bytes } = this.segments;
    if (first === null || first === last) return false;
    return first.live * SPARSE < first.size || bytes > 2 * this.#live + 2 * this.#segmentBytes;
  }

  #add(name: string, keep: ChannelLimits): ChannelLog {
    const channel = new ChannelLog(name, keep, Math.max(this.unknownFloor, this.epochFloor));
    this.channels.add(channel);
    this.#names += 2 * name.length;
    this.#written += CHANNEL_COST;
    return channel;
  }

  /** Writes a record at the end of the log, and returns its position. */
  #write(
    kind: number,
    number: number,
    time: number,
    before: number,
    channel: ChannelLog,
    bytes: Buffer | null,
  ): number {
    const { salt } = this.#options;
    const space = channel.spaceOf(bytes === null ? 0 : bytes.length);
    this.#written += space;
    let segment = this.segments.last;
    if (segment === null || !segment.fits(space)) {
      segment = this.segments.begin(
        Math.max(this.#segmentBytes, SEGMENT_HEAD + space),
        salt?.() ?? 0,
        this.unknownFloor,
      );
    }
    const at = segment.write(kind, number, time, before, channel.name, bytes);
    if (salt !== null) segment.seal(at);
    const position = SegmentQueue.position(segment, at);
    if (kind !== CHANNEL_FORGOTTEN) this.#need(position);
    return position;
  }

  /** The record at this position is needed. Returns its bytes. */
  #need(position: number): number {
    const segment = this.segments.of(position);
    const space = segment.spaceAt(SegmentQueue.placeIn(position));
    segment.live += space;
    this.#live += space;
    return space;
  }

  /** The record at this position is not needed any more. Returns its bytes. */
  #free(position: number): number {
    const segment = this.segments.of(position);
    const space = segment.spaceAt(SegmentQueue.placeIn(position));
    segment.live -= space;
    this.#live -= space;
    return space;
  }

  /** Lets the oldest item of a channel go. */
  #drop(channel: ChannelLog): void {
    const position = channel.at(0);
    channel.floor = this.numberAt(position);
    channel.bytes -= this.#free(position);
    channel.shift();
    this.#items--;
  }

  /** Lets all items of a channel go, up to this number, which may not have been kept. */
  #empty(channel: ChannelLog, number: number): void {
    while (channel.size > 0) this.#drop(channel);
    channel.floor = number;
    this.reach(channel, number);
    this.#unmark(channel);
    this.#mark(channel);
  }

  /** Says in the log that a channel has no items. */
  #mark(channel: ChannelLog): void {
    if (this.#options.salt === null) return;
    channel.emptyAt = this.#write(CHANNEL_EMPTY, channel.floor, 0, 0, channel, null);
  }

  #unmark(channel: ChannelLog): void {
    if (channel.emptyAt >= 0) this.#free(channel.emptyAt);
    channel.emptyAt = -1;
  }

  /**
   * Lets the oldest items of the channel go that was used longest ago, as many as fill a segment. When it has no more it is forgotten.
   * @returns whether there was one
   */
  #evict(): boolean {
    const channel = this.channels.oldest;
    if (channel === null) return false;
    const enough = channel.bytes - this.#segmentBytes;
    for (; channel.size > 0 && channel.bytes > enough; this.#counters.itemsBeyondTotal++) this.#drop(channel);
    if (channel.size > 0) return true;
    this.forget(channel);
    this.#counters.channelsEvicted++;
    return true;
  }

  /**
   * Evicts until no more is needed than this share of the segments that there is room for.
   * @param most bytes that are evicted at most, about
   * @returns whether no more is needed
   */
  #evictDownTo(share: number, most: number): boolean {
    const wanted = ((this.#options.maxBytes * (PARTS - 2)) / PARTS) * share;
    const least = this.#needed - most;
    while (this.#needed > wanted) if (this.#needed <= least || !this.#evict()) return false;
    return true;
  }

  /** Bytes that are needed: of records, and of what is known of their channels. */
  get #needed(): number {
    return this.#live + this.bytes - this.segments.bytes;
  }

  /**
   * Removes the oldest segment. What is needed of it is written again.
   * @returns whether there was a segment before the one that is written
   */
  #clean(): boolean {
    const { segments } = this;
    const segment = segments.first;
    if (segment === null || segment === segments.last) return false;
    if (segment.live > 0) for (const at of placesIn(segment)) this.#rescue(segment, at);
    segments.shift();
    this.released(segment);
    return true;
  }

  /** Writes a record again, if it is needed. */
  #rescue(segment: Segment, at: number): void {
    const kind = segment.kindAt(at);
    const channel = kind === CHANNEL_FORGOTTEN ? undefined : this.channels.get(segment.nameAt(at));
    if (channel === undefined) return;
    const position = SegmentQueue.position(segment, at);
    const number = segment.numberAt(at);
    if (kind === CHANNEL_EMPTY) {
      if (channel.emptyAt !== position) return;
      this.#unmark(channel);
      this.#mark(channel);
      return;
    }
    const index = this.countUpTo(channel, number) - 1;
    if (index < 0 || channel.at(index) !== position) return;
    const before = segment.beforeAt(at);
    channel.move(index, this.#write(ITEM, number, segment.timeAt(at), before, channel, segment.bytesAt(at)));
    this.#free(position);
  }
}
