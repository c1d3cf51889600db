import { type Guarded, guarded } from '../clock/index.ts';
import type { HistoryLog } from './history-log.ts';
import type { Segment } from './segment.ts';
import type { StoreFiles, WrittenFile } from './store-files.ts';

/** The name of a segment's file. */
export function segmentName(serial: number): string {
  return `${String(serial).padStart(12, '0')}.segment`;
}

/** The serial of a segment's file; null for any other file. */
export function serialOf(name: string): number | null {
  const digits = /^(\d{12,16})\.segment$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** Hears what becomes of the log. */
export interface WriterOwner extends Guarded {
  /** The system has everything up to this number. */
  onWritten(upTo: number): void;
  /** Something could not be written, or brought to the disk. What is not there is written again by the next call of `write`. */
  onWriteError(error: Error): void;
}

/** A segment that is not yet on the disk as a whole. */
class SegmentFile {
  readonly segment: Segment;
  file: WrittenFile | null = null;
  /** Bytes that the system has, and bytes that are on the disk. */
  written = 0;
  synced = 0;
  /** It is not needed any more. */
  released = false;

  constructor(segment: Segment) {
    this.segment = segment;
  }

  /** Whether everything is on the disk, or what the system has if nothing more comes. Others may rely on what a released one has, so it waits for that, too. */
  get isDone(): boolean {
    return this.synced === (this.released ? this.written : this.segment.used);
  }
}

/** Writes the segments of a log to files, one write at a time; what is appended meanwhile leaves in the next one. */
export class SegmentWriter {
  readonly #log: HistoryLog;
  readonly #files: StoreFiles;
  readonly #owner: WriterOwner;
  /** Segments that are not yet on the disk as a whole, oldest first. */
  #open: SegmentFile[] = [];
  /** The newest segment that was looked at. */
  #newest: Segment | null = null;
  #writing: SegmentFile | null = null;
  /** What is being written has to be written again. */
  #again = false;
  #syncing: Promise<void> | null = null;
  /** New names of files are not on the disk yet. */
  #created = false;
  /**
   * Files of released segments. Each goes once the records that replace those in it, and were in the log when it was released, are written and on the
   * disk: it is in the first list until a write begins that has them, and so on.
   */
  #released: string[] = [];
  #releasedInWrite: string[] = [];
  #releasedWritten: string[] = [];

  constructor(log: HistoryLog, files: StoreFiles, owner: WriterOwner) {
    this.#log = log;
    this.#files = files;
    this.#owner = owner;
  }

  /** Whether a write is under way. */
  get isWriting(): boolean {
    return this.#writing !== null;
  }

  /** Whether there is nothing to write. */
  get isIdle(): boolean {
    return this.#writing === null && this.isWritten;
  }

  /** Whether the system has all that is in the log now. */
  get isWritten(): boolean {
    this.#adopt();
    return this.#next() === undefined;
  }

  /** The segments that the log has now are on the disk. */
  start(): void {
    this.#newest = this.#log.segments.last;
  }

  /** A segment is not needed any more. Its file goes when that is safe. */
  release(segment: Segment): void {
    this.#adopt();
    const file = this.#open.find((open) => open.segment === segment);
    if (file !== undefined && file.file === null && file !== this.#writing) {
      // It does not need a file any more.
      this.#open.splice(this.#open.indexOf(file), 1);
      return;
    }
    if (file !== undefined) file.released = true;
    this.#released.push(segmentName(segment.serial));
  }

  /** Removes the files of released segments now, though a crash of the machine may then lose what they have and memory still keeps: there is no other room. */
  async removeReleased(): Promise<void> {
    const names = [...this.#released, ...this.#releasedInWrite, ...this.#releasedWritten];
    this.#released = [];
    this.#releasedInWrite = [];
    this.#releasedWritten = [];
    try {
      for (; names.length > 0; names.shift()) await this.#files.remove(names[0] as string);
    } finally {
      this.#released.push(...names);
    }
  }

  /** Writes what is not yet written. */
  write(): void {
    if (this.#writing !== null) return;
    this.#adopt();
    const file = this.#next();
    if (file === undefined) {
      this.#releasedWritten.push(...this.#released);
      this.#released = [];
      this.#owner.onWritten(this.#log.last);
      return;
    }
    this.#writing = file;
    if (file.file !== null) {
      this.#writeTo(file, file.file);
      return;
    }
    this.#files.open(segmentName(file.segment.serial)).then(
      guarded(this.#owner, (opened: WrittenFile) => {
        file.file = opened;
        this.#created = true;
        this.#writeTo(file, opened);
      }),
      guarded(this.#owner, (error: Error) => this.#end(error)),
    );
  }

  /** Brings what was written to the disk. Resolves when that is done, or `onWriteError` was called. */
  sync(): Promise<void> {
    this.#syncing ??= this.#sync().finally(() => {
      this.#syncing = null;
    });
    return this.#syncing;
  }

  /** The same for all that is written by now: a sync that is under way may not have it. */
  async syncWritten(): Promise<void> {
    await this.#syncing;
    await this.sync();
  }

  /** Closes the files. Nothing is written any more. */
  async close(): Promise<void> {
    for (const { file } of this.#open) await file?.close();
    this.#open = [];
  }

  #next(): SegmentFile | undefined {
    return this.#open.find(({ segment, written, released }) => written < segment.used && !released);
  }

  /** Takes the segments that were begun meanwhile. */
  #adopt(): void {
    for (;;) {
      const next: Segment | null = this.#newest === null ? this.#log.segments.first : this.#newest.next;
      if (next === null) return;
      this.#newest = next;
      this.#open.push(new SegmentFile(next));
    }
  }

  #writeTo(file: SegmentFile, to: WrittenFile): void {
    const { segment, written } = file;
    const end = segment.used;
    // The log is in order: with the last segment all that is in the log now is written.
    const isLast = segment === this.#log.segments.last;
    const upTo = this.#log.last;
    if (isLast) {
      this.#releasedInWrite = this.#released;
      this.#released = [];
    }
    to.write(
      segment.buffer.subarray(written, end),
      written,
      guarded(this.#owner, (error: Error | null) => {
        if (error !== null) {
          this.#end(error);
          return;
        }
        if (!this.#again) file.written = end;
        if (isLast && !this.#again) {
          this.#releasedWritten.push(...this.#releasedInWrite);
          this.#releasedInWrite = [];
          this.#owner.onWritten(upTo);
        }
        this.#end(null);
      }),
    );
  }

  #end(error: Error | null): void {
    this.#writing = null;
    this.#again = false;
    this.#released.push(...this.#releasedInWrite);
    this.#releasedInWrite = [];
    if (error !== null) this.#owner.onWriteError(error);
    else if (!this.isIdle || this.#released.length > 0) this.write();
  }

  async #sync(): Promise<void> {
    const released = this.#releasedWritten;
    this.#releasedWritten = [];
    const created = this.#created;
    this.#created = false;
    try {
      // A copy: files are taken out meanwhile.
      for (const file of [...this.#open]) {
        const end = file.written;
        // Released ones too: they may have what replaces records of a file that goes now.
        if (end > file.synced) await file.file?.sync();
        file.synced = Math.max(file.synced, end);
      }
      if (created) await this.#files.syncFolder();
      for (; released.length > 0; released.shift()) await this.#files.remove(released[0] as string);
      await this.#closeDone();
    } catch (error) {
      // The system forgets what it could not bring to the disk: all of it is written again.
      for (const file of this.#open) file.written = file.synced;
      this.#again = this.#writing !== null;
      this.#created ||= created;
      // With it the records that replace those of released segments: their files stay until that is done.
      this.#released.push(...released, ...this.#releasedInWrite, ...this.#releasedWritten);
      this.#releasedInWrite = [];
      this.#releasedWritten = [];
      this.#owner.onWriteError(error as Error);
    }
  }

  /** Closes files to which nothing comes any more. */
  async #closeDone(): Promise<void> {
    const done = this.#open.filter(
      (file) => file.segment !== this.#log.segments.last && file !== this.#writing && file.isDone,
    );
    if (done.length === 0) return;
    this.#open = this.#open.filter((file) => !done.includes(file));
    for (const { file } of done) await file?.close();
  }
}
