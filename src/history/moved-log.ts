import type { ChannelLog } from './channel-log.ts';
import type { HistoryLog } from './history-log.ts';
import { SegmentQueue } from './segment-queue.ts';

/** Bytes of items in one part: what a turn of the event loop has time for. */
const PART_BYTES = 262_144;

/** What a log is besides its channels. */
export interface LogSummary {
  readonly epoch: string;
  readonly last: number;
  readonly epochFloor: number;
  readonly unknownFloor: number;
  readonly rules: string | null;
}

/** Items of one channel. */
export interface MovedChannel {
  readonly name: string;
  readonly floor: number;
  readonly last: number;
  /** Number, time and length of each item, oldest first. */
  readonly items: readonly (readonly [number, number, number])[];
}

/** A part of a log that goes to another process. */
export interface MovedPart {
  readonly channels: readonly MovedChannel[];
  /** The items of these channels, one after the other. */
  readonly bytes: Buffer;
}

/** The channels of a log in parts, those that were used longest ago first. Nothing may be appended meanwhile. */
export function* partsOfLog(log: HistoryLog): Generator<MovedPart, void> {
  let channels: MovedChannel[] = [];
  let pieces: Buffer[] = [];
  let size = 0;
  const part = (): MovedPart => {
    const made = { channels, bytes: Buffer.concat(pieces) };
    [channels, pieces, size] = [[], [], 0];
    return made;
  };
  for (let channel = log.channels.oldest; channel !== null; channel = channel.newer) {
    const { name, floor, last } = channel;
    let items: (readonly [number, number, number])[] = [];
    for (let i = 0; i < channel.size; i++) {
      const position = channel.at(i);
      const segment = log.segments.of(position);
      const at = SegmentQueue.placeIn(position);
      const bytes = segment.bytesAt(at);
      items.push([segment.numberAt(at), segment.timeAt(at), bytes.length]);
      pieces.push(bytes);
      size += bytes.length + 64;
      if (size < PART_BYTES) continue;
      channels.push({ name, floor, last, items });
      items = [];
      yield part();
    }
    channels.push({ name, floor, last, items });
    size += 64 + name.length;
    if (size >= PART_BYTES) yield part();
  }
  if (channels.length > 0) yield part();
}

/** Puts a part into a log. */
export function takePart(log: HistoryLog, { channels, bytes }: MovedPart): void {
  let at = 0;
  for (const { name, floor, last, items } of channels) {
    const channel: ChannelLog = log.channels.get(name) ?? log.takeChannel(name, floor);
    for (const [number, time, length] of items) {
      log.takeItem(channel, number, time, bytes.subarray(at, at + length));
      at += length;
    }
    if (last > channel.last) log.reach(channel, last);
  }
  log.settle();
}
