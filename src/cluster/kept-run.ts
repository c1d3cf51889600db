import type { KeptItem } from '../history/index.ts';
import type { Broker } from './broker.ts';
import type { ItemStream } from './item-stream.ts';
import type { KnownItems } from './kept-answer.ts';
import { readStream } from './stream-reader.ts';
import type { Subjects } from './subjects.ts';

/**
 * Bytes of items that are read from the stream at a time, each costing at least 256. The rest is read when it is asked for.
 * @bound cluster-read
 */
export const READ_BYTES = 4_194_304;

/** Channels whose items are read by one reader: their subjects are one message to the broker. */
const GROUP = 256;

/** A channel, and the number above which its items are wanted. @see placeOf */
export type WantedChannel = readonly [channel: string, place: number | null];

/** What a run is read from. */
export interface RunSource {
  readonly broker: Broker;
  readonly stream: ItemStream;
  readonly subjects: Subjects;
}

/** The items of some channels that were read from the stream. */
export class KeptRun implements KnownItems {
  readonly upTo: number;
  readonly #items = new Map<string, KeptItem[]>();
  readonly #floors = new Map<string, number>();

  constructor(items: readonly KeptItem[], upTo: number) {
    this.upTo = upTo;
    for (const item of items) {
      if (item.number > upTo) continue;
      const list = this.#items.get(item.channel);
      if (list === undefined) this.#items.set(item.channel, [item]);
      else list.push(item);
    }
  }

  after(channel: string, number: number): readonly KeptItem[] {
    return (this.#items.get(channel) ?? []).filter((item) => item.number > number);
  }

  floorOf(channel: string): number {
    return this.#floors.get(channel) ?? Number.POSITIVE_INFINITY;
  }

  setFloor(channel: string, floor: number): void {
    this.#floors.set(channel, floor);
  }
}

/** Reads what channels have above their places, up to a number, and finds out from which places on that is all. */
export async function readRun(source: RunSource, channels: readonly WantedChannel[], upTo: number): Promise<KeptRun> {
  const { broker, stream, subjects } = source;
  const items: KeptItem[] = [];
  let end = upTo;
  for (let from = 0; from < channels.length; from += GROUP) {
    const group = channels.slice(from, from + GROUP);
    const after = Math.min(...group.map(([, place]) => place ?? 0));
    const range = { subjects: subjectsOf(subjects, group), after, upTo, maxBytes: READ_BYTES };
    if (range.subjects.length === 0 || after >= upTo) continue;
    const part = await readStream(broker, stream, subjects, range);
    for (const item of part.items) items.push(item);
    end = Math.min(end, part.upTo);
  }
  const run = new KeptRun(items, end);
  const strict = channels.filter((wanted): wanted is [string, number] => wanted[1] !== null);
  if (strict.length > 0) await findFloors(source, strict, run, end === upTo);
  return run;
}

function subjectsOf(subjects: Subjects, channels: readonly WantedChannel[]): string[] {
  return channels.map(([channel]) => subjects.kept(channel)).filter((subject) => subject !== null);
}

/**
 * A channel is complete from the number of its first item on: what comes after that has not been let go. Where it has fewer items than the stream keeps of it, none has ever been let go for their number: it
 * is complete from where the stream begins, the rules have begun, or it was cleared.
 */
async function findFloors(
  { stream, subjects }: RunSource,
  channels: readonly (readonly [string, number])[],
  run: KeptRun,
  whole: boolean,
): Promise<void> {
  // Asked after the items were read: nothing that has gone meanwhile is missed.
  const { state } = await stream.info();
  const beginning = Math.max(stream.floor, state.first_seq - 1);
  await Promise.all(
    channels.map(async ([channel, place]) => {
      const subject = subjects.kept(channel);
      if (subject === null) return;
      const first = await stream.get({ seq: 1, next_by_subj: subject });
      let floor = first?.seq ?? Number.POSITIVE_INFINITY;
      if (floor > place && beginning <= place) {
        const count = whole ? run.after(channel, 0).length : ((await stream.countsOf(subject))[subject] ?? 0);
        if (stream.perChannel < 0 || count < stream.perChannel) {
          floor = Math.max(beginning, await clearedTo(stream, subjects, channel));
        }
      }
      run.setFloor(channel, floor);
    }),
  );
}

async function clearedTo(stream: ItemStream, subjects: Subjects, channel: string): Promise<number> {
  const last = await stream.get({ last_by_subj: subjects.cleared(channel) ?? '' });
  return last === null ? 0 : Number(Buffer.from(last.data).toString());
}
