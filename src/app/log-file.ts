import { closeSync, openSync, writeSync } from 'node:fs';

/** A file that log lines are appended to. */
export class LogFile {
  readonly path: string;
  #fd: number;

  /** @throws Error when the file cannot be opened */
  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, 'a');
  }

  /** Appends lines. Lines that cannot be written, as on a full disk, are lost: clients must not suffer for it. */
  write(line: string): void {
    try {
      writeSync(this.#fd, line);
    } catch {
      // There is nowhere to report it.
    }
  }

  /**
   * Opens the file of this name again, after the old one was renamed.
   * @throws Error when it cannot be opened; the old file stays in use then
   */
  reopen(): void {
    const fd = openSync(this.path, 'a');
    closeSync(this.#fd);
    this.#fd = fd;
  }
}
