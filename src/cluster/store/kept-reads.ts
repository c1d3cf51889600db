import { LineRate, type Log, OUTAGE_LINES } from '../../exchange/index.ts';
import type { ChannelLimits, ReadQuery, ReadResult } from '../../history/index.ts';
import type { ChannelFeed } from '../channel-feed.ts';
import type { ItemTail } from './item-tail.ts';
import { type KnownItems, keptAnswer, lostAnswer } from './kept-answer.ts';
import type { KeptRun, RunEnd, WantedChannel } from './kept-run.ts';
import type { StreamSource } from './read-stream.ts';
import { StreamRuns } from './stream-runs.ts';

/** What the store uses of the subscriptions of its node. */
export type StoreFeed = Pick<
  ChannelFeed,
  'since' | 'sinceBefore' | 'sinceOf' | 'cover' | 'covers' | 'restart' | 'channels' | 'patterns'
>;

/** What those who read from a store know of it. */
export interface StoreState {
  readonly head: number;
  /** Grows each time the store loses track of where the stream is. */
  readonly times: number;
  /** Whether it has lost track now: the broker is away, or was a moment ago. */
  readonly isAway: boolean;
  readonly feed: StoreFeed;
  /** Resolves with the number of a mark that is made now. */
  marked(): Promise<number>;
  /** Resolves when the stream knows the rules. */
  ruled(): Promise<void>;
  limitsOf(channel: string): ChannelLimits | null;
}

/** Items that were read from the stream. */
type ReadItems = KnownItems & Pick<KeptRun, 'end' | 'isWhole'>;

/** Where items are read. */
export interface ReadsSource extends StreamSource {
  readonly tail: ItemTail;
  readonly state: StoreState;
  readonly log: Log;
}

/** Times that a query reads at most, when the broker fails or more comes meanwhile than is remembered. */
const ATTEMPTS = 5;

const NOTHING: KnownItems = { upTo: Number.POSITIVE_INFINITY, after: () => [], floorOf: () => 0 };

/** Answers queries from the last items that came, else from the stream. An answer says up to where it has everything: mostly up to the head of the moment in which it is given. */
export class KeptReads {
  readonly #source: ReadsSource;
  readonly #runs: StreamRuns;
  readonly #lines = new LineRate(OUTAGE_LINES);
  /** Above this number it is known which channels were cleared. */
  #begun = Number.POSITIVE_INFINITY;

  /** @param end tells up to where to read, before each read */
  constructor(source: ReadsSource, end: () => Promise<RunEnd>) {
    this.#source = source;
    const { tail } = source;
    const reads = this;
    this.#runs = new StreamRuns(
      {
        ...source,
        get clearedFrom(): number {
          // What the tail has forgotten the stream knows.
          return Math.max(reads.#begun, tail.from);
        },
        clearedTo: (channel) => tail.floorOf(channel),
      },
      end,
    );
  }

  /** Above this number it is known which channels other nodes clear. */
  begin(number: number): void {
    this.#begun = number;
  }

  forgetChannel(channel: string): void {
    this.#runs.forgetChannel(channel);
  }

  forget(): void {
    this.#runs.forget();
  }

