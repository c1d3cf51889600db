import type { Command } from 'commander';
import { createLog, type FetchPlan, fetchPlans, LogFile, type LogLevel } from '../app/index.ts';
import type { Config } from '../config/index.ts';
import { CliError } from './cli-error.ts';
import { controlPortOption, newCommand } from './command.ts';
import { withCommandLine } from './config-options.ts';
import { serve } from './serve.ts';
import { DEFAULT_ZURL_CONF, readZurlConf } from './zurl-config.ts';

/** Zurl's log levels by number. Higher numbers mean the last one. */
const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;

const DEFAULT_LOG_LEVEL = 2;

const NOTES = `
SIGHUP reopens the log file, for example after it was renamed.

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
  const { config: own, ignored } = readZurlConf(file);
  const config = withCommandLine(own, { ...(controlPort !== undefined && { controlPort }) });
  const logFile = logfile === undefined ? null : openLogFile(logfile);
  const log = createLog(verbose === true ? 'debug' : loglevel, logFile);
  for (const { key, line, message } of ignored)
    log.warn({ file, line, key }, `ignored in the configuration: ${message}`);
  await serve(config, log, plansOf(config));
}

/** The plans of the configuration, with Zurl's behavior for WebSockets. */
function plansOf(config: Config): FetchPlan[] {
  return fetchPlans(config).map((plan) => ({ ...plan, quietWebSockets: true }));
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
