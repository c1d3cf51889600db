import type { ExchangeError, FaultReport } from '../exchange/index.ts';
import type { EntryMap } from './file-cache.ts';
import type { FileEntry } from './file-entry.ts';
import type { FileUse } from './file-exchange.ts';
import type { Found } from './file-loader.ts';
import type { FolderOptions } from './folder-options.ts';

/** What a folder needs of its room. */
export interface FilesHost extends FaultReport {
  /** Milliseconds since 1970. */
  date(): number;
  /** Milliseconds by a clock that never goes back. */
  clock(): number;
  /** Looks for a file. `folder.onFound` gets the outcome, later. */
  load(folder: LoadingFolder, key: string): void;
  /** A file could not be read. */
  onFailed(error: ExchangeError): void;
  /** The first response uses the descriptor of `entry`, or the last one does no more. */
  onUsed(entry: FileEntry): void;
  onUnused(entry: FileEntry, map: EntryMap): void;
  /** Forgets a state of a file, which is not the present one. */
  forget(entry: FileEntry, map: EntryMap): void;
}

/** A folder whose files are looked for. */
export interface LoadingFolder extends FileUse {
  readonly options: FolderOptions;
  readonly entries: EntryMap;
  onFound(key: string, outcome: Found | ExchangeError): void;
}
