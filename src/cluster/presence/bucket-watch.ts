import { setTimeout } from 'node:timers/promises';
import type { KvWatchEntry } from '@nats-io/kv';
import type { QueuedIterator } from '@nats-io/transport-node';
import { attempt, Ticker } from '../../clock/index.ts';
import { type FaultReport, LineRate, type Log, OUTAGE_LINES, reportFault } from '../../exchange/index.ts';
import type { SharedBucket } from '../shared-bucket.ts';

/** Milliseconds until a watch that has failed begins again. */
const AGAIN_MS = 500;

/** Milliseconds between two checks that it is still the same bucket: one that was deleted sends nothing, not even that it is gone. */
const LOOK_MS = 10_000;

/** A change of a bucket. */
export interface BucketChange {
  readonly key: string;
  /** Empty where the key is gone. */
  readonly value: string;
  readonly revision: number;
}

/** Hears the changes of a bucket. */
export interface BucketReader {
  /** The values that there are follow, then changes. */
  onBegin(): void;
  onChange(change: BucketChange): void;
  /** All values that there were at the beginning have come. */
  onLoaded(): void;
}

/** Follows all keys of a bucket, and of the one that is made in its place. */
export class BucketWatch {
  readonly #bucket: SharedBucket;
  readonly #mark: string;
  readonly #reader: BucketReader;
  readonly #report: FaultReport & { readonly log: Log };
  readonly #lines = new LineRate(OUTAGE_LINES);
  #run = 0;
  #ticker: Ticker | null = null;
  #changes: QueuedIterator<KvWatchEntry> | null = null;

  /** @param mark a key of this watch alone, which it writes when it begins: what comes before it was there already */
  constructor(bucket: SharedBucket, mark: string, reader: BucketReader, report: FaultReport & { readonly log: Log }) {
    this.#bucket = bucket;
    this.#mark = mark;
    this.#reader = reader;
    this.#report = report;
  }

  /** Begins, or begins again. */
  start(): void {
    this.stop();
    this.#ticker = new Ticker(LOOK_MS, this, () => void this.look());
    void this.#follow(this.#run);
  }

  stop(): void {
    this.#run++;
    this.#ticker?.stop();
    this.#changes?.stop();
    this.#changes = null;
  }

  async #follow(run: number): Promise<void> {
    while (run === this.#run) {
      try {
        await this.#read(run);
      } catch (error) {
        this.#lines.write(
          this.#report.log,
          'warn',
          { error: String(error) },
          'bucket cannot be read: it is tried again',
        );
      }
      await setTimeout(AGAIN_MS, null, { ref: false });
    }
  }

  /** Checks that it is still the same bucket, and makes one if there is none. It does so every 10 s. */
  async look(): Promise<void> {
    const run = this.#run;
    // While the broker fails, the reading finds out.
    const isOther = await this.#bucket.restore().catch(() => false);
    if (isOther && run === this.#run) this.start();
  }

  /** Reads as long as the broker sends something. */
  async #read(run: number): Promise<void> {
    await this.#bucket.restore();
    const { values } = this.#bucket;
    const marked = await values.put(this.#mark, String(run));
    const changes = await values.watch();
    if (run !== this.#run) return changes.stop();
    this.#changes = changes;
    attempt(this, () => this.#reader.onBegin());
    let isLoaded = false;
    for await (const change of changes) {
      if (run !== this.#run) break;
      attempt(this, take, change);
      if (isLoaded || change.revision < marked) continue;
      isLoaded = true;
      attempt(this, () => this.#reader.onLoaded());
    }
  }

  onFault(thrown: unknown): void {
    reportFault(this.#report, thrown);
  }

  take(change: KvWatchEntry): void {
    const { key, revision, operation } = change;
    if (key === this.#mark) return;
    this.#reader.onChange({ key, revision, value: operation === 'PUT' ? change.string() : '' });
  }
}

function take(watch: BucketWatch, change: KvWatchEntry): void {
  watch.take(change);
}
