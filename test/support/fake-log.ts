import type { Log, LogWrite } from '../../src/exchange/index.ts';

/** What was written to a log. */
export interface LogRecord {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

/** A log that keeps its records. */
export class FakeLog implements Log {
  readonly records: LogRecord[] = [];
  readonly debugEnabled = true;
  readonly error = this.#writer('error');
  readonly warn = this.#writer('warn');
  readonly info = this.#writer('info');
  readonly debug = this.#writer('debug');
  #waits: { message: string; resolve: (record: LogRecord) => void }[] = [];

  /** The records with this message. */
  with(message: string): LogRecord[] {
    return this.records.filter((record) => record.message === message);
  }

  /** The first record with this message, now or later. */
  until(message: string): Promise<LogRecord> {
    const [record] = this.with(message);
    if (record !== undefined) return Promise.resolve(record);
    return new Promise((resolve) => this.#waits.push({ message, resolve }));
  }

  #writer(level: LogRecord['level']): LogWrite {
    return (fields, message) => {
      const record = { level, fields, message };
      this.records.push(record);
      const waits = this.#waits;
      this.#waits = waits.filter((wait) => wait.message !== message);
      for (const wait of waits) {
        if (wait.message === message) wait.resolve(record);
      }
    };
  }
}
