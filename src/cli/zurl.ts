import type { Command } from 'commander';
import { createLog, LogFile, type LogLevel } from '../app/index.ts';
import { CliError } from './cli-error.ts';
import { controlPortOption, newCommand } from './command.ts';
import { type ReadRequest, readConfiguration } from './config-reading.ts';
import { FilesSource } from './files-source.ts';
import { followConfiguration } from './follow-configuration.ts';
import { serve } from './serve.ts';
import { DEFAULT_ZURL_CONF } from './zurl-config.ts';

/** Zurl's log levels by number. Higher numbers mean the last one. */
const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;

const DEFAULT_LOG_LEVEL = 2;

const NOTES = `
SIGHUP reads the configuration again, and reopens the log file, for example after
it was renamed.

Exit codes: 0 for success, 1 for failure or an invalid configuration, 2 for
wrong usage.`;

/** Values of the options of `holdfast zurl`. */
interface ZurlOptions {
  readonly config: string;
  readonly loglevel?: LogLevel;
  readonly verbose?: boolean;
  readonly logfile?: string;
  readonly controlPort?: readonly string[];
}

/** `holdfast zurl`: outbound requests alone, with Zurl's command line and configuration. */
export function zurlCommand(): Command {
  return newCommand(
    'zurl',
    "Make HTTP requests and open WebSockets for messages over ZeroMQ, with Zurl's protocol, options and configuration.",
    'holdfast zurl --config=/etc/zurl.conf --loglevel=1',
  )
    .addHelpText('after', NOTES)
    .option('--config <file>', 'configuration file', DEFAULT_ZURL_CONF)
    .option('--loglevel <n>', `log level: 0 error, 1 warn, 2 info, 3 debug (default: ${DEFAULT_LOG_LEVEL})`, logLevel)
    .option('--verbose', 'same as --loglevel=3')
    .option('--logfile <file>', 'append the log to this file instead of standard output')
    .addOption(controlPortOption())
    .action(zurl);
}

async function zurl({
  config: file,
  loglevel = LOG_LEVELS[DEFAULT_LOG_LEVEL],
  verbose,
  logfile,
  controlPort,
}: ZurlOptions): Promise<void> {
  const level = verbose === true ? 'debug' : loglevel;
  const request: ReadRequest = { command: 'zurl', file, level, controlPort: controlPort ?? [] };
  const reading = readConfiguration(request);
  const { config, plans, ignored } = reading.loaded;
  const logFile = logfile === undefined ? null : openLogFile(logfile);
  const log = createLog(level, logFile);
  for (const { key, line, message } of ignored)
    log.warn({ file, line, key }, `ignored in the configuration: ${message}`);
  const source = new FilesSource({ ...request, id: config.fetch.id }, reading);
  const app = await serve(config, log, plans, { source, loaded: reading.loaded });
  followConfiguration(app, source);
}

function openLogFile(path: string): LogFile {
  try {
    return new LogFile(path);
  } catch (error) {
    throw new CliError(`cannot write the log: ${(error as Error).message}`);
  }
}

function logLevel(value: string): LogLevel {
  const level = /^[0-9]+$/.test(value) ? LOG_LEVELS[Math.min(Number(value), LOG_LEVELS.length - 1)] : undefined;
  if (level === undefined) {
    throw new CliError(`--loglevel: expected a whole number from 0, got ${JSON.stringify(value)}`);
  }
  return level;
}
