import { pino } from 'pino';
import type { Log } from '../exchange/index.ts';
import { BoundedOutput, LogCounters } from './bounded-output.ts';
import { LineBatch } from './line-batch.ts';
import type { LogFile } from './log-file.ts';

/** How much is logged: the least important level that is written. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** The log of a process, with what it counts of itself. */
export interface ProcessLog extends Log {
  readonly counters: LogCounters;
  /** Takes the lines instead of standard output; null for none. */
  readonly file: LogFile | null;
  /** Changes how much is logged from now on. */
  setLevel(level: LogLevel): void;
}

/** Takes whole lines. */
interface Output {
  write(lines: string): void;
}

/**
 * The log of the process on standard output: one line of JSON a record, or one readable line on a terminal. A reader of the output that goes
 * away or stops reading does no harm: the clients are still there.
 * @param file takes the lines of JSON instead of standard output
 */
export function createLog(level: LogLevel, file: LogFile | null = null): ProcessLog {
  process.stdout.removeAllListeners('error').on('error', () => {});
  const options = {
    level,
    base: null,
    timestamp,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const counters = new LogCounters();
  const onCaughtUp = (dropped: number): void =>
    logger.warn({ dropped }, 'log lines were dropped because the output was not read');
  const logger = pino(
    options,
    file === null ? standardOutput(counters, onCaughtUp) : batched(fileOutput(file, counters)),
  );
  // A level that is not written is another function of the logger, which does nothing.
  const writes = () => ({
    error: logger.error.bind(logger),
    warn: logger.warn.bind(logger),
    info: logger.info.bind(logger),
    debug: logger.debug.bind(logger),
    infoEnabled: logger.isLevelEnabled('info'),
    debugEnabled: logger.isLevelEnabled('debug'),
  });
  const log = {
    ...writes(),
    counters,
    file,
    setLevel: (other: LogLevel): void => {
      logger.level = other;
      Object.assign(log, writes());
    },
  };
  return log;
}

let timedAt = 0;
let time = '';

/** The time as pino writes it, made once for all lines of a millisecond. */
function timestamp(): string {
  const now = Date.now();
  if (now !== timedAt) {
    timedAt = now;
    time = `,"time":"${new Date(now).toISOString()}"`;
  }
  return time;
}

/** Pino's own way to write waits for ever at the end if the output is no longer read. */
function standardOutput(counters: LogCounters, onCaughtUp: (dropped: number) => void): Output {
  const onDropped = (lines: number): void => {
    counters.linesDropped += lines;
  };
  const output = new BoundedOutput(process.stdout, onDropped, onCaughtUp);
  return process.stdout.isTTY ? { write: (line) => output.write(readable(line)) } : batched(output);
}

/** What a full disk loses is counted: there is nowhere to report it. */
function fileOutput(file: LogFile, counters: LogCounters): Output {
  return {
    write: (lines) => {
      counters.linesDropped += file.write(lines);
    },
  };
}

function batched(output: Output): Output {
  return new LineBatch(
    (lines) => output.write(lines.toString()),
    (line) => line,
  );
}

/** `12:30:01.234 WARN  request failed code=HF_NO_ROUTE …` */
function readable(line: string): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const details = Object.entries(fields).map(([key, value]) => ` ${key}=${shown(value)}`);
  return `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${msg}${details.join('')}\n`;
}

/** Text as it is, unless it could move the cursor or begin a line of its own: such text is escaped as in JSON. */
function shown(value: unknown): string {
  const json = JSON.stringify(value).replace(
    /\p{Cc}/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return json === `"${value}"` ? json.slice(1, -1) : json;
}
