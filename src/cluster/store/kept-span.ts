import { type ChannelLimits, type ChannelSpan, type KeptItem, recordSpace } from '../../history/index.ts';
import type { ItemStream } from './item-stream.ts';

/** Up to so many items are all read. Of more only the first, the last and their count are asked for. */
const FEW = 256;

/** A channel, and how its items are read. */
export interface SpannedChannel {
  readonly name: string;
  /** Its subject in the stream. */
  readonly subject: string;
  readonly keep: ChannelLimits | null;
  /** Its items, as its rule keeps them. */
  readonly read: () => Promise<readonly KeptItem[]>;
}

/** The span of a channel without items. */
export const NO_SPAN: ChannelSpan = { first: 0, last: 0, items: 0, bytes: 0, oldest: null };

/** What is kept of a channel. Of one with many items the bytes are an estimate, and items that are too old count until the stream deletes them. Rejects when the broker fails. */
export async function keptSpan(
  stream: ItemStream,
  { name, subject, keep, read }: SpannedChannel,
): Promise<ChannelSpan> {
  const count = (await stream.countsOf(subject))[subject] ?? 0;
  if (count <= FEW) return spanOfItems(name, count === 0 ? [] : await read());
  const [first, last] = await Promise.all([
    stream.get({ seq: 1, next_by_subj: subject }),
    stream.get({ last_by_subj: subject }),
  ]);
  if (first === null || last === null) return NO_SPAN;
  const items = Math.min(count, keep?.items ?? count);
  const bytes = items * recordSpace(Buffer.byteLength(name), (first.data.length + last.data.length) >> 1);
  return { first: first.seq, last: last.seq, items, bytes, oldest: first.time };
}

function spanOfItems(name: string, items: readonly KeptItem[]): ChannelSpan {
  const [first, last] = [items[0], items.at(-1)];
  if (first === undefined || last === undefined) return NO_SPAN;
  const nameBytes = Buffer.byteLength(name);
  const bytes = items.reduce((sum, item) => sum + recordSpace(nameBytes, item.bytes.length), 0);
  return { first: first.number, last: last.number, items: items.length, bytes, oldest: first.time };
}
