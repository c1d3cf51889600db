import { LEAST_COST } from '../exchange/index.ts';
import type { ChannelLog } from './channel-log.ts';
import type { HistoryLog } from './history-log.ts';
import type { ChannelSpan, KeptItem, ReadQuery, ReadResult } from './history-store.ts';
import { SegmentQueue } from './segment-queue.ts';

/** Answers a query. Nothing above `head` is in the answer. */
export function readLog(log: HistoryLog, epoch: string, head: number, query: ReadQuery): ReadResult {
  const { after, before = Number.POSITIVE_INFINITY, reverse = false } = query;
  const { limit = Number.POSITIVE_INFINITY, limitBytes = Number.POSITIVE_INFINITY } = query;
  const gaps = gapsOf(log, epoch, head, query);
  if (gaps.length > 0 || isForeign(log, epoch, head, query)) {
    return { recovered: false, gaps, items: [], head, more: false };
  }
  const items: KeptItem[] = [];
  let more = false;
  for (const name of query.channels) {
    const channel = log.channels.get(name);
    if (channel === undefined) continue;
    const first = after === null ? 0 : log.countUpTo(channel, after.number);
    const end = log.countUpTo(channel, Math.min(head, before - 1));
    // No more than the answer can have of one channel: most pages are a small part of what follows.
    let left = limitBytes;
    let count = 0;
    for (; count < limit && first + count < end && left >= 0; count++) {
      const item = itemAt(log, channel, reverse ? end - 1 - count : first + count);
      left -= costOf(item);
      items.push(item);
    }
    more ||= first + count < end;
  }
  if (query.channels.length > 1) {
    items.sort((one, other) => (reverse ? other.number - one.number : one.number - other.number));
  }
  const count = countWithin(items, limit, limitBytes);
  if (count < items.length) {
    more = true;
    items.length = count;
  }
  return { recovered: true, gaps, items, head: more ? (items.at(-1)?.number ?? head) : head, more };
}

/** The newest item of a channel up to `head`. */
export function lastInLog(log: HistoryLog, head: number, name: string): KeptItem | null {
  const channel = log.channels.get(name);
  if (channel === undefined) return null;
  log.trim(channel);
  log.channels.touch(channel);
  const count = log.countUpTo(channel, head);
  return count === 0 ? null : itemAt(log, channel, count - 1);
}

/** What is kept of a channel, whether it is stored already or not. */
export function spanOfLog(log: HistoryLog, name: string): ChannelSpan {
  const channel = log.channels.get(name);
  if (channel !== undefined) log.trim(channel);
  if (channel === undefined || channel.size === 0) return { first: 0, last: 0, items: 0, bytes: 0, oldest: null };
  const oldest = channel.at(0);
  return {
    first: log.numberAt(oldest),
    last: channel.last,
    items: channel.size,
    bytes: channel.bytes,
    oldest: log.timeAt(oldest),
  };
}

/** Whether the cursor is of another epoch, of the future, or from before the epoch. */
function isForeign({ epochFloor }: HistoryLog, epoch: string, head: number, { after }: ReadQuery): boolean {
  return after !== null && (after.epoch !== epoch || after.number > head || after.number < epochFloor);
}

/** Channels of which the client misses something if it gets no items; none if it can get all. */
function gapsOf(log: HistoryLog, epoch: string, head: number, query: ReadQuery): readonly string[] {
  const { channels, after } = query;
  for (const name of channels) {
    const channel = log.channels.get(name);
    if (channel === undefined) continue;
    log.trim(channel);
    log.channels.touch(channel);
  }
  if (after === null) return [];
  if (isForeign(log, epoch, head, query)) return channels;
  const isLost = (name: string): boolean => (log.channels.get(name)?.floor ?? log.unknownFloor) > after.number;
  if (!channels.some(isLost)) return [];
  const isMissed = (name: string): boolean => {
    const channel = log.channels.get(name);
    return channel !== undefined && log.countUpTo(channel, head) > log.countUpTo(channel, after.number);
  };
  return channels.filter((name) => isLost(name) || isMissed(name));
}

function itemAt(log: HistoryLog, channel: ChannelLog, index: number): KeptItem {
  const position = channel.at(index);
  const segment = log.segments.of(position);
  const at = SegmentQueue.placeIn(position);
  return {
    number: segment.numberAt(at),
    time: segment.timeAt(at),
    channel: channel.name,
    bytes: segment.bytesAt(at),
  };
}

/** What an item counts in the limit of an answer: to read one costs time, however small it is. */
function costOf({ bytes }: KeptItem): number {
  return Math.max(LEAST_COST, bytes.length);
}

/** How many of the items are within the limits. */
function countWithin(items: readonly KeptItem[], limit: number, bytes: number): number {
  let left = bytes;
  let count = 0;
  for (const item of items) {
    left -= costOf(item);
    if (count === limit || (count > 0 && left < 0)) break;
    count++;
  }
  return count;
}
