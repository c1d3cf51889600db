import { CallLimit } from '../call-limit.ts';
import { type KeptRun, type RunEnd, type RunSource, readRun, type WantedChannel } from './kept-run.ts';

/**
 * Reads of the stream that are under way at a time. Others wait in line.
 * @bound cluster-reads
 */
export const MAX_READS = 8;

/**
 * Bytes of items that were read from the stream and are kept for clients that ask for the same, and for the next pages of slow ones. Each item costs 200 bytes more, and so does each channel.
 * @bound cluster-runs
 */
export const RUNS_BYTES = 16_777_216;

/** Reads runs of items: one run for all that need the same. */
export class StreamRuns {
  readonly #source: RunSource;
  readonly #end: () => Promise<RunEnd>;
  /** By the names of their channels, the oldest first. */
  readonly #kept = new Map<string, KeptRun>();
  readonly #coming = new Map<string, Promise<KeptRun>>();
  readonly #limit = new CallLimit(MAX_READS);
  #bytes = 0;
  /** Grows when what was read so far does not count any more. */
  #age = 0;

  /** @param end tells up to where to read, before each read */
  constructor(source: RunSource, end: () => Promise<RunEnd>) {
    this.#source = source;
    this.#end = end;
  }

  /** Bytes of the runs that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Reads that are under way, and that wait. */
  get reads(): readonly [now: number, waiting: number] {
    return [this.#limit.running, this.#limit.waiting];
  }

  /** A run that has what these channels have above their places; null if none is kept. */
  find(channels: readonly WantedChannel[]): KeptRun | null {
    const run = this.#kept.get(keyOf(channels));
    return run?.has(channels) === true ? run : null;
  }

  /** Reads what these channels have above their places, up to where the stream is. Rejects when the broker fails. @param upTo only what has been stored for long */
  read(channels: readonly WantedChannel[], upTo = Number.POSITIVE_INFINITY): Promise<KeptRun> {
    const key = JSON.stringify([channels, upTo]);
    const coming = this.#coming.get(key);
    if (coming !== undefined) return coming;
    const read = this.#limit
      .run(() => this.#read(channels, upTo))
      .finally(() => {
        if (this.#coming.get(key) === read) this.#coming.delete(key);
      });
    this.#coming.set(key, read);
    return read;
  }

  /** What was read of a channel so far does not count any more. */
  forgetChannel(channel: string): void {
    this.#age++;
    // What is under way may have been read before: those who come now do not share it.
    this.#coming.clear();
    for (const [key, run] of this.#kept) if (run.isOf(channel)) this.#drop(key);
  }

  /** What was read so far does not count any more. */
  forget(): void {
    this.#age++;
    this.#kept.clear();
    this.#coming.clear();
    this.#bytes = 0;
  }

  async #read(channels: readonly WantedChannel[], upTo: number): Promise<KeptRun> {
    const age = this.#age;
    const end = await this.#end();
    if (upTo < end.number) return await readRun(this.#source, channels, { number: upTo, fence: null });
    const run = await readRun(this.#source, channels, end);
    if (age === this.#age) this.#keep(keyOf(channels), run);
    return run;
  }

  #keep(key: string, run: KeptRun): void {
    this.#drop(key);
    this.#kept.set(key, run);
    this.#bytes += run.bytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= RUNS_BYTES) return;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#kept.get(key)?.bytes ?? 0;
    this.#kept.delete(key);
  }
}

function keyOf(channels: readonly WantedChannel[]): string {
  return JSON.stringify(channels.map(([name]) => name));
}
