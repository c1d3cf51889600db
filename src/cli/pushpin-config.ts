import { dirname, join, resolve } from 'node:path';
import type { FileIssue } from '../app/index.ts';
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
import { CliError, configFailure } from './cli-error.ts';
import { ConfigTexts } from './config-texts.ts';
import { usableRoutes, withFittingWorkers } from './usable-routes.ts';

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
  /** Processes that run already: routes that they cannot serve are skipped. */
  readonly workers?: number;
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
  readonly ignored: readonly FileIssue[];
}

/**
 * Reads a pushpin.conf and its routes file.
 * @throws CliError for an unreadable file, or for all errors in pushpin.conf
 */
export function readPushpinConfig(options: PushpinCommandLine, texts = new ConfigTexts()): PushpinConfig {
  const { file, text } = readConf(options.config, texts);
  const conf = parsed(() => {
    return parsePushpinConf(text, file, {
      ...(options.id !== undefined && { id: options.id }),
      ...(options.port !== undefined && { port: options.port }),
      readInclude: (path) => includedText(resolve(dirname(file), path), texts),
    });
  });
  const { routesFile, routes, lines, ignored } = readRoutes(options, file, conf, texts);
  const { logLevel } = options;
  const port = conf.isSplit ? undefined : options.port;
  const merged = parsed(() => mergeCommandLine(conf.config, { ...(port !== undefined && { port: [port] }), logLevel }));
  const {
    config,
    skipped,
    ignored: without,
  } = parsed(() => {
    try {
      // At the start those that need one process get it below.
      return usableRoutes({ ...merged, routes, server: { ...merged.server, workers: options.workers ?? 1 } }, lines);
    } catch (error) {
      throw error instanceof ConfigError ? new ConfigError(file, error.issues.map(conf.located)) : error;
    }
  });
  if (routesFile === null && skipped.length > 0) throw lineError(options, skipped);
  const { config: fitting, issue } = withFittingWorkers({ ...config, server: merged.server });
  return {
    config: fitting,
    file,
    routesFile,
    rundir: conf.rundir,
    ignored: [
      ...[...conf.ignored, ...(issue === null ? [] : [conf.located(issue)])].map((own) => ({ ...own, file })),
      ...[...ignored, ...[...skipped, ...without].map((own) => ({ ...own, file: routesFile ?? file }))],
    ],
  };
}

/** The routes of a file. */
interface ReadRoutes {
  readonly routes: readonly Route[];
  /** The line of each route. */
  readonly lines: readonly number[];
  readonly ignored: readonly FileIssue[];
}

/**
 * The routes of a file. Lines with an error are left out.
 * @throws CliError for an unreadable file
 */
function readRoutesFile(file: string, texts: ConfigTexts): ReadRoutes {
  const { routes, lines, issues } = parseRoutesFile(texts.read(file, 'the routes'));
  return { routes, lines, ignored: issues.map((issue) => ({ ...issue, file })) };
}

function readRoutes(options: PushpinCommandLine, file: string, conf: PushpinConf, texts: ConfigTexts) {
  const { route = [], target = '' } = options;
  const none = { routesFile: null, routes: [], lines: [], ignored: [] };
  if (!hasProxy(conf.config.server)) return none;
  const given = route.length > 0 || target === '' ? route : [`* ${target},over_http`];
  if (given.length > 0) return { ...none, routes: given.map((line) => routeOf(line, options)) };
  const routesFile = join(conf.routesFile.startsWith('/') ? '' : dirname(file), conf.routesFile);
  return { routesFile, ...readRoutesFile(routesFile, texts) };
}

function routeOf(line: string, options: PushpinCommandLine): Route {
  try {
    return parseRouteLine(line);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw lineError(options, error.issues);
  }
}

/** What is wrong with the routes that are not from a file. */
function lineError({ route = [] }: PushpinCommandLine, issues: readonly ConfigIssue[]): CliError {
  const source = route.length > 0 ? '--route' : 'the environment variable "target"';
  return new CliError(
    issues.map(({ key, message }) => `${source}: ${key === '' ? '' : `${key}: `}${message}`).join('\n'),
  );
}

function readConf(named: string | undefined, texts: ConfigTexts): { file: string; text: string } {
  for (const file of named === undefined ? SEARCHED : [named]) {
    const what = 'the configuration';
    const text = named === undefined ? texts.readIfThere(file, what) : texts.read(file, what);
    if (text !== null) return { file, text };
  }
  throw new CliError(`no pushpin.conf: looked for ${SEARCHED.join(', ')}; name one with --config`);
}

/** An include that cannot be read is as none, as in Pushpin. */
function includedText(path: string, texts: ConfigTexts): string | null {
  try {
    return texts.readIfThere(path, 'the configuration');
  } catch {
    return null;
  }
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof ConfigError ? configFailure(error) : error;
  }
}
