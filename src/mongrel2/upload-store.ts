import type { TurnQueue } from '../clock/index.ts';
import { HeldTotal, type Log } from '../exchange/index.ts';
import type { Mongrel2Counters } from './mongrel2-counters.ts';
import { nameAfter, SpoolFile, type SpoolFileOptions, type SpoolFileOwner } from './spool-file.ts';

/**
 * Uploads that are being written to files, each of which has a descriptor.
 * @bound mongrel2-upload-files
 */
export const MAX_UPLOADS = 1_024;

/**
 * Bytes in the files of uploads that are not complete.
 * @bound mongrel2-upload-bytes
 */
export const MAX_UPLOAD_BYTES = 17_179_869_184;

/** What a store is made of. */
export interface UploadStoreOptions extends SpoolFileOptions {
  /** The template of the names by which handlers know the files. */
  readonly names: string;
  readonly turn: TurnQueue;
  readonly counters: Mongrel2Counters;
  readonly log: Log;
  /** Default: `MAX_UPLOADS`. */
  readonly maxUploads?: number;
  /** Default: `MAX_UPLOAD_BYTES`. */
  readonly maxBytes?: number;
}

/** The files of large uploads. */
export class UploadStore {
  /** Bytes in the files that are not complete; those with the most are given up beyond the bound. */
  readonly held: HeldTotal;
  readonly counters: Mongrel2Counters;
  readonly #options: UploadStoreOptions;
  readonly #max: number;
  #open = 0;
  #whenIdle: (() => void)[] = [];

  constructor(options: UploadStoreOptions) {
    const { maxBytes = MAX_UPLOAD_BYTES, maxUploads = MAX_UPLOADS } = options;
    this.#options = options;
    this.counters = options.counters;
    this.#max = maxUploads;
    this.held = new HeldTotal(maxBytes, options, 'uploads that are not complete take too much of the disk');
  }

  /** Files that are neither a handler's nor removed. */
  get open(): number {
    return this.#open;
  }

  /** A file for one more upload; null if there are too many. Its owner calls `gone` at its end. */
  add(owner: SpoolFileOwner): SpoolFile | null {
    const { counters } = this;
    counters.uploads++;
    if (this.#open >= this.#max) {
      counters.uploadsFailed++;
      return null;
    }
    this.#open++;
    counters.uploadsOpen++;
    return new SpoolFile(this.#options, owner);
  }

  /** A file of `add` is released, or removed. */
  gone(): void {
    this.#open--;
    this.counters.uploadsOpen--;
    if (this.#open > 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** What handlers know a file as, in latin1 characters of its bytes. */
  nameOf(path: string): string {
    return Buffer.from(nameAfter(this.#options.names, path)).toString('latin1');
  }

  /** Settles when no file is open. */
  async whenIdle(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }
}
