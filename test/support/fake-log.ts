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
  infoEnabled = true;
  debugEnabled: boolean;
  readonly error = this.#writer('error');
  readonly warn = this.#writer('warn');
  readonly info = this.#writer('info');
  readonly debug = this.#writer('debug');
  #waits: (() => void)[] = [];

  constructor(debugEnabled = true) {
    this.debugEnabled = debugEnabled;
  }

  /** The records with this message. */
  with(message: string): LogRecord[] {
    return this.records.filter((record) => record.message === message);
  }

  /** The records of this level. */
  at(level: LogRecord['level']): LogRecord[] {
    return this.records.filter((record) => record.level === level);
  }

  /** The fields of the records with this message. */
  of(message: string): Record<string, unknown>[] {
    return this.with(message).map(({ fields }) => fields);
  }

  /** The record with this message that is the `count`th, now or later. */
  async until(message: string, count = 1): Promise<LogRecord> {
    for (;;) {
      const record = this.with(message)[count - 1];
      if (record !== undefined) return record;
      await new Promise<void>((resolve) => this.#waits.push(resolve));
    }
  }

  /** As `until`: the fields of the record. */
  async heard(message: string, count = 1): Promise<Record<string, unknown>> {
    return (await this.until(message, count)).fields;
  }

  #writer(level: LogRecord['level']): LogWrite {
    return (fields, message) => {
      this.records.push({ level, fields, message });
      const waits = this.#waits;
      this.#waits = [];
      for (const resolve of waits) resolve();
    };
  }
}
