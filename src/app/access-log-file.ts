import { type Log, systemErrorText } from '../exchange/index.ts';
import { LineBatch } from './line-batch.ts';
import { LogFile } from './log-file.ts';

/** Milliseconds between two reports about lines that are lost. */
const REPORT_INTERVAL = 60_000;

/** A file to which the lines of an access log are appended, many at a time. */
export class AccessLogFile<Entry = string> {
  readonly #file: LogFile;
  readonly #onLost: (lines: number) => void;
  readonly #log: Log;
  readonly #batch: LineBatch<Entry>;
  /** Lines that were lost since the last report. */
  #lost = 0;
  /** When lines were reported as lost, by `performance.now`; 0 if the last ones were written. */
  #reportedAt = 0;

  /**
   * @param lineOf gives the line of an entry, latin1 text that ends with a line feed
   * @param onLost counts lines that could not be written
   * @param mode of a file that is created
   * @throws Error when the file cannot be opened
   */
  constructor(
    path: string,
    lineOf: (entry: Entry) => string,
    onLost: (lines: number) => void,
    log: Log,
    mode?: number,
  ) {
    this.#batch = new LineBatch<Entry>((lines) => this.#append(lines), lineOf, 'latin1');
    this.#file = new LogFile(path, mode);
    this.#onLost = onLost;
    this.#log = log;
  }

  write(entry: Entry): void {
    this.#batch.write(entry);
  }

  /** Opens the file of this name again, after the old one was renamed. Returns false if it cannot be opened: the old one stays in use. */
  reopen(): boolean {
    this.#batch.flush();
    try {
      this.#file.reopen();
      return true;
    } catch (error) {
      this.#log.error({ path: this.#file.path, reason: systemErrorText(error) }, 'cannot reopen the access log');
      return false;
    }
  }

  /** Writes what waits, and closes the file. */
  close(): void {
    this.#batch.end();
    this.#file.close();
  }

  #append(lines: Buffer): void {
    const lost = this.#file.write(lines);
    if (lost === 0 && this.#reportedAt === 0) return;
    if (lost > 0) this.#onLost(lost);
    this.#lost += lost;
    const now = performance.now();
    if (lost === 0) {
      this.#reportedAt = 0;
      this.#report('info', 'lines of the access log can be written again');
    } else if (this.#reportedAt === 0 || now - this.#reportedAt >= REPORT_INTERVAL) {
      // Now and then, not for each of the many that may follow.
      this.#reportedAt = now;
      this.#report('error', 'lines of the access log cannot be written, and are lost');
    }
  }

  #report(level: 'error' | 'info', message: string): void {
    this.#log[level]({ path: this.#file.path, lost: this.#lost }, message);
    this.#lost = 0;
  }
}
