import type { Log, LogWrite } from '../exchange/index.ts';

/** What a server logs with others: each of its records has its name as `server`, unless that is empty. */
export function serverLog(log: Log, name: string): Log {
  if (name === '') return log;
  const named =
    (write: LogWrite): LogWrite =>
    (fields, message) =>
      write({ server: name, ...fields }, message);
  return {
    error: named(log.error),
    warn: named(log.warn),
    info: named(log.info),
    debug: named(log.debug),
    infoEnabled: log.infoEnabled,
    debugEnabled: log.debugEnabled,
  };
}
