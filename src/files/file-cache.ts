import type { FileEntry } from './file-entry.ts';

/**
 * Content of small files, for all folders of a process, each costing at least 1,024 bytes.
 * @bound files-cache
 */
const MAX_BYTES = 67_108_864;

/** Where an entry is found by its key. */
export type EntryMap = Map<string, FileEntry>;

/** Keeps entries within a bound. Those that were not used for the longest time go first, roughly: each that was used gets one more round. */
export class FileCache {
  bytes = 0;
  /** In the order in which they were added, or looked at. */
  readonly #entries = new Map<FileEntry, EntryMap>();
  readonly #max: number;

  constructor(max = MAX_BYTES) {
    this.#max = max;
  }

  /** Keeps `entry` in `map`, in place of what is there. */
  add(entry: FileEntry, map: EntryMap): void {
    const before = map.get(entry.key);
    if (before !== undefined) this.drop(before);
    map.set(entry.key, entry);
    this.#entries.set(entry, map);
    this.bytes += entry.cost;
    this.#makeRoom();
  }

  /** Forgets `entry`. */
  drop(entry: FileEntry): void {
    const map = this.#entries.get(entry);
    if (map === undefined) return;
    this.#entries.delete(entry);
    this.bytes -= entry.cost;
    // A later state of the file may be there.
    if (map.get(entry.key) === entry) map.delete(entry.key);
  }

  #makeRoom(): void {
    for (const [entry, map] of this.#entries) {
      if (this.bytes <= this.#max) return;
      if (entry.recent) {
        entry.recent = false;
        this.#entries.delete(entry);
        this.#entries.set(entry, map);
      } else {
        this.drop(entry);
      }
    }
  }
}
