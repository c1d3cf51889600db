import { watchFile } from 'node:fs';
import { checkRouting } from '../app/index.ts';
import {
  type Config,
  ConfigError,
  checkRoutes,
  oneProcessReasons,
  type PathIssue,
  parseRoutesFile,
  pathsError,
  routesWithoutState,
} from '../config/index.ts';
import type { Log } from '../exchange/index.ts';
import { CliError, FAILURE, reasonOf } from './cli-error.ts';
import { readRoutesText } from './read-routes-text.ts';
import { whenSettled } from './when-settled.ts';

/** Milliseconds between two looks at a routes file. */
const WATCH_INTERVAL = 1_000;

/**
 * The configuration with the routes of its `routes_file`, if it names one, added to its own.
 * @throws CliError for an unreadable file, or with all errors of its lines and keys
 */
export function withExtraRoutes(config: Config): Config {
  const file = config.proxy.routesFile;
  if (file === '') return config;
  const { routes, lines, issues } = parseRoutesFile(readRoutesText(file));
  const all = { ...config, routes: [...config.routes, ...routes] };
  if (issues.length > 0) throw new CliError(new ConfigError(file, issues).message, FAILURE, '');
  const problems = [...conflicts(all), ...processConflicts(config, routes), ...checkRouting(all)];
  if (problems.length === 0) return all;
  const lineOf = ([section, index]: readonly PropertyKey[]): number | null =>
    section === 'route' && typeof index === 'number' ? (lines[index - config.routes.length] ?? null) : null;
  throw new CliError(pathsError(problems, file, lineOf).message, FAILURE, '');
}

/** Has `apply` put the configuration into force again when its `routes_file` has changed. An error leaves everything as it is. */
export function followExtraRoutes(config: Config, log: Log, apply: (config: Config) => void): () => void {
  const file = config.proxy.routesFile;
  const reload = () => {
    try {
      const changed = withExtraRoutes(config);
      if (changed.routes.length === 0) throw new CliError('there are no routes');
      apply(changed);
      noteRoutes(log, changed);
    } catch (error) {
      log.error({ file, reason: reasonOf(error) }, 'routes not reloaded');
    }
  };
  watch(file, reload);
  return reload;
}

/** Calls `onChange` about a second after a file was written or replaced. While it is missing, nothing happens. */
export function watch(file: string, onChange: () => void): void {
  // A watch of the system would lose a file that is replaced by another one.
  watchFile(file, { interval: WATCH_INTERVAL, persistent: false }, (now) => {
    if (now.mtimeMs > 0) whenSettled(file, onChange);
  });
}

export function noteRoutes(log: Log, { routes }: Config): void {
  log.info({}, `routes loaded with ${routes.length} entries`);
}

/** What several processes cannot serve of the routes that follow those of `config`. */
function processConflicts(config: Config, routes: Config['routes']): PathIssue[] {
  if (config.server.workers === 1) return [];
  return routes.flatMap((route, index) => {
    const message = (reason: string) => `workers under [server] must be 1 ${reason}`;
    const path = ['route', config.routes.length + index];
    return oneProcessReasons(config, [route]).map((reason) => ({ path, message: message(reason) }));
  });
}

function conflicts({ routes, publish }: Config): PathIssue[] {
  return [...checkRoutes(routes), ...routesWithoutState(publish.state, routes)].map(({ index, key, message }) => ({
    path: ['route', index, key],
    message,
  }));
}
