import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { fetchPlans } from '../app/index.ts';
import { type Config, ConfigError, defaultConfig, loadConfig, mergeCommandLine } from '../config/index.ts';
import { CliError, FAILURE, USAGE } from './cli-error.ts';
import { logLevelOption, repeatable } from './command.ts';

/** The file that is read if no other is named, in the working directory. */
const DEFAULT_FILE = 'holdfast.toml';

/** Values of the options that `addConfigOptions` adds. */
export interface ConfigOptions {
  readonly config?: string;
  readonly port?: readonly string[];
  readonly controlPort?: readonly string[];
  readonly route?: readonly string[];
  readonly logLevel?: string;
}

/** The configuration that a command works with. */
export interface EffectiveConfig {
  readonly config: Config;
  /** The file that it comes from; null if there is none and only the defaults and the command line count. */
  readonly file: string | null;
}

/** Adds the options that say which configuration is meant. */
export function addConfigOptions(command: Command): Command {
  return command
    .option('--config <file>', `configuration file (default: ${DEFAULT_FILE}, if there is one here)`)
    .option(
      '--port <address>',
      "where clients connect, instead of the file's: PORT or ADDRESS:PORT; may be repeated",
      repeatable,
    )
    .option(
      '--control-port <address>',
      "where items are published, instead of the file's: PORT of 127.0.0.1, or ADDRESS:PORT; may be repeated",
      repeatable,
    )
    .option('--route <line>', "route instead of the file's: 'CONDITION TARGET…'; may be repeated", repeatable)
    .addOption(logLevelOption("how much is logged, instead of the file's level"));
}

/**
 * Reads the configuration and lays the command line over it.
 * @throws CliError for a file that cannot be read, with all that is wrong in it or in the options, or when the proxy listens without any route
 */
export function readConfig(options: ConfigOptions): EffectiveConfig {
  const effective = readAnyConfig(options);
  const { file, config } = effective;
  if (config.routes.length === 0 && config.server.listen.length > 0) {
    const others: string[] = [];
    if (config.edge.listen.length > 0) others.push('the edge');
    if (fetchPlans(config).length > 0) others.push('outbound requests');
    const alone = others.length === 0 ? '' : `; to run only ${others.join(' and ')}, set listen = [] under [server]`;
    throw new CliError(
      `there are no routes, so no request could go anywhere: give one with --route '* localhost:8000', or as [[route]] in ${file ?? DEFAULT_FILE}${alone}`,
    );
  }
  return effective;
}

/** As `readConfig`, for what needs no routes. */
export function readAnyConfig(options: ConfigOptions): EffectiveConfig {
  const { file, config } = readFile(options.config);
  return { file, config: withCommandLine(config, options) };
}

function readFile(named: string | undefined): EffectiveConfig {
  const file = named ?? DEFAULT_FILE;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (named === undefined && code === 'ENOENT') return { file: null, config: defaultConfig() };
    // The system does not name what it was asked to read here.
    if (code === 'EISDIR') throw new CliError(`cannot read the configuration: '${file}' is a directory`);
    throw new CliError(`cannot read the configuration: ${(error as Error).message}`);
  }
  try {
    return { file, config: loadConfig(text, file) };
  } catch (error) {
    throw error instanceof ConfigError ? new CliError(error.message, FAILURE, '') : error;
  }
}

function withCommandLine(config: Config, { port, controlPort, route, logLevel }: ConfigOptions): Config {
  try {
    return mergeCommandLine(config, { port, controlPort, routes: route, logLevel });
  } catch (error) {
    throw error instanceof ConfigError ? new CliError(error.message, USAGE) : error;
  }
}
