import type { KeptFeed } from './kept-feed.ts';
import type { ReadsSource } from './kept-reads.ts';
import { READ_BYTES } from './kept-run.ts';
import type { NewsReader, Position } from './position-news.ts';
import { readStream } from './stream-reader.ts';

/** Channels that are looked at in one look, and so many of them at the same time. */
const [LOOKS, AT_ONCE] = [512, 64];

/** Milliseconds after which all channels are looked at again, if something was appended. */
const PERIOD = 30_000;

/**
 * Channels that may have lost something, and wait for a mark. Beyond it others are not noted, and all are looked at.
 * @bound cluster-doubtful-channels
 */
export const MAX_DOUBTFUL = 16_384;

/** A look at all channels of which nothing has come since the last one. */
interface Round {
  readonly names: Iterator<string>;
  readonly patterns: Iterator<string>;
  /** Where the node was when it began, and at the round before. */
  readonly head: number;
  readonly before: number;
}

/**
 * Looks whether the last items of channels have come: between brokers messages get lost in silence, and when nothing follows on a channel nobody notices. Other nodes tell what they have appended. When a telling got
 * lost, when nodes have come or gone, and now and then, the stream is asked.
 */
export class PositionCheck implements NewsReader {
  readonly #source: ReadsSource;
  readonly #kept: KeptFeed;
  readonly #onMissed: () => void;
  /** The last numbers of channels, if they are higher than those of the last items that have come. */
  #ahead = new Map<string, number>();
  #settling = false;
  #looking = false;
  #round: Round | null = null;
  /** Whether a round is to begin that looks at patterns, too. */
  #doubts = true;
  /** Where the node was when the last round began, and when that was. */
  #head = 0;
  #time = performance.now();

  /** @param onMissed is called when the feed has something to pass on */
  constructor(source: ReadsSource, kept: KeptFeed, onMissed: () => void) {
    this.#source = source;
    this.#kept = kept;
    this.#onMissed = onMissed;
  }

  onDoubt(): void {
    this.#doubts = true;
  }

  onPositions(positions: readonly Position[]): void {
    for (const [channel, number] of positions) this.#compare(channel, number);
  }

  /** Everything that comes is known from here on. */
  restart(): void {
    this.#ahead.clear();
    this.#round = null;
    this.#doubts = false;
    this.#head = this.#source.state.head;
    this.#time = performance.now();
  }

  /** Looks at the next channels of a round, if there is a reason for one. Rejects when the broker fails. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      await this.#look();
    } catch (error) {
      // It has not seen all of them.
      this.#round = null;
      this.#doubts = true;
      throw error;
    } finally {
      this.#looking = false;
    }
  }

  /** Waits until it is known of the channels that are ahead whether they have lost something. */
  async settle(): Promise<void> {
    if (this.#settling || this.#ahead.size === 0) return;
    const { state } = this.#source;
    const { times } = state;
    const ahead = this.#ahead;
    this.#ahead = new Map();
    this.#settling = true;
    try {
      // It may be on its way. Behind a mark it is not.
      await state.marked();
    } finally {
      this.#settling = false;
    }
    if (times !== state.times) return;
    for (const [channel, number] of ahead) this.#kept.miss(channel, number);
    if (!this.#kept.idle) this.#onMissed();
  }

  async #look(): Promise<void> {
    const { stream, subjects } = this.#source;
    const round = this.#next();
    if (round === null) return;
    for (let looks = 0; looks < LOOKS; looks += AT_ONCE) {
      const { done, value } = round.patterns.next();
      if (done !== true) {
        await this.#lookAtPattern(value, round);
        continue;
      }
      const names = take(round.names, AT_ONCE);
      await Promise.all(
        names.map(async (name) => {
          const position = this.#kept.positionOf(name);
          const subject = subjects.kept(name);
          // What has come since then has told whether something before it was lost.
          if (subject === null || position > round.head) return;
          this.#compare(name, await stream.numberAfter(position, subject));
        }),
      );
      if (names.length < AT_ONCE) {
        this.#round = null;
        return;
      }
    }
  }

  /** The round that is under way, or a new one; null if there is no reason for one. */
  #next(): Round | null {
    const { state, stream } = this.#source;
    const { head } = state;
    if (this.#round !== null) return this.#round;
    const isDue = performance.now() >= this.#time + PERIOD && stream.seen > this.#head;
    if (!this.#doubts && !isDue) return null;
    const patterns = this.#doubts ? state.feed.patterns() : [].values();
    this.#doubts = false;
    this.#round = { names: state.feed.channels(), patterns, head, before: this.#head };
    this.#head = head;
    this.#time = performance.now();
    return this.#round;
  }

  /** A pattern has too many channels to ask for each: what they had since the round before is read, without the items. */
  async #lookAtPattern(pattern: string, { before, head }: Round): Promise<void> {
    const subject = this.#source.subjects.keptOf(pattern);
    if (subject === null) return;
    for (let after = before; after < head; ) {
      const range = { subjects: [subject], after, upTo: head, maxBytes: READ_BYTES, fence: null, namesOnly: true };
      const { items, upTo } = await readStream(this.#source, range);
      for (const { channel, number } of items) this.#compare(channel, number);
      after = upTo;
    }
  }

  #compare(channel: string, number: number): void {
    if (number <= this.#kept.positionOf(channel)) return;
    if (this.#ahead.size < MAX_DOUBTFUL) this.#ahead.set(channel, Math.max(number, this.#ahead.get(channel) ?? 0));
    else this.#doubts = true;
  }
}

function take(names: Iterator<string>, count: number): readonly string[] {
  const taken: string[] = [];
  while (taken.length < count) {
    const { done, value } = names.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}
