import type { Log } from '../exchange/index.ts';
import type { HistoryLog } from './history-log.ts';
import { CHANNEL_EMPTY, CHANNEL_FORGOTTEN, SEGMENT_HEAD, Segment } from './segment.ts';
import { placesIn, SegmentQueue } from './segment-queue.ts';
import { segmentName } from './segment-writer.ts';
import type { StoreFiles } from './store-files.ts';

/** How the store ended the last time. */
export interface LastEnd {
  /** All that was given out has been written: the epoch goes on. */
  readonly proven: boolean;
  /** The store was stopped, so no file can end in the middle of a record. */
  readonly clean: boolean;
}

/** What is found of one channel. */
class FoundChannel {
  /** Positions by number. A record that was written again is there twice; the later one counts. */
  readonly items = new Map<number, number>();
  floor = 0;
  emptyAt = -1;
}

/**
 * Reads the files of a store into an empty log.
 * @param serials those of the files
 * @returns whether it is proven that nothing is missing
 */
export async function readBack(
  files: StoreFiles,
  log: HistoryLog,
  report: Log,
  serials: readonly number[],
  end: LastEnd,
): Promise<boolean> {
  const channels = new Map<string, FoundChannel>();
  let { proven } = end;
  for (const serial of serials) {
    const isLast = serial === serials.at(-1);
    const segment = new Segment(await files.read(segmentName(serial)), serial);
    const isWhole = readThrough(segment);
    const kept = isWhole ? segment : await mend(files, report, segment, { ...end, clean: end.clean || !isLast });
    if (kept === 'damaged') {
      proven = false;
    } else if (kept !== null) {
      take(log, kept, channels);
      // The process that wrote it may have crashed before it was on the disk.
      if (!end.clean) await syncFile(files, segmentName(serial));
    }
  }
  log.segments.serial = Math.max(log.segments.serial, (serials.at(-1) ?? 0) + 1);
  restore(log, channels);
  return proven;
}

async function syncFile(files: StoreFiles, name: string): Promise<void> {
  const file = await files.open(name);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Reads over all whole records. Returns whether that is all. */
function readThrough(segment: Segment): boolean {
  if (!segment.isWhole) return false;
  while (segment.used < segment.size && segment.check(segment.used)) segment.used += segment.spaceAt(segment.used);
  return segment.used === segment.size;
}

/**
 * Deals with a segment that is not whole. After a crash of the process the last one may end in the middle of a record, and after a crash of the
 * machine each may end in anything: the whole records before it are kept. In any other case the file was damaged, and is set aside.
 * @returns the whole records; null if there are none
 */
async function mend(
  files: StoreFiles,
  report: Log,
  segment: Segment,
  { proven, clean }: LastEnd,
): Promise<Segment | null | 'damaged'> {
  const file = segmentName(segment.serial);
  const { used, size } = segment;
  const hasHead = segment.isWhole;
  const isCut = !clean && (hasHead ? segment.isCut(used) : size < SEGMENT_HEAD);
  if (proven && !isCut) {
    await files.rename(file, `${file}.damaged`);
    report.error({ path: files.path, file: `${file}.damaged`, at: used }, 'history segment damaged and set aside');
    return 'damaged';
  }
  report.warn({ path: files.path, file, bytes: size - (hasHead ? used : 0) }, 'end of history segment cut off');
  if (!hasHead) {
    await files.remove(file);
    return null;
  }
  await files.truncate(file, used);
  const cut = new Segment(Buffer.from(new Uint8Array(segment.buffer.subarray(0, used)).buffer), segment.serial);
  readThrough(cut);
  return cut;
}

/** Takes the records of a segment, in their order: what says that a channel has no items comes after all that it had. */
function take(log: HistoryLog, segment: Segment, channels: Map<string, FoundChannel>): void {
  log.segments.add(segment);
  log.unknownFloor = Math.max(log.unknownFloor, segment.floor);
  for (const at of placesIn(segment)) {
    const kind = segment.kindAt(at);
    const name = segment.nameAt(at);
    const number = segment.numberAt(at);
    log.last = Math.max(log.last, number);
    if (kind === CHANNEL_FORGOTTEN) {
      log.unknownFloor = Math.max(log.unknownFloor, number);
      channels.delete(name);
      continue;
    }
    const channel = channels.get(name) ?? new FoundChannel();
    channels.set(name, channel);
    if (kind === CHANNEL_EMPTY) {
      channel.items.clear();
      channel.floor = number;
      channel.emptyAt = SegmentQueue.position(segment, at);
    } else {
      channel.items.set(number, SegmentQueue.position(segment, at));
      channel.emptyAt = -1;
    }
  }
}

/** Gives the log its channels, those that were published to longest ago first. */
function restore(log: HistoryLog, channels: ReadonlyMap<string, FoundChannel>): void {
  const found = Array.from(channels, ([name, channel]) => ({ name, ...continuous(log, channel) }));
  found.sort((one, other) => one.last - other.last);
  for (const { name, positions, floor, emptyAt } of found) log.restore(name, positions, floor, emptyAt);
}

/** The newest items of a channel without a gap: each record says which one is before it. */
function continuous(log: HistoryLog, { items, floor, emptyAt }: FoundChannel) {
  const numbers = [...items.keys()].sort((one, other) => one - other);
  const positions: number[] = [];
  let before = floor;
  for (let i = numbers.length - 1; i >= 0; i--) {
    const number = numbers[i] as number;
    if (positions.length > 0 && number !== before) break;
    const position = items.get(number) as number;
    positions.push(position);
    before = log.segments.of(position).beforeAt(SegmentQueue.placeIn(position));
  }
  return { positions: positions.reverse(), floor: before, emptyAt, last: numbers.at(-1) ?? floor };
}
