import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { systemErrorText } from '../exchange/index.ts';

/** A file with the number of this process, for programs that send it signals. */
export class PidFile {
  readonly #path: string;
  #written = false;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Writes the file. One that a process left which has ended is replaced.
   * @param former process that this one has replaced: its file is this one's. Default: none
   * @throws Error when the process in the file runs, or if the file cannot be written
   */
  write(former: number | null = null): void {
    const other = this.#otherProcess();
    if (other !== null && other !== former)
      throw new Error(`${this.#path} says that the process ${other} is running: stop it, or remove the file`);
    try {
      writeFileSync(this.#path, `${process.pid}\n`);
    } catch (error) {
      throw new Error(`cannot write the pid file ${this.#path}: ${systemErrorText(error)}`);
    }
    this.#written = true;
  }

  /** Removes the file, unless it has come to be that of another process. */
  remove(): void {
    if (!this.#written) return;
    this.#written = false;
    if (pidIn(this.#path) !== process.pid) return;
    const aside = `${this.#path}.${process.pid}`;
    try {
      // The process that replaces this one may write the file right now: from here on it makes another one.
      renameSync(this.#path, aside);
      if (pidIn(aside) !== process.pid) linkSync(aside, this.#path);
    } catch {
      // The next start replaces it.
    }
    rmSync(aside, { force: true });
  }

  #otherProcess(): number | null {
    const pid = pidIn(this.#path);
    return pid !== null && pid !== process.pid && isRunning(pid) ? pid : null;
  }
}

/** The number in a file; null if there is none. */
function pidIn(path: string): number | null {
  try {
    const text = readFileSync(path, 'latin1').trim();
    return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : null;
  } catch {
    return null;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
