import { closeSync, constants, openSync, writeSync } from 'node:fs';

/** A pipe is opened only if it has a reader, and a write to it never waits. */
const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
const FLAGS = O_APPEND | O_CREAT | O_NONBLOCK | O_WRONLY;

const LINE_FEED = 0x0a;

/** A file that log lines are appended to. */
export class LogFile {
  readonly path: string;
  readonly #mode: number;
  #fd: number;
  /** Whether the file ends within a line, because the disk was full there. */
  #torn = false;

  /**
   * @param mode of a file that is created, before the umask of the process
   * @throws Error when the file cannot be opened
   */
  constructor(path: string, mode = 0o666) {
    this.path = path;
    this.#mode = mode;
    this.#fd = openSync(path, FLAGS, mode);
  }

  /**
   * Appends whole lines, each with its line end. Lines that cannot be written, as on a full disk, are lost: clients must not suffer for it.
   * @returns how many are lost
   */
  write(lines: string | Buffer): number {
    const bytes = typeof lines === 'string' ? Buffer.from(lines) : lines;
    // What was torn off stays a line of its own, so that the next one can be read.
    const all = this.#torn ? Buffer.concat([Buffer.of(LINE_FEED), bytes]) : bytes;
    let written = 0;
    try {
      written = writeSync(this.#fd, all);
    } catch {
      // None of it is there.
    }
    if (written > 0) this.#torn = all[written - 1] !== LINE_FEED;
    return written === all.length ? 0 : lineCount(all.toString('latin1', written));
  }

  /**
   * Opens the file of this name again, after the old one was renamed.
   * @throws Error when it cannot be opened; the old file stays in use then
   */
  reopen(): void {
    const fd = openSync(this.path, FLAGS, this.#mode);
    closeSync(this.#fd);
    this.#fd = fd;
    this.#torn = false;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** How many line ends a text has. */
export function lineCount(lines: string): number {
  let count = 0;
  for (let at = lines.indexOf('\n'); at >= 0; at = lines.indexOf('\n', at + 1)) count++;
  return count;
}
