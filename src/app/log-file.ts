import { closeSync, openSync, writeSync } from 'node:fs';

/** A file that log lines are appended to. */
export class LogFile {
  readonly #path: string;
  #fd: number;

  /** @throws Error when the file cannot be opened */
  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, 'a');
  }

  /** Appends a line. One that cannot be written, as on a full disk, is lost: whoever is served must not suffer for it. */
  write(line: string): void {
    try {
      writeSync(this.#fd, line);
    } catch {
      // There is no place left to say so.
    }
  }

  /**
   * Goes on in a file of the same name, after the one so far was renamed.
   * @throws Error when it cannot be opened; then all goes on as before
   */
  reopen(): void {
    const fd = openSync(this.#path, 'a');
    closeSync(this.#fd);
    this.#fd = fd;
  }
}
