import { pino } from 'pino';
import type { Log } from '../exchange/index.ts';
import { LineBatch } from './line-batch.ts';
import type { LogFile } from './log-file.ts';

/** How much is logged: the least important level that is written. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/**
 * The log of the process on standard output: a line of JSON a record, or a line for people when that is a terminal. From then on it
 * does no harm that whoever reads the output goes away: the clients are still there.
 * @param file takes the lines of JSON in place of standard output
 */
export function createLog(level: LogLevel, file: LogFile | null = null): Log {
  process.stdout.removeAllListeners('error').on('error', () => {});
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const logger = pino(options, outputOf(file));
  return {
    error: logger.error.bind(logger),
    warn: logger.warn.bind(logger),
    info: logger.info.bind(logger),
    debug: logger.debug.bind(logger),
    debugEnabled: logger.isLevelEnabled('debug'),
  };
}

function outputOf(file: LogFile | null): { write(line: string): void } {
  if (file !== null) return new LineBatch((lines) => file.write(lines));
  // Pino's own way to write waits for ever at the end when nobody reads any more.
  if (process.stdout.isTTY) return { write: (line) => process.stdout.write(readable(line)) };
  return new LineBatch((lines) => process.stdout.write(lines));
}

/** `12:30:01.234 WARN  request failed code=HF_NO_ROUTE …` */
function readable(line: string): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const details = Object.entries(fields).map(([key, value]) => ` ${key}=${shown(value)}`);
  return `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${msg}${details.join('')}\n`;
}

/** Text as it is, unless it could move the cursor or begin a line of its own: then, as all else, in the manner of JSON. */
function shown(value: unknown): string {
  const json = JSON.stringify(value).replace(
    /\p{Cc}/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return json === `"${value}"` ? json.slice(1, -1) : json;
}
