import type { Log } from '../../../../src/exchange/index.ts';

/** One line of a log. */
export interface LogRecord {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

/** A log that keeps its records, and on which a test can wait for them. */
export class TestLog implements Log {
  readonly records: LogRecord[] = [];
  readonly debugEnabled: boolean;
  readonly error = this.#writer('error');
  readonly warn = this.#writer('warn');
  readonly info = this.#writer('info');
  readonly debug = this.#writer('debug');
  #waiters: { test: () => boolean; resolve: () => void }[] = [];

  constructor(debugEnabled = true) {
    this.debugEnabled = debugEnabled;
  }

  /** The fields of all records with this message, oldest first. */
  of(message: string): Record<string, unknown>[] {
    return this.records.filter((record) => record.message === message).map(({ fields }) => fields);
  }

  /** Resolves with the fields of the `count`th record with this message, once that has been written. */
  async heard(message: string, count = 1): Promise<Record<string, unknown>> {
    const test = () => this.of(message).length >= count;
    if (!test()) await new Promise<void>((resolve) => this.#waiters.push({ test, resolve }));
    return this.of(message)[count - 1] as Record<string, unknown>;
  }

  #writer(level: LogRecord['level']): Log['info'] {
    return (fields, message) => {
      this.records.push({ level, fields, message });
      const waiters = this.#waiters;
      this.#waiters = waiters.filter(({ test }) => !test());
      for (const { test, resolve } of waiters) {
        if (test()) resolve();
      }
    };
  }
}
