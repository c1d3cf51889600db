import type { Command } from 'commander';
import { createLog } from '../app/index.ts';
import type { ConfigIssue } from '../config/index.ts';
import type { Log } from '../exchange/index.ts';
import { controlPortOption, logLevelOption, newCommand } from './command.ts';
import { withCommandLine } from './config-options.ts';
import { readMongrel2Config } from './mongrel2-config.ts';
import { serve } from './serve.ts';

const NOTES = `
Relative paths begin at the working directory, and all paths are below the
chroot of the server, which is only a prefix. The server stays in the
foreground. What it logs goes to its error_log.

Fields and settings that Mongrel2 does not know are named in warnings. To see
what a configuration means, use "holdfast check --config FILE", to convert it to
a holdfast.toml "holdfast import FILE".

SIGHUP opens the log files again and reads the certificates again.`;

/** `holdfast mongrel2`: one server of a Mongrel2 site. */
export function mongrel2Command(): Command {
  return newCommand(
    'mongrel2',
    'Run a server of a Mongrel2 site from its own configuration.',
    'holdfast mongrel2 config.sqlite f400bf85-4538-4f7a-8908-67e313d515c2',
  )
    .addHelpText('after', NOTES)
    .argument('<config>', 'file in the language of m2sh, or config.sqlite')
    .argument('[server]', 'uuid, name or default host of the server; needed if there are several')
    .addOption(logLevelOption("log level, instead of the server's error_log_level"))
    .addOption(controlPortOption())
    .action(mongrel2);
}

/** Values of the options. */
interface Mongrel2Options {
  readonly logLevel?: LogLevel;
  readonly controlPort?: readonly string[];
}

async function mongrel2(file: string, server: string | undefined, options: Mongrel2Options): Promise<void> {
  const { logLevel, controlPort } = options;
  const { config: own, ignored, unknown } = readMongrel2Config(file, server === undefined ? 'only' : { named: server });
  const config = withCommandLine(own, { ...(controlPort !== undefined && { controlPort }) });
  const level = logLevel ?? config.log.level;
  const log = createLog(level);
  log.info({ file }, 'configuration read');
  for (const issue of [...unknown, ...ignored]) warn(log, file, issue);
  const app = await serve({ ...config, log: { level } }, log);
  await app.whenMongrel2Ended();
  await app.stop();
  process.exit(0);
}

type LogLevel = Parameters<typeof createLog>[0];

function warn(log: Log, file: string, { line, column = null, key, message }: ConfigIssue): void {
  log.warn({ file, line, column, key }, `ignored in the configuration: ${message}`);
}
