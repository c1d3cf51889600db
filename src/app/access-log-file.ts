import { type Log, systemErrorText } from '../exchange/index.ts';
import { lineCount } from './bounded-output.ts';
import { LineBatch } from './line-batch.ts';
import { LogFile } from './log-file.ts';

/** What access logs count of themselves. */
export interface AccessLogCounters {
  /** Lines that could not be written. */
  accessLinesLost: number;
}

/** The access log of a Mongrel2 server: a file to which lines are appended, many at a time. */
export class AccessLogFile {
  readonly #file: LogFile;
  readonly #counters: AccessLogCounters;
  readonly #log: Log;
  readonly #batch = new LineBatch((lines) => this.#append(lines));
  /** Whether the last lines could not be written. */
  #failing = false;

  /** @throws Error when the file cannot be opened */
  constructor(path: string, counters: AccessLogCounters, log: Log) {
    this.#file = new LogFile(path);
    this.#counters = counters;
    this.#log = log;
  }

  /** @param line latin1 text that ends with a line feed */
  write(line: string): void {
    this.#batch.write(line);
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

  #append(lines: string): void {
    const written = this.#file.write(Buffer.from(lines, 'latin1'));
    if (!written) {
      this.#counters.accessLinesLost += lineCount(lines);
      // Once, not for each of the many that may follow.
      if (!this.#failing)
        this.#log.error({ path: this.#file.path }, 'lines of the access log cannot be written, and are lost');
    }
    this.#failing = !written;
  }
}
