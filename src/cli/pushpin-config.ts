import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  type Config,
  ConfigError,
  type ConfigIssue,
  hasProxy,
  mergeCommandLine,
  type PushpinConf,
  parsePushpinConf,
  parseRouteLine,
  parseRoutesFile,
  type Route,
} from '../config/index.ts';
import { systemErrorText } from '../exchange/index.ts';
import { CliError, FAILURE } from './cli-error.ts';

/** Where Pushpin looks for its configuration when it is not named. */
const SEARCHED = ['config/pushpin.conf', 'pushpin.conf', 'examples/config/pushpin.conf', '/etc/pushpin/pushpin.conf'];

/** What the command line of `holdfast pushpin` says. */
export interface PushpinCommandLine {
  readonly config?: string;
  readonly port?: string;
  readonly id?: number;
  /** Route lines in place of the routes file. */
  readonly route?: readonly string[];
  readonly logLevel?: string;
  /** Value of the environment variable `target`, as in the container image. */
  readonly target?: string;
}

/** A configuration as Pushpin's files give it. */
export interface PushpinConfig {
  readonly config: Config;
  /** The pushpin.conf that was read. */
  readonly file: string;
  /** The routes file that was read; null if the routes come from the command line. */
  readonly routesFile: string | null;
  readonly rundir: string;
  /** What has no effect, with the file and the reason. */
  readonly ignored: readonly IgnoredLine[];
}

/** A key or line without effect. */
export interface IgnoredLine extends ConfigIssue {
  readonly file: string;
}

/**
 * Reads a pushpin.conf and its routes file.
 * @throws CliError for an unreadable file, or for all errors in pushpin.conf
 */
export function readPushpinConfig(options: PushpinCommandLine): PushpinConfig {
  const { file, text } = readConf(options.config);
  const conf = parsed(() => {
    return parsePushpinConf(text, file, {
      ...(options.id !== undefined && { id: options.id }),
      ...(options.port !== undefined && { port: options.port }),
      readInclude: (path) => readIfThere(resolve(dirname(file), path)),
    });
  });
  const { routesFile, routes, ignored } = readRoutes(options, file, conf);
  const { logLevel } = options;
  const port = conf.isSplit ? undefined : options.port;
  const config = parsed(() => mergeCommandLine(conf.config, { ...(port !== undefined && { port: [port] }), logLevel }));
  return {
    config: { ...config, routes },
    file,
    routesFile,
    rundir: conf.rundir,
    ignored: [...conf.ignored.map((issue) => ({ ...issue, file })), ...ignored],
  };
}

/**
 * The routes of a file. Lines with an error are left out.
 * @throws CliError for an unreadable file
 */
export function readRoutesFile(file: string): { routes: readonly Route[]; ignored: readonly IgnoredLine[] } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(`cannot read the routes ${file}: ${systemErrorText(error)}`);
  }
  const { routes, issues } = parseRoutesFile(text);
  return { routes, ignored: issues.map((issue) => ({ ...issue, file })) };
}

function readRoutes({ route = [], target = '' }: PushpinCommandLine, file: string, conf: PushpinConf) {
  if (!hasProxy(conf.config.server)) return { routesFile: null, routes: [], ignored: [] };
  const lines = route.length > 0 || target === '' ? route : [`* ${target},over_http`];
  if (lines.length > 0) return { routesFile: null, routes: lines.map(routeOf), ignored: [] };
  const routesFile = join(conf.routesFile.startsWith('/') ? '' : dirname(file), conf.routesFile);
  return { routesFile, ...readRoutesFile(routesFile) };
}

function routeOf(line: string): Route {
  try {
    return parseRouteLine(line);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CliError(
      error.issues.map(({ key, message }) => `--route: ${key === '' ? '' : `${key}: `}${message}`).join('\n'),
    );
  }
}

function readConf(named: string | undefined): { file: string; text: string } {
  for (const file of named === undefined ? SEARCHED : [named]) {
    try {
      return { file, text: readFileSync(file, 'utf8') };
    } catch (error) {
      if (named === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw new CliError(`cannot read the configuration ${file}: ${systemErrorText(error)}`);
    }
  }
  throw new CliError(`no pushpin.conf: looked for ${SEARCHED.join(', ')}; name one with --config`);
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof ConfigError ? new CliError(error.message, FAILURE, '') : error;
  }
}
