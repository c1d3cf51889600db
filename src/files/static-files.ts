import type { TimerWheel } from '../clock/index.ts';
import { ExchangeError, type Log, reportFault, systemErrorText } from '../exchange/index.ts';
import { type EntryMap, FileCache } from './file-cache.ts';
import { FileEntry } from './file-entry.ts';
import { type Found, loadFile } from './file-loader.ts';
import type { FilesCounters } from './files-counters.ts';
import type { FilesHost, LoadingFolder } from './files-host.ts';
import type { FolderOptions } from './folder-options.ts';
import { IdleFiles } from './idle-files.ts';
import { ServedFolder } from './served-folder.ts';

/**
 * Files over 65,536 bytes that are being sent, or were a second ago. All responses with one share its descriptor.
 * @bound files-open
 */
const MAX_OPEN = 1_024;

/** Files that are looked for at a time. Node.js has four threads for this by default, which do other work too. */
const MAX_LOADING = 8;

/** What the room is made of. */
export interface StaticFilesOptions {
  readonly counters: FilesCounters;
  readonly log: Log;
  readonly wheel: TimerWheel;
  /** Bytes of small files that are kept. Default: 67,108,864. */
  readonly maxKept?: number;
  /** Larger files that are open. Default: 1,024. */
  readonly maxOpen?: number;
  /** Milliseconds since 1970. Default: the system's. */
  readonly date?: () => number;
  /** Milliseconds by a clock that never goes back. Default: the system's. */
  readonly clock?: () => number;
}

/** A file to look for. */
interface Load {
  readonly folder: LoadingFolder;
  readonly key: string;
}

/** Serves folders of files. What is kept of them in memory, and how many files are open, has one bound for all folders. */
export class StaticFiles implements FilesHost {
  readonly counters: FilesCounters;
  readonly log: Log;
  readonly date: () => number;
  readonly clock: () => number;
  readonly #cache: FileCache;
  readonly #idle: IdleFiles;
  readonly #maxOpen: number;
  #loading = 0;
  /** What waits until others have been found: each stands for at least one request. */
  readonly #line = new Set<Load>();

  constructor(options: StaticFilesOptions) {
    this.counters = options.counters;
    this.log = options.log;
    this.date = options.date ?? Date.now;
    this.clock = options.clock ?? (() => performance.now());
    this.#cache = new FileCache(options.maxKept);
    this.#idle = new IdleFiles(options.wheel, this, (entry) => this.#close(entry));
    this.#maxOpen = options.maxOpen ?? MAX_OPEN;
  }

  /** A folder. What is known of its files is shared by all its services. */
  folder(options: FolderOptions): ServedFolder {
    return new ServedFolder(options, this);
  }

  /** Closes the files that nothing uses. Those that are being sent are closed with the last response, or a second later. */
  close(): void {
    this.#idle.closeAll();
  }

  load(folder: LoadingFolder, key: string): void {
    this.#line.add({ folder, key });
    this.#loadNext();
  }

  #loadNext(): void {
    for (const load of this.#line) {
      if (this.#loading >= MAX_LOADING) return;
      this.#line.delete(load);
      this.#loading++;
      void this.#load(load);
    }
  }

  async #load({ folder, key }: Load): Promise<void> {
    const now = () => ({ date: this.date(), clock: this.clock() });
    let outcome: Found | ExchangeError;
    try {
      outcome = await loadFile(folder.options, key, now);
      if (outcome instanceof FileEntry) await this.#take(outcome, folder);
    } catch (thrown) {
      outcome = this.#failure(thrown);
    }
    this.#loading--;
    try {
      folder.onFound(key, outcome);
    } catch (thrown) {
      // Nobody waits for this: it would end the process.
      reportFault(this, thrown);
    }
    // Whoever responds with it uses it now.
    if (outcome instanceof FileEntry && outcome.handle !== null) folder.leave(outcome);
    this.#loadNext();
  }

  /** Keeps what was found: small files as long as there is room, others while they are used. */
  async #take(entry: FileEntry, folder: LoadingFolder): Promise<void> {
    const { handle } = entry;
    if (handle === null) {
      if (entry.keepable) this.#cache.add(entry, folder.entries);
    } else if (this.counters.filesOpen >= this.#maxOpen && !this.#idle.close()) {
      await handle.close();
      throw new ExchangeError('HF_FILES_OPEN', `${entry.key}: ${this.#maxOpen} other files are being sent`);
    } else {
      this.counters.filesOpen++;
      folder.use(entry);
      folder.entries.set(entry.key, entry);
    }
  }

  #failure(thrown: unknown): ExchangeError {
    if (!(thrown instanceof ExchangeError)) return reportFault(this, thrown);
    const { code, detail } = thrown;
    if (code === 'HF_FILES_OPEN' || code === 'HF_OPEN_FILES') this.counters.filesRefused++;
    else this.onFailed(thrown);
    this.log.debug({ code, detail }, 'file not opened');
    return thrown;
  }

  onFailed({ code, detail }: ExchangeError): void {
    this.counters.filesFailed++;
    this.log.warn({ code, detail }, 'file cannot be read');
  }

  onUsed(entry: FileEntry): void {
    this.#idle.take(entry);
  }

  onUnused(entry: FileEntry, map: EntryMap): void {
    // A later state of the file may be there.
    if (map.get(entry.key) === entry) this.#idle.add(entry, map);
    else this.#close(entry);
  }

  forget(entry: FileEntry, map: EntryMap): void {
    this.#cache.drop(entry);
    this.#idle.close(entry);
    if (map.get(entry.key) === entry) map.delete(entry.key);
  }

  #close(entry: FileEntry): void {
    this.counters.filesOpen--;
    entry.handle?.close().catch((error) => {
      this.onFailed(new ExchangeError('HF_FILE_FAILED', `${entry.key}: ${systemErrorText(error)}`));
    });
  }
}
