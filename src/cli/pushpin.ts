import { mkdirSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { createLog, type FileIssue, LogFile } from '../app/index.ts';
import { type ListenAddress, LOG_LEVELS } from '../config/index.ts';
import { type Log, systemErrorText } from '../exchange/index.ts';
import { CliError } from './cli-error.ts';
import { newCommand, optionValue, repeatable } from './command.ts';
import { type ConfigReading, readConfiguration, withoutStatsPackets } from './config-reading.ts';
import { FilesSource } from './files-source.ts';
import { followConfiguration } from './follow-configuration.ts';
import { serve } from './serve.ts';

const NOTES = `
Without --config, config/pushpin.conf, pushpin.conf, examples/config/pushpin.conf
and /etc/pushpin/pushpin.conf are tried. If the environment variable "target" is
set and there is no --route, the only route is '* TARGET,over_http'.

The number of --id does not move the ports of prometheus_port: give each
instance its own.

The routes file is read again when it changes. SIGHUP reads it and pushpin.conf
again, and reopens the log file.

Exit codes: 0 for success, 1 for failure or an invalid configuration, 2 for
wrong usage.`;

/** Values of the options of `holdfast pushpin`. */
interface PushpinOptions {
  readonly config?: string;
  readonly logfile?: string;
  readonly loglevel?: string;
  readonly verbose?: boolean;
  readonly port?: string;
  readonly id?: number;
  readonly route?: readonly string[];
  readonly controlPort?: readonly string[];
}

/** `holdfast pushpin`: the server with Pushpin's command line, configuration and routes file. */
export function pushpinCommand(): Command {
  return newCommand(
    'pushpin',
    "Run the server with Pushpin's configuration, routes file and options.",
    'holdfast pushpin --config=/etc/pushpin/pushpin.conf',
  )
    .addHelpText('after', NOTES)
    .option('-c, --config <file>', 'configuration file')
    .option('-l, --logfile <file>', 'append the log to this file instead of standard output')
    .option('-L, --loglevel <n>', 'log level: 0 error, 1 warn, 2 info, 3 debug', logLevel)
    .option('--verbose', 'same as --loglevel=3')
    .addOption(new Option('-m, --merge-output', 'accepted: there is one log anyway'))
    .option('--port <address>', 'address for clients, instead of those of the file: PORT or ADDRESS:PORT')
    .option(
      '--control-port <address>',
      'address for publishers and metrics, instead of those of the file: PORT of 127.0.0.1, or ADDRESS:PORT; may be repeated',
      repeatable,
    )
    .option('--id <n>', 'number of this instance: moves the other ports by 10 for each', instanceId)
    .option('--route <line>', "route instead of the routes file: 'CONDITION TARGET…'; may be repeated", repeatable)
    .action(pushpin);
}

async function pushpin({ logfile, loglevel, verbose, controlPort, ...options }: PushpinOptions): Promise<void> {
  const level = verbose === true ? 'debug' : loglevel;
  const { target } = process.env;
  const asked = {
    command: 'pushpin',
    options: { ...options, ...(target !== undefined && { target }), ...(level !== undefined && { logLevel: level }) },
    controlPort: controlPort ?? [],
    withoutStats: false,
  } as const;
  const reading = readConfiguration(asked);
  const { file, ignored } = reading.loaded;
  const logFile = logfile === undefined ? null : openLogFile(logfile);
  const log = createLog(reading.loaded.config.log.level, logFile);
  log.info({ file }, 'configuration read');
  for (const issue of ignored) warn(log, issue);
  log.info({}, `routes loaded with ${reading.loaded.config.routes.length} entries`);
  const withoutStats = !makeRundir(reading, log);
  const { config: read } = reading.loaded;
  const config = withoutStats ? withoutStatsPackets(read) : read;
  const again = { ...asked, options: { ...asked.options, workers: config.server.workers }, withoutStats };
  const source = new FilesSource(again, reading);
  const app = await serve(config, log, undefined, { source, loaded: { ...reading.loaded, config } });
  followConfiguration(app, source);
}

function warn(log: Log, { file, line, key, message }: FileIssue): void {
  log.warn({ file, line, key }, `ignored in the configuration: ${message}`);
}

/** Pushpin makes the folder of its socket files. Returns whether it is there, if it is needed. */
function makeRundir({ rundir, loaded }: ConfigReading, log: Log): boolean {
  const { server, publish, stats, edge } = loaded.config;
  const ofEdge = edge.listen.length > 0 ? edge.zclientStream : [];
  const specs = [...publish.pull, ...publish.sub, ...publish.command, ...stats.pub, ...ofEdge];
  const inRundir = (address: ListenAddress) => address.kind === 'unix' && address.path.startsWith(`${rundir}/`);
  if (!specs.some((spec) => spec.startsWith('ipc:')) && !server.listen.some(inRundir)) return true;
  try {
    mkdirSync(rundir, { recursive: true });
    return true;
  } catch (error) {
    const reason = systemErrorText(error);
    log.warn({ rundir, reason }, 'cannot make the folder of socket files: stats packets are not published');
    return false;
  }
}

function openLogFile(path: string): LogFile {
  try {
    return new LogFile(path);
  } catch (error) {
    throw new CliError(`cannot write the log: ${systemErrorText(error)}`);
  }
}

/** `N` or a list of `N` and `NAME:N`: the services have one log here, so only `N` counts. */
function logLevel(value: string): string {
  const plain = value.split(',').filter((part) => !part.includes(':'));
  const number = plain.at(-1) ?? '2';
  if (!/^[0-9]+$/.test(number)) {
    throw new CliError(`--loglevel: expected a whole number from 0, got ${JSON.stringify(value)}`);
  }
  return LOG_LEVELS[Math.min(Number(number), LOG_LEVELS.length - 1)] as string;
}

function instanceId(value: string): number {
  return optionValue(() => {
    if (!/^[0-9]{1,4}$/.test(value)) {
      throw new CliError(`--id: expected a whole number from 0 to 5000, got ${JSON.stringify(value)}`);
    }
    return Number(value);
  });
}
