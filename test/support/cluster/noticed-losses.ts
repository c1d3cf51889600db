import type { LogRecord } from '../program.ts';

/** Milliseconds after which a loss has been noticed, at most: the stream is asked for all channels every 30 s, after a look at the stream every 10 s, and again when the broker has failed. */
const NOTICED = 45_000;

/** Milliseconds for which a client may read nothing of what it was sent. */
const PAUSE = 10_000;

/** Milliseconds in which a node writes a line about some losses only, where there are many. */
const LINES = 1_000;

/** Milliseconds for which a message may be on its way between brokers of which one is stopped, and its publisher may try again. */
const UNDERWAY = 30_000;

interface Loss {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Null where the broker has failed to say what was missed. */
  readonly channel: string | null;
  /** Number of the last item of the channel before the loss. */
  readonly after: number;
}

/** What nodes have said of items that got lost on their way to them. */
export class NoticedLosses {
  readonly #losses: readonly Loss[];
  /** When nodes lost their brokers. */
  readonly #moves: readonly number[];
  /** When nodes were killed. */
  readonly #kills: readonly number[];

  /** @param records of the logs of all nodes @param kills milliseconds since 1970 */
  constructor(records: readonly LogRecord[], kills: readonly number[]) {
    this.#losses = records.flatMap((record) => lossOf(record) ?? []);
    this.#moves = records.flatMap(({ msg, time }) =>
      msg.startsWith('broker is away') ? Date.parse(String(time)) : [],
    );
    this.#kills = kills;
  }

  /** Whether a client that was there since then had to be told of a gap of one of these channels. @param told when it was told of one before */
  tells(channels: readonly string[], since: number, told: number, now: number): boolean {
    const from = Math.max(since, told - PAUSE) - LINES;
    return this.#losses.some(
      ({ time, channel }) => time >= from && time <= now && channel !== null && channels.includes(channel),
    );
  }

  /** Whether the broker has failed to say what a client has missed. */
  fails(since: number, now: number): boolean {
    return this.#losses.some(({ time, channel }) => channel === null && time >= since - LINES && time <= now);
  }

  /** Whether a node has lost its broker while an item that was published at this time was on its way: by another broker it, or those before it, may come later than what follows. */
  mayOvertake(time: number): boolean {
    return this.#moves.some((move) => move >= time - LINES && move <= time + UNDERWAY);
  }

  /** Whether a client that left before an item with this number was missed by its node could not be told: it was noticed later, or not at all, since the node was killed. */
  excuses(channel: string, number: number, left: number): boolean {
    const isIn = (time: number): boolean => time >= left - LINES && time <= left + NOTICED;
    return (
      this.#kills.some(isIn) ||
      this.#losses.some((loss) => isIn(loss.time) && loss.channel === channel && loss.after < number)
    );
  }
}

function lossOf({ msg, time, channel, after }: LogRecord): Loss | null {
  if (msg === 'reading of histories failed') return { time: Date.parse(String(time)), channel: null, after: 0 };
  if (msg !== 'items got lost on their way here') return null;
  return { time: Date.parse(String(time)), channel: String(channel), after: Number(after) };
}
