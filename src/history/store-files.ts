/** A file that is written. */
export interface WrittenFile {
  /** Writes all of the bytes at this place, and calls `done` when the system has them. */
  write(bytes: Buffer, position: number, done: (error: Error | null) => void): void;
  /** Resolves when what was written is on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The folder of a store. All of it may reject with an error of the system. */
export interface StoreFiles {
  /** The folder, for people. */
  readonly path: string;
  /** Names this process, as no other one that is alive. */
  readonly self: string;
  /** Names the machine's run since it was started; '' when that is not known. */
  bootId(): Promise<string>;
  /** Whether the process that has this name is alive. */
  isAlive(name: string): boolean;
  /** The names in the folder, which is made if there is none. */
  list(): Promise<string[]>;
  /** What a file has, in memory of its own. */
  read(name: string): Promise<Buffer>;
  /** Writes a file to the disk, in place of the one with this name, and all new names. After a crash it is the old or the new one. */
  replace(name: string, content: string): Promise<void>;
  /** Makes an empty file. Rejects with EEXIST when there is one. */
  create(name: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  truncate(name: string, length: number): Promise<void>;
  /** Harmless when there is no such file. */
  remove(name: string): Promise<void>;
  /** Opens a file for writing, and makes it if there is none. */
  open(name: string): Promise<WrittenFile>;
  /** Resolves when new names are on the disk. */
  syncFolder(): Promise<void>;
}
