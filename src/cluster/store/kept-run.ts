import type { KeptItem } from '../../history/index.ts';
import { itemsAfter } from './items-after.ts';
import type { KnownItems } from './kept-answer.ts';
import { readStream, type StreamSource } from './read-stream.ts';
import { clearedNumber } from './streamed-message.ts';

/**
 * Bytes of items that are read from the stream at a time, each costing at least 256. The rest is read when it is asked for.
 * @bound cluster-read
 */
export const READ_BYTES = 4_194_304;

/** Channels whose items are read by one reader. */
const GROUP = 256;

/** The part of the largest message that their subjects may take: they are sent to the broker in one. */
const GROUP_PART = 0.5;

/** A channel, and the number above which its items are wanted; null for all that is kept. */
export type WantedChannel = readonly [channel: string, place: number | null];

/** Where a run is read, and what is known there. */
export interface RunSource extends StreamSource {
  /** Above this number it is known up to where channels were cleared. */
  readonly clearedFrom: number;
  /** The number up to which a channel was cleared, as far as that is known. */
  clearedTo(channel: string): number;
}

/** Up to where to read. */
export interface RunEnd {
  /** Number of an item that has been stored. */
  readonly number: number;
  /** As in `StreamRange`. */
  readonly fence: string | null;
}

/** The items of some channels that were read from the stream. */
export class KeptRun implements KnownItems {
  readonly upTo: number;
  /** Up to where it was to be read. */
  readonly end: number;
  /** Bytes of all items, as far as they count. */
  readonly bytes: number;
  readonly #channels: readonly WantedChannel[];
  readonly #items = new Map<string, KeptItem[]>();
  readonly #floors = new Map<string, number>();

  constructor(channels: readonly WantedChannel[], items: readonly KeptItem[], upTo: number, end: number) {
    this.#channels = channels;
    this.upTo = upTo;
    this.end = end;
    let bytes = 0;
    for (const item of items) {
      if (item.number > upTo) continue;
      bytes += item.bytes.length + ITEM_BYTES;
      const list = this.#items.get(item.channel);
      if (list === undefined) this.#items.set(item.channel, [item]);
      else list.push(item);
    }
    this.bytes = bytes + channels.length * ITEM_BYTES;
  }

  /** Whether everything up to its end was read. */
  get isWhole(): boolean {
    return this.upTo === this.end;
  }

  /** Whether it was read for this channel, too. */
  isOf(channel: string): boolean {
    return this.#channels.some(([name]) => name === channel);
  }

  /** Whether all that is wanted is in it. */
  has(channels: readonly WantedChannel[]): boolean {
    return channels.every(([, place], index) => {
      const [, from] = this.#channels[index] as WantedChannel;
      if (place === null) return from === null && this.isWhole;
      return from !== null && place >= from && (place < this.upTo || this.isWhole);
    });
  }

  after(channel: string, number: number): readonly KeptItem[] {
    return itemsAfter(this.#items.get(channel) ?? [], number);
  }

  floorOf(channel: string): number {
    return this.#floors.get(channel) ?? Number.POSITIVE_INFINITY;
  }

  setFloor(channel: string, floor: number): void {
    this.#floors.set(channel, floor);
  }
}

/** What an item, or a channel, costs besides its bytes. */
const ITEM_BYTES = 200;

/** Reads what channels have above their places, and finds out from which places on that is complete. */
export async function readRun(source: RunSource, channels: readonly WantedChannel[], end: RunEnd): Promise<KeptRun> {
  const { stream } = source;
  const items: KeptItem[] = [];
  let upTo = end.number;
  for (const { subjects, after } of groupsOf(source, channels)) {
    if (after >= upTo) continue;
    const range = { subjects, after, upTo: end.number, maxBytes: READ_BYTES, fence: end.fence };
    const part = await readStream(source, range);
    for (const item of part.items) items.push(item);
    upTo = Math.min(upTo, part.upTo);
  }
  const run = new KeptRun(channels, items, upTo, end.number);
  const strict = channels.filter((wanted): wanted is [string, number] => wanted[1] !== null);
  if (strict.length === 0) return run;
  // Asked after the items were read: nothing that has gone meanwhile is missed.
  const { state } = await stream.info();
  const beginning = Math.max(stream.floor, state.first_seq - 1);
  await Promise.all(strict.map((wanted) => findFloor(source, wanted, run, beginning)));
  return run;
}

/** Channels that are read by one reader. */
interface Group {
  readonly subjects: string[];
  /** The lowest of their places. */
  after: number;
}

function groupsOf({ broker, subjects }: StreamSource, channels: readonly WantedChannel[]): readonly Group[] {
  const most = broker.maxPayload * GROUP_PART;
  const groups: Group[] = [];
  let bytes = 0;
  for (const [channel, place] of channels) {
    const subject = subjects.kept(channel);
    if (subject === null) continue;
    const { length } = JSON.stringify(subject);
    let group = groups.at(-1);
    if (group === undefined || group.subjects.length === GROUP || bytes + length > most) {
      group = { subjects: [], after: Number.POSITIVE_INFINITY };
      groups.push(group);
      bytes = 0;
    }
    group.subjects.push(subject);
    group.after = Math.min(group.after, place ?? 0);
    bytes += length;
  }
  return groups;
}

/**
 * A channel is complete from the number of its first item on, as the oldest items go first. Where it has fewer items than the stream keeps of a channel, none has gone for their number: then it is complete
 * from where the stream begins, the rules began, or it was cleared.
 */
async function findFloor(
  { stream, subjects, clearedFrom, clearedTo }: RunSource,
  [channel, place]: readonly [string, number],
  run: KeptRun,
  beginning: number,
): Promise<void> {
  const subject = subjects.kept(channel);
  if (subject === null) return;
  if (beginning <= place && (run.isWhole || stream.perChannel < 0)) {
    const isFull = stream.perChannel >= 0 && run.after(channel, 0).length >= stream.perChannel;
    if (!isFull) {
      const cleared = place >= clearedFrom ? clearedTo(channel) : await storedClear(stream, subjects.cleared(channel));
      run.setFloor(channel, Math.max(beginning, cleared));
      if (run.floorOf(channel) <= place) return;
    }
  }
  const first = await stream.get({ seq: 1, next_by_subj: subject });
  run.setFloor(channel, Math.min(run.floorOf(channel), first?.seq ?? Number.POSITIVE_INFINITY));
}

async function storedClear(stream: StreamSource['stream'], subject: string | null): Promise<number> {
  const last = await stream.get({ last_by_subj: subject ?? '' });
  return (last && clearedNumber(last.data, last.seq)) ?? 0;
}
