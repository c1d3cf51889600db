/** Writes one record: `fields` for machines, `message` for people. */
export type LogWrite = (fields: Record<string, unknown>, message: string) => void;

/** What a room needs of the log; the composition root supplies it. */
export interface Log {
  readonly error: LogWrite;
  readonly warn: LogWrite;
  readonly info: LogWrite;
  readonly debug: LogWrite;
  /** Whether `info` writes anything: lets hot paths skip building the record. */
  readonly infoEnabled: boolean;
  /** Whether `debug` writes anything: lets hot paths skip building the record. */
  readonly debugEnabled: boolean;
}

/** Drops everything. */
export const silentLog: Log = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  infoEnabled: false,
  debugEnabled: false,
};
