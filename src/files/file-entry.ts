import { type Stats, statSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { HeaderList, ResponseHead } from '../exchange/index.ts';
import type { Validators } from './conditions.ts';

/** What an entry costs beside its content. */
const ENTRY_COST = 1_024;

/** Milliseconds that a file has to be unchanged before its state can be told from its times: some file systems keep them in steps of 2 s. */
const SETTLED = 2_000;

const SECOND = 1_000;

/** The present: milliseconds since 1970, and by a clock that never goes back. */
export interface Now {
  readonly date: number;
  readonly clock: number;
}

/** What a file is served as. */
export interface FileFace {
  readonly key: string;
  /** The file, to which links may lead. */
  readonly path: string;
  readonly type: string;
  readonly server: string;
}

/**
 * One state of a file, with what its responses say about it. A small one has its content here. A larger one has its descriptor, which is open
 * while responses use it.
 */
export class FileEntry implements Validators {
  readonly key: string;
  readonly type: string;
  readonly size: number;
  readonly etag: string;
  readonly lastModified: number;
  /** The content; null for a file that is read for each response. */
  readonly content: Buffer | null;
  /** Null for an entry with content. */
  readonly handle: FileHandle | null;
  /** Whether the content may be kept for other requests. */
  keepable = false;
  /** Whether it was used since the cache has looked last. */
  recent = false;
  /** Responses that use the descriptor. */
  users = 0;
  /** Bytes from the beginning that were read through the descriptor: the kernel still has them, as a rule. */
  warm = 0;
  /** When the file was looked at. */
  #checkedAt: number;
  readonly #path: string;
  readonly #server: string;
  readonly #stats: Stats;
  readonly #settled: boolean;
  /** The head of a 200, which holds until the date changes. */
  #head: ResponseHead | null = null;
  #headSecond = 0;

  constructor(face: FileFace, stats: Stats, content: Buffer | null, handle: FileHandle | null, now: Now) {
    this.key = face.key;
    this.type = face.type;
    this.size = content?.length ?? stats.size;
    this.content = content;
    this.handle = handle;
    this.#path = face.path;
    this.#server = face.server;
    this.#stats = stats;
    this.#checkedAt = now.clock;
    this.#settled = now.date - Math.max(stats.mtimeMs, stats.ctimeMs) >= SETTLED;
    // RFC 9110 §8.8.2.1: not later than the date of the response.
    const modified = Math.max(0, Math.min(stats.mtimeMs, now.date));
    this.lastModified = modified - (modified % SECOND);
    // The state of a file is its time, in microseconds, and its size. Mongrel2 has the same in seconds, without quotes.
    this.etag = `"${Math.floor(stats.mtimeMs * SECOND).toString(16)}-${this.size.toString(16)}"`;
  }

  /** What it costs to keep. */
  get cost(): number {
    return ENTRY_COST + this.key.length + (this.content?.length ?? 0);
  }

  /**
   * Whether the file is still in this state. It is looked at if that was done longer than `ttl` ms ago. A file that had just been written then
   * may have changed again without a trace, so it counts as changed.
   */
  isCurrent(clock: number, ttl: number): boolean {
    if (clock - this.#checkedAt < ttl) return true;
    if (!this.#settled) return false;
    const { ino, dev, size, mtimeMs, ctimeMs } = this.#stats;
    const stats = lookAt(this.#path);
    this.#checkedAt = clock;
    return (
      stats !== undefined &&
      stats.ino === ino &&
      stats.mtimeMs === mtimeMs &&
      stats.ctimeMs === ctimeMs &&
      stats.size === size &&
      stats.dev === dev
    );
  }

  /** The head of a response with the whole file. It is the same object for a second, so that it is written out once. */
  wholeHead(date: number): ResponseHead {
    const second = Math.floor(date / SECOND);
    if (this.#head === null || this.#headSecond !== second) {
      this.#headSecond = second;
      const headers = ['Content-Type', this.type, ...this.fields(date), 'Accept-Ranges', 'bytes'];
      this.#head = { status: 200, reason: '', headers, bodyLength: this.size };
    }
    return this.#head;
  }

  /** The fields of each response about this file. */
  fields(date: number): HeaderList {
    const { etag, lastModified } = this;
    return ['Last-Modified', dateText(lastModified), 'ETag', etag, ...commonFields(date, this.#server)];
  }
}

/** The fields of each response. */
export function commonFields(date: number, server: string): string[] {
  return server === '' ? ['Date', dateText(date)] : ['Date', dateText(date), 'Server', server];
}

function dateText(time: number): string {
  return new Date(time).toUTCString();
}

/**
 * Looks at a file that was found before. What is known about it is in the kernel's memory, as a rule, and asking a thread would cost many times as
 * much as the call.
 */
function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