  /** The answer, if it is known at once; else null. */
  now(query: ReadQuery): ReadResult | null {
    const { after, channels, places = [] } = query;
    const { state, stream } = this.#source;
    const isOfOther = after !== null && after.epoch !== stream.epoch;
    if (channels.length === 0 || (isOfOther && places.length === 0)) return this.#answer(query, NOTHING);
    const wanted = wantedOf(query);
    if (isOfOther || wanted.some(([, place]) => place !== null && place > state.head)) return null;
    if (this.#hasInTail(wanted)) return this.#answer(query, this.#tailOnly());
    const run = this.#runs.find(wanted);
    return run !== null && this.#isFed(channels) && this.#reaches(run, channels)
      ? this.#answer(query, this.#withTail(run))
      : null;
  }

  /** The answer, read from the stream. */
  async later(query: ReadQuery): Promise<ReadResult> {
    const { state, log } = this.#source;
    const { channels, before = Number.POSITIVE_INFINITY } = query;
    await state.ruled();
    const wanted = wantedOf(query);
    const isAhead = wanted.some(([, place]) => place !== null && place > state.head);
    // The number may be from another node that is ahead. If it is still ahead after this, it is of the future. And for channels that do not come here the head says nothing.
    if (isAhead || !this.#isFed(channels)) await state.marked();
    for (let tries = 0; tries < ATTEMPTS; ) {
      // A broker that is away is not asked: it may be away for long.
      if (state.isAway) await state.marked();
      const { times } = state;
      try {
        const run = query.reverse === true ? await this.#newest(wanted, query) : await this.#runs.read(wanted);
        if (times === state.times) {
          if (before <= run.end + 1 || this.#reaches(run, channels)) return this.#answer(query, this.#withTail(run));
          // More comes meanwhile than is remembered: the next page follows. A page with the newest items is to have these.
          if (query.reverse !== true || ++tries === ATTEMPTS) return this.#answer(query, run);
        }
      } catch (error) {
        if (times === state.times) tries++;
        this.#lines.write(log, 'warn', { error: String(error) }, 'reading of histories failed');
      }
      // It is read again once the broker is back.
      if (times !== state.times) await state.marked();
    }
    return lostAnswer(query, state.head);
  }

  /**
   * The newest items below a number: all of them, or at least as many as are read at a time. If there are more, some of them may be beyond the rule of their channel, where it keeps less than the
   * largest rule.
   */
  async #newest(
    wanted: readonly WantedChannel[],
    { before = Number.POSITIVE_INFINITY }: ReadQuery,
  ): Promise<ReadItems> {
    const first = await this.#runs.read(wanted);
    if (first.isWhole) return first;
    let previous: KeptRun | null = null;
    let last = first;
    while (!last.isWhole && last.upTo < before - 1) {
      const { upTo } = last;
      previous = last;
      const rest = wanted.map(([channel, place]): WantedChannel => [channel, Math.max(upTo, place ?? 0)]);
      last = await this.#runs.read(rest, before - 1);
    }
    return {
      upTo: last.upTo,
      end: last.upTo,
      isWhole: true,
      hasOlder: last !== first && previous !== first,
      after: (channel, number) => [...(previous?.after(channel, number) ?? []), ...last.after(channel, number)],
      floorOf: (channel) => first.floorOf(channel),
    };
  }

  #isForeign({ after }: ReadQuery): boolean {
    const { stream, state } = this.#source;
    return after !== null && (after.epoch !== stream.epoch || after.number > state.head);
  }

  #hasInTail(wanted: readonly WantedChannel[]): boolean {
    const { tail, state } = this.#source;
    return wanted.every(([channel, place]) => {
      const since = state.feed.since(channel);
      return place !== null && since !== null && place >= since && place >= tail.floorOf(channel);
    });
  }

  #isFed(channels: readonly string[]): boolean {
    return channels.every((channel) => this.#source.state.feed.since(channel) !== null);
  }

  /** Whether all that has come since a run was read is known. */
  #reaches(run: ReadItems, channels: readonly string[]): boolean {
    const { tail, state } = this.#source;
    if (!run.isWhole || state.head <= run.end) return true;
    return channels.every((channel) => {
      const since = state.feed.since(channel);
      return since === null || (since <= run.end && tail.from <= run.end);
    });
  }

  #withTail(run: ReadItems): KnownItems {
    const { tail, state } = this.#source;
    if (!run.isWhole || state.head <= run.end) return run;
    return {
      ...(run.hasOlder === true && { hasOlder: true }),
      upTo: state.head,
      after: (channel, number) => [...run.after(channel, number), ...tail.after(channel, Math.max(run.end, number))],
      floorOf: (channel) => run.floorOf(channel),
    };
  }

  #tailOnly(): KnownItems {
    const { tail, state } = this.#source;
    return { upTo: state.head, after: (channel, number) => tail.after(channel, number), floorOf: () => 0 };
  }

  #answer(query: ReadQuery, known: KnownItems): ReadResult {
    const { state } = this.#source;
    const foreign = this.#isForeign(query);
    return keptAnswer(query, known, {
      head: state.head,
      foreign,
      limitsOf: (channel) => state.limitsOf(channel),
      now: Date.now(),
    });
  }
}

function wantedOf({ after, channels, places }: ReadQuery): readonly WantedChannel[] {
  const known = new Map(places);
  return channels.map((channel) => [channel, known.get(channel) ?? after?.number ?? null]);
}
