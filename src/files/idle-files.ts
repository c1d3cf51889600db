import { type TimerWheel, WheelTimer } from '../clock/index.ts';
import { type FaultReport, reportFault } from '../exchange/index.ts';
import type { EntryMap } from './file-cache.ts';
import type { FileEntry } from './file-entry.ts';

/** Milliseconds that a file stays open after its last use: in a stream of requests it is not opened for each of them. */
const IDLE_TIME = 1_000;

/** Files that are open and not used. They are closed after a while, or when another one needs their place. */
export class IdleFiles extends WheelTimer {
  /** When each was used last, the oldest first. */
  readonly #files = new Map<FileEntry, { readonly since: number; readonly map: EntryMap }>();
  readonly #wheel: TimerWheel;
  readonly #report: FaultReport;
  readonly #close: (entry: FileEntry) => void;

  /** @param close closes the descriptor of a file */
  constructor(wheel: TimerWheel, report: FaultReport, close: (entry: FileEntry) => void) {
    super();
    this.#wheel = wheel;
    this.#report = report;
    this.#close = close;
  }

  /** @param map where it is found */
  add(entry: FileEntry, map: EntryMap): void {
    this.#files.set(entry, { since: performance.now(), map });
    if (!this.waiting) this.#wheel.schedule(this, IDLE_TIME);
  }

  /** The file is used again. */
  take(entry: FileEntry): void {
    this.#files.delete(entry);
  }

  /** Closes a file. Without one, the one that was used last the longest time ago; returns whether there was one. */
  close(entry = this.#oldest()): boolean {
    const idle = entry === undefined ? undefined : this.#files.get(entry);
    if (entry === undefined || idle === undefined) return false;
    this.#files.delete(entry);
    // A later state of the file may be there.
    if (idle.map.get(entry.key) === entry) idle.map.delete(entry.key);
    this.#close(entry);
    return true;
  }

  closeAll(): void {
    while (this.close());
    this.#wheel.cancel(this);
  }

  onTimer(): void {
    const due = performance.now() - IDLE_TIME;
    for (const [entry, { since }] of this.#files) {
      if (since > due) {
        this.#wheel.schedule(this, since - due);
        return;
      }
      this.close(entry);
    }
  }

  onFault(thrown: unknown): void {
    reportFault(this.#report, thrown);
  }

  #oldest(): FileEntry | undefined {
    for (const entry of this.#files.keys()) return entry;
    return undefined;
  }
}
