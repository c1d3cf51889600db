import { setTimeout as delay } from 'node:timers/promises';
import type { KV, KvWatchEntry } from '@nats-io/kv';
import type { QueuedIterator } from '@nats-io/transport-node';
import { attempt } from '../clock/index.ts';
import { type FaultReport, LineRate, type Log, reportFault } from '../exchange/index.ts';

/** Milliseconds until a watch that has failed begins again. */
const AGAIN_MS = 500;

/** What a bucket says of a key. */
export interface BucketChange {
  readonly key: string;
  /** Empty where there is none any more. */
  readonly value: string;
  readonly revision: number;
}

/** Hears of a bucket. */
export interface BucketReader {
  /** What follows begins with all that there is. */
  onBegin(): void;
  onChange(change: BucketChange): void;
  /** All that there was at the beginning has come. */
  onLoaded(): void;
}

/** Follows all keys of a bucket. */
export class BucketWatch {
  readonly #bucket: KV;
  readonly #mark: string;
  readonly #reader: BucketReader;
  readonly #report: FaultReport & { readonly log: Log };
  readonly #lines = new LineRate();
  #run = 0;
  #changes: QueuedIterator<KvWatchEntry> | null = null;

  /** @param mark a key of this watch alone: what comes before it is what there was */
  constructor(bucket: KV, mark: string, reader: BucketReader, report: FaultReport & { readonly log: Log }) {
    this.#bucket = bucket;
    this.#mark = mark;
    this.#reader = reader;
    this.#report = report;
  }

  /** Begins, or begins again. */
  start(): void {
    this.stop();
    void this.#follow(this.#run);
  }

  stop(): void {
    this.#run++;
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
      await delay(AGAIN_MS, undefined, { ref: false });
    }
  }

  /** Reads as long as the broker sends something. */
  async #read(run: number): Promise<void> {
    const marked = await this.#bucket.put(this.#mark, String(run));
    const changes = await this.#bucket.watch();
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
