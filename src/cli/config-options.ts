import type { Command } from 'commander';
import { checkBroker, checkRouting, fetchPlans } from '../app/index.ts';
import {
  type Config,
  ConfigError,
  defaultConfig,
  hasProxy,
  loadConfig,
  mergeCommandLine,
  pathsError,
} from '../config/index.ts';
import { CliError, configFailure, USAGE } from './cli-error.ts';
import { logLevelOption, repeatable } from './command.ts';
import { ConfigTexts } from './config-texts.ts';
import { withExtraRoutes } from './extra-routes.ts';
import { isMongrel2Config } from './mongrel2-config.ts';
import { type OverlayReading, readOverlay } from './read-overlay.ts';

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
  /** What was set through the control API and kept. It is part of `config`. */
  readonly overlay: OverlayReading;
  /** How many of its routes are from the file or the command line, and then from the routes file. */
  readonly fromFile: number;
  readonly fromRoutesFile: number;
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
export function readConfig(options: ConfigOptions, texts = new ConfigTexts()): EffectiveConfig {
  const { file, config: own } = readAnyConfig(options, (read) => [...checkRouting(read), ...checkBroker(read)], texts);
  const base = options.route === undefined ? withExtraRoutes(own, texts) : withoutRoutesFile(own);
  const overlay = readOverlay(base, texts);
  const { config } = overlay;
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
  const issues = options.route === undefined ? [] : checkRouting(base);
  if (issues.length > 0) throw new CliError(pathsError(issues).message);
  const kept = (routes: Config['routes']) =>
    routes.filter(({ id }) => !Object.hasOwn(overlay.overlay.routes, id)).length;
  const fromFile = kept(own.routes);
  return { file, config, overlay, fromFile, fromRoutesFile: kept(base.routes) - fromFile };
}

/** `--route` replaces the routes of the file that it names, too; and in a file with all routes it names none. */
export function withoutRoutesFile(config: Config): Config {
  return { ...config, proxy: { ...config.proxy, routesFile: '' } };
}

/**
 * Like `readConfig`, for commands that need no routes.
 * @param check finds what is wrong in the file beyond the schema
 */
export function readAnyConfig(
  options: ConfigOptions,
  check?: FileCheck,
  texts = new ConfigTexts(),
): Pick<EffectiveConfig, 'file' | 'config'> {
  const { file, config } = readFile(options.config, check, texts);
  return { file, config: withCommandLine(config, options) };
}

function readFile(
  named: string | undefined,
  check: FileCheck,
  texts: ConfigTexts,
): Pick<EffectiveConfig, 'file' | 'config'> {
  const file = named ?? DEFAULT_FILE;
  const what = 'the configuration';
  const text = named === undefined ? texts.readIfThere(file, what) : texts.read(file, what);
  if (text === null) return { file: null, config: defaultConfig() };
  try {
    return { file, config: loadConfig(text, file, check) };
  } catch (error) {
    throw error instanceof ConfigError ? configFailure(error, hintFor(file)) : error;
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
