import { decodeItems, encodeItem } from '../codec/grip/index.ts';
import type { KeptKey, KeptVersion, KnownStay, Sequence } from '../hub/index.ts';

/** A part of what it takes to order the items of all hubs: who gets all parts goes on where the other has stopped. */
export interface RouterPart {
  /** Names of channels, each with its last id. */
  readonly lastIds: readonly (readonly [string, string])[];
  /** Keys of ids that were seen, each with the milliseconds for which it is remembered. */
  readonly seen: readonly (readonly [string, number])[];
  readonly keys: readonly KeptKey[];
  readonly versions: readonly KeptVersion[];
  /** Items that wait for one before them, encoded and in base64, each with the milliseconds for which it waits. */
  readonly early: readonly (readonly [string, number])[];
  /** Who is there. */
  readonly stays: readonly KnownStay[];
  /** Whether it is the last part. */
  readonly last: boolean;
}

/** Ids in one part: what a turn of the event loop has time for. */
const IDS = 2_048;

const NONE = { lastIds: [], seen: [], keys: [], versions: [], early: [], stays: [], last: false };

/** What it takes to order the items, in parts. */
export function* partsOf({ lastIds, seen, keys, versions, early, stays }: Sequence): Generator<RouterPart, void> {
  for (const some of inSlices(lastIds)) yield { ...NONE, lastIds: some };
  for (const some of inSlices(seen)) yield { ...NONE, seen: some };
  for (const some of inSlices(keys)) yield { ...NONE, keys: some };
  for (const some of inSlices(versions)) yield { ...NONE, versions: some };
  for (const { item, left } of early) yield { ...NONE, early: [[encodeItem(item).toString('base64'), left]] };
  for (const some of inSlices(stays ?? [])) yield { ...NONE, stays: some };
  yield { ...NONE, last: true };
}

function* inSlices<T>(values: Iterable<T>): Generator<T[], void> {
  let slice: T[] = [];
  for (const value of values) {
    if (slice.push(value) < IDS) continue;
    yield slice;
    slice = [];
  }
  if (slice.length > 0) yield slice;
}

/** Puts the parts together again. */
export class SequenceReader implements Sequence {
  readonly lastIds = new Map<string, string>();
  readonly seen: (readonly [string, number])[] = [];
  readonly keys: KeptKey[] = [];
  readonly versions: KeptVersion[] = [];
  readonly early: Sequence['early'][number][] = [];
  readonly stays: KnownStay[] = [];

  add({ lastIds, seen, keys, versions, early, stays }: RouterPart): void {
    for (const [name, id] of lastIds) this.lastIds.set(name, id);
    this.seen.push(...seen);
    this.keys.push(...keys);
    this.versions.push(...versions);
    this.stays.push(...stays);
    for (const [encoded, left] of early) {
      for (const item of decodeItems(Buffer.from(encoded, 'base64'))) this.early.push({ item, left });
    }
  }
}
