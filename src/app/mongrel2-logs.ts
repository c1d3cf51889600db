import type { Mongrel2Server } from '../config/index.ts';
import { type Log, systemErrorText } from '../exchange/index.ts';
import { AccessLogFile } from './access-log-file.ts';
import { LogFile } from './log-file.ts';
import { createLog, type LogLevel } from './logger.ts';
import { serverLog } from './server-log.ts';

/** The logs of one Mongrel2 server. */
export class Mongrel2Logs {
  /** What the server logs: its own error log, or the log of the process. */
  readonly log: Log;
  /** Null: requests are not logged. */
  readonly accessLog: AccessLogFile | null;
  readonly #errorLog: LogFile | null;

  /**
   * Opens the files.
   * @param level of the error log
   * @param log of the process
   * @param onLost counts lines of the access log that could not be written
   * @throws Error when a file cannot be opened
   */
  constructor(server: Mongrel2Server, level: LogLevel, log: Log, onLost: (lines: number) => void) {
    const { accessLog, errorLog, settings } = server;
    this.#errorLog = errorLog === null ? null : opened(errorLog, () => new LogFile(errorLog));
    this.log = this.#errorLog === null ? serverLog(log, server.name) : createLog(level, this.#errorLog);
    const logs = accessLog !== null && settings.accessLogging;
    this.accessLog = logs ? opened(accessLog, () => new AccessLogFile(accessLog, asItIs, onLost, this.log)) : null;
  }

  /** Opens the files again, after they were renamed. Returns false if one cannot be opened: the old one stays in use. */
  reopen(): boolean {
    const access = this.accessLog?.reopen() ?? true;
    return this.#reopenErrorLog() && access;
  }

  #reopenErrorLog(): boolean {
    try {
      this.#errorLog?.reopen();
      return true;
    } catch (error) {
      this.log.error({ path: this.#errorLog?.path, reason: systemErrorText(error) }, 'cannot reopen the error log');
      return false;
    }
  }

  /** Writes the last lines of the access log. The error log stays open: what ends last may log. */
  close(): void {
    this.accessLog?.close();
  }
}

function asItIs(line: string): string {
  return line;
}

function opened<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw new Error(`cannot write the log ${path}: ${systemErrorText(error)}`);
  }
}
