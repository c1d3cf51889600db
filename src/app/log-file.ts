import { closeSync, constants, openSync, writeSync } from 'node:fs';

/** A pipe is opened only if it has a reader, and a write to it never waits. */
const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
const FLAGS = O_APPEND | O_CREAT | O_NONBLOCK | O_WRONLY;

/** A file that log lines are appended to. */
export class LogFile {
  readonly path: string;
  #fd: number;

  /** @throws Error when the file cannot be opened */
  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, FLAGS);
  }

  /** Appends lines. Returns false for lines that cannot be written, as on a full disk, and are lost: clients must not suffer for it. */
  write(lines: string | Buffer): boolean {
    try {
      const bytes = typeof lines === 'string' ? Buffer.from(lines) : lines;
      return writeSync(this.#fd, bytes) === bytes.length;
    } catch {
      return false;
    }
  }

  /**
   * Opens the file of this name again, after the old one was renamed.
   * @throws Error when it cannot be opened; the old file stays in use then
   */
  reopen(): void {
    const fd = openSync(this.path, FLAGS);
    closeSync(this.#fd);
    this.#fd = fd;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
