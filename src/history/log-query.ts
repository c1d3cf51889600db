import { LEAST_COST } from '../exchange/index.ts';
import type { ChannelLog } from './channel-log.ts';
import type { HistoryLog } from './history-log.ts';
import type { ChannelSpan, KeptItem, ReadQuery, ReadResult } from './history-store.ts';
import { MergedItems } from './merged-items.ts';
import { SegmentQueue } from './segment-queue.ts';

/** Answers a query. Nothing above `head` is in the answer. */
export function readLog(log: HistoryLog, epoch: string, head: number, query: ReadQuery): ReadResult {
  const { after, before = Number.POSITIVE_INFINITY, reverse = false } = query;
  const { limit = Number.POSITIVE_INFINITY, limitBytes = Number.POSITIVE_INFINITY } = query;
  const places = new Map(query.places);
  const foreign = isForeign(log, epoch, head, query);
  const gaps = gapsOf(log, head, query, places, foreign);
  if (gaps.length > 0 || foreign) return { recovered: false, gaps, items: [], head, more: false };
  const wanted = new MergedItems(log, reverse);
  for (const name of query.channels) {
    const channel = log.channels.get(name);
    if (channel === undefined) continue;
    const from = places.get(name) ?? after?.number ?? 0;
    wanted.add(channel, log.countUpTo(channel, from), log.countUpTo(channel, Math.min(head, before - 1)));
  }
  const items: KeptItem[] = [];
  let left = limitBytes;
  let last = head;
  while (!wanted.isEmpty && items.length < limit) {
    const { channel, index } = wanted.peek();
    const item = itemAt(log, channel, index);
    left -= costOf(item);
    if (items.length > 0 && left < 0) break;
    wanted.next();
    items.push(item);
    last = item.number;
  }
  const more = !wanted.isEmpty;
  return { recovered: true, gaps, items, head: more ? last : head, more };
}

/** Channels that match patterns, as `HistoryStore.matching` says. */
export function matchingInLog(
  log: HistoryLog,
  patterns: readonly string[],
  after: number | null,
  limit: number,
): readonly string[] | null {
  if (after !== null && after < log.unknownFloor) return null;
  return log.channels.names.matching(patterns, after ?? 0, limit);
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
function gapsOf(
  log: HistoryLog,
  head: number,
  { channels, after }: ReadQuery,
  places: ReadonlyMap<string, number>,
  foreign: boolean,
): readonly string[] {
  for (const name of channels) {
    const channel = log.channels.get(name);
    if (channel === undefined) continue;
    log.trim(channel);
    log.channels.touch(channel);
  }
  const placeOf = (name: string): number => places.get(name) ?? after?.number ?? Number.POSITIVE_INFINITY;
  const isLost = (name: string): boolean =>
    (foreign && !places.has(name)) || (log.channels.get(name)?.floor ?? log.unknownFloor) > placeOf(name);
  if (!channels.some(isLost)) return [];
  const isMissed = (name: string): boolean => {
    const channel = log.channels.get(name);
    return channel !== undefined && log.countUpTo(channel, head) > log.countUpTo(channel, placeOf(name));
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
