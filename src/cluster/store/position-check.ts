import type { KeptFeed } from './kept-feed.ts';
import type { ReadsSource } from './kept-reads.ts';
import { READ_BYTES } from './kept-run.ts';
import type { Position, PositionListener } from './position-announcer.ts';
import { readStream } from './read-stream.ts';

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
  /** Null where they are not looked at. */
  readonly patterns: Iterator<string> | null;
  /** Where the node was when it began. */
  readonly head: number;
}

/**
 * Looks whether the last items of channels have come: between brokers messages get lost in silence, and when nothing follows on a channel nobody notices. Other nodes announce what they have appended. When an
 * announcement got lost, when nodes have come or gone, and now and then, the stream is asked.
 */
export class PositionCheck implements PositionListener {
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
  /** Where the node was at the last round that was due, and at the one before. What got lost before that has been noticed. */
  #head = 0;
  #before = 0;
  /** When that was. */
  #time = performance.now();
  /** Up to here all channels and patterns have been looked at, and up to there what was lost has been passed on, too. */
  #looked = 0;
  #proven = 0;

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
    [this.#before, this.#looked, this.#proven] = [this.#head, this.#head, this.#head];
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
    if (this.#settling) return;
    const looked = this.#looked;
    if (this.#ahead.size === 0) {
      this.#proven = looked;
      return;
    }
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
    this.#proven = looked;
    if (!this.#kept.idle) this.#onMissed();
  }

  /**
   * The broker was away, and nothing is passed on yet: looks what had got lost before that. Afterwards it is not known any more what had come. Rejects when the broker fails.
   * @param upTo where the node was: the stream has an item with a higher number
   */
  async lookBack(upTo: number): Promise<void> {
    // Any message may be the one behind which there is nothing.
    await this.#read([], upTo, this.#source.subjects.captured, (channel, number) =>
      this.#kept.missBefore(channel, number),
    );
    this.#proven = Math.max(this.#proven, upTo);
  }

  async #look(): Promise<void> {
    const { stream, subjects } = this.#source;
    const round = this.#next();
    if (round === null) return;
    for (let looks = 0; looks < LOOKS; looks += AT_ONCE) {
      const pattern = round.patterns?.next();
      if (pattern?.done === false) {
        await this.#lookAtPattern(pattern.value, round);
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
        // There may be one to look at again, that was not noted.
        if (round.patterns !== null && !this.#doubts) this.#looked = round.head;
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
    const hasPatterns = state.feed.patterns().next().done !== true;
    const patterns = this.#doubts || !hasPatterns ? state.feed.patterns() : null;
    this.#doubts = false;
    this.#round = { names: state.feed.channels(), patterns, head };
    if (!isDue) return this.#round;
    [this.#before, this.#head, this.#time] = [this.#head, head, performance.now()];
    return this.#round;
  }

  /** A pattern has too many channels to ask for each: what they had since all were looked at last is read, without the items. */
  async #lookAtPattern(pattern: string, { head }: Round): Promise<void> {
    const subject = this.#source.subjects.keptOf(pattern);
    if (subject !== null) await this.#read([subject], head, null, (channel, number) => this.#compare(channel, number));
  }

  /** Reads of which channels the items are that came since all were looked at last. @param fence as in `StreamRange` */
  async #read(
    subjects: readonly string[],
    upTo: number,
    fence: string | null,
    onItem: (channel: string, number: number) => void,
  ): Promise<void> {
    for (let after = Math.max(this.#proven, this.#before); after < upTo; ) {
      const range = { subjects, after, upTo, maxBytes: READ_BYTES, fence, namesOnly: true };
      const part = await readStream(this.#source, range);
      for (const { channel, number } of part.items) onItem(channel, number);
      after = part.upTo;
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
