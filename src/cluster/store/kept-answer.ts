import { LEAST_COST } from '../../exchange/index.ts';
import {
  type ChannelLimits,
  type KeptItem,
  type ReadQuery,
  type ReadResult,
  recordSpace,
} from '../../history/index.ts';
import { LATER_ITEM } from '../item-message.ts';

/** What is known of the items of some channels. */
export interface KnownItems {
  /** Everything up to this number is known. It is below the head where there is too much to read at once. */
  readonly upTo: number;
  /** Whether there are older items than those that are known, on a page with the newest first. */
  readonly hasOlder?: boolean;
  /** The items of a channel with higher numbers, in their order. */
  after(channel: string, number: number): readonly KeptItem[];
  /** The number above which every item is known that the channel has ever had. */
  floorOf(channel: string): number;
}

/** What else an answer depends on. */
export interface AnswerMeans {
  readonly head: number;
  /** Whether the cursor is of another epoch, or of the future. */
  readonly foreign: boolean;
  readonly limitsOf: (channel: string) => ChannelLimits | null;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The answer where nothing is known of the channels: their clients have a gap. */
export function lostAnswer({ channels }: ReadQuery, head: number): ReadResult {
  return { recovered: false, gaps: channels, items: [], head, more: false };
}

/** Answers a query as `HistoryStore.read` says, from what is known. Items beyond the limits of their rule are left out, although the broker may have them. */
export function keptAnswer(query: ReadQuery, known: KnownItems, means: AnswerMeans): ReadResult {
  const { head, foreign } = means;
  const places = new Map(query.places);
  const gaps: string[] = [];
  const missed: string[] = [];
  const items: KeptItem[] = [];
  for (const channel of query.channels) {
    const isLost = foreign && !places.has(channel);
    const place = places.get(channel) ?? query.after?.number ?? null;
    if (isLost) {
      gaps.push(channel);
      continue;
    }
    const all = known.after(channel, place ?? 0);
    const first = firstKept(all, channel, known.upTo >= head, means);
    const isUnread = all.some(({ bytes }) => bytes === LATER_ITEM);
    if (place !== null && (known.floorOf(channel) > place || first > 0 || isUnread)) gaps.push(channel);
    else if (place !== null && all.length > 0) missed.push(channel);
    for (let index = first; index < all.length; index++) items.push(all[index] as KeptItem);
  }
  if (gaps.length > 0 || foreign) {
    const lost = new Set([...gaps, ...missed]);
    return { recovered: false, gaps: query.channels.filter((name) => lost.has(name)), items: [], head, more: false };
  }
  items.sort((a, b) => a.number - b.number);
  const page = pageOf(query, items, Math.min(head, known.upTo), head);
  return known.hasOlder === true ? { ...page, more: true } : page;
}

/** How many of the items, from the oldest on, the rule of their channel does not keep. @param whole whether they are all up to the head */
function firstKept(
  items: readonly KeptItem[],
  channel: string,
  whole: boolean,
  { limitsOf, now }: AnswerMeans,
): number {
  const keep = limitsOf(channel);
  if (keep === null || items.length === 0) return 0;
  let first = whole ? Math.max(0, items.length - keep.items) : 0;
  const oldest = now - keep.age * 1_000;
  while (first < items.length && (items[first] as KeptItem).time < oldest) first++;
  if (!whole || keep.bytes === Number.POSITIVE_INFINITY) return first;
  const name = Buffer.byteLength(channel);
  let left = keep.bytes;
  for (let index = items.length - 1; index >= first; index--) {
    left -= recordSpace(name, (items[index] as KeptItem).bytes.length);
    if (left < 0) return index + 1;
  }
  return first;
}

function pageOf(query: ReadQuery, all: readonly KeptItem[], upTo: number, head: number): ReadResult {
  const { before = Number.POSITIVE_INFINITY, reverse = false } = query;
  const { limit = Number.POSITIVE_INFINITY, limitBytes = Number.POSITIVE_INFINITY } = query;
  const wanted = before > upTo ? all : all.filter(({ number }) => number < before);
  const items: KeptItem[] = [];
  let left = limitBytes;
  for (let index = 0; index < wanted.length && items.length < limit; index++) {
    const item = wanted[reverse ? wanted.length - 1 - index : index] as KeptItem;
    left -= Math.max(LEAST_COST, item.bytes.length);
    if (items.length > 0 && left < 0) break;
    items.push(item);
  }
  const rest = items.length < wanted.length;
  const more = rest || upTo < head;
  return { recovered: true, gaps: [], items, head: rest ? (items.at(-1)?.number ?? upTo) : upTo, more };
}
