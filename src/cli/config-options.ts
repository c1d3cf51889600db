import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { checkRouting, fetchPlans } from '../app/index.ts';
import {
  type Config,
  ConfigError,
  defaultConfig,
  hasProxy,
  loadConfig,
  mergeCommandLine,
  pathsError,
} from '../config/index.ts';
import { systemErrorText } from '../exchange/index.ts';
import { CliError, FAILURE, USAGE } from './cli-error.ts';
import { logLevelOption, repeatable } from './command.ts';
import { withExtraRoutes } from './extra-routes.ts';
import { isMongrel2Config } from './mongrel2-config.ts';

/** The default file, in the working directory. */
const DEFAULT_FILE = 'holdfast.toml';

/** Values of the options that `addConfigOptions` adds. */
export interface ConfigOptions {
  readonly config?: string;
  readonly port?: readonly string[];
  readonly controlPort?: readonly string[];
  readonly route?: readonly string[];
  readonly logLevel?: string;
}

/** As for `loadConfig`. */
type FileCheck = Parameters<typeof loadConfig>[2];

/** The configuration that a command works with. */
export interface EffectiveConfig {
  readonly config: Config;
  /** The file that was read; null if only the defaults and the command line apply. */
  readonly file: string | null;
  /** How many of its routes are not from `routes_file`. They come first. */
  readonly ownRoutes: number;
}

/** Adds the options that choose and change the configuration. */
export function addConfigOptions(command: Command): Command {
  return command
    .option('--config <file>', `configuration file (default: ${DEFAULT_FILE}, if it exists)`)
    .option(
      '--port <address>',
      "address for clients, instead of the file's: PORT or ADDRESS:PORT; may be repeated",
      repeatable,
    )
    .option(
      '--control-port <address>',
      "address for publishers, instead of the file's: PORT of 127.0.0.1, or ADDRESS:PORT; may be repeated",
      repeatable,
    )
    .option('--route <line>', "route instead of the file's: 'CONDITION TARGET…'; may be repeated", repeatable)
    .addOption(logLevelOption("log level, instead of the file's"));
}

/**
 * Reads the configuration and applies the command line to it.
 * @throws CliError for an unreadable file, for all errors in the file, its keys and the options, or if the proxy listens and has no route
 */
export function readConfig(options: ConfigOptions): EffectiveConfig {
  const { file, config: own } = readAnyConfig(options, checkRouting);
  const config = options.route === undefined ? withExtraRoutes(own) : withoutRoutesFile(own);
  if (config.routes.length === 0 && hasProxy(config.server)) {
    const others: string[] = [];
    if (config.edge.listen.length > 0) others.push('the edge');
    if (config.edge.mongrel2.length > 0) others.push('the Mongrel2 servers');
    if (fetchPlans(config).length > 0) others.push('outbound requests');
    const alone = others.length === 0 ? '' : `; to run only ${others.join(' and ')}, set listen = [] under [server]`;
    throw new CliError(
      `there are no routes: give one with --route '* localhost:8000', or as [[route]] in ${file ?? DEFAULT_FILE}${alone}`,
    );
  }
  const issues = options.route === undefined ? [] : checkRouting(config);
  if (issues.length > 0) throw new CliError(pathsError(issues).message);
  return { file, config, ownRoutes: own.routes.length };
}

/** `--route` replaces the routes of the file that it names, too; and in a file with all routes it names none. */
export function withoutRoutesFile(config: Config): Config {
  return { ...config, proxy: { ...config.proxy, routesFile: '' } };
}

/**
 * Like `readConfig`, for commands that need no routes.
 * @param check finds what is wrong in the file beyond the schema
 */
export function readAnyConfig(options: ConfigOptions, check?: FileCheck): EffectiveConfig {
  const { file, config } = readFile(options.config, check);
  const merged = withCommandLine(config, options);
  return { file, config: merged, ownRoutes: merged.routes.length };
}

function readFile(named: string | undefined, check?: FileCheck): Pick<EffectiveConfig, 'file' | 'config'> {
  const file = named ?? DEFAULT_FILE;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (named === undefined && code === 'ENOENT') return { file: null, config: defaultConfig() };
    throw new CliError(`cannot read the configuration ${file}: ${systemErrorText(error)}`);
  }
  try {
    return { file, config: loadConfig(text, file, check) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CliError(error.message + hintFor(file), FAILURE, '');
  }
}

/** What to do with a file that is for another program. */
function hintFor(file: string): string {
  if (!file.endsWith('.conf')) return '';
  const [other, command] = isMongrel2Config(file)
    ? ['a configuration of Mongrel2', `mongrel2 ${file}`]
    : ['a pushpin.conf', `pushpin --config ${file}`];
  return `\n${file}: for ${other}, use "holdfast ${command}", or "holdfast import ${file}" to convert it`;
}

/**
 * The configuration with the command line applied to it.
 * @throws CliError for all errors in the options
 */
export function withCommandLine(config: Config, { port, controlPort, route, logLevel }: ConfigOptions): Config {
  try {
    return mergeCommandLine(config, { port, controlPort, routes: route, logLevel });
  } catch (error) {
    throw error instanceof ConfigError ? new CliError(error.message, USAGE) : error;
  }
}
