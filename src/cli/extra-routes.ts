import { readFileSync, watchFile } from 'node:fs';
import { checkRouting } from '../app/index.ts';
import {
  type Config,
  ConfigError,
  checkRoutes,
  oneProcessReasons,
  parseRoutesFile,
  pathsError,
} from '../config/index.ts';
import { type Log, systemErrorText } from '../exchange/index.ts';
import { CliError, FAILURE, reasonOf } from './cli-error.ts';

/** Milliseconds between two looks at a routes file. */
const WATCH_INTERVAL = 1_000;

/**
 * The configuration with the routes of its `routes_file`, if it names one, added to its own.
 * @throws CliError for an unreadable file, or with all errors of its lines and keys
 */
export function withExtraRoutes(config: Config): Config {
  const file = config.proxy.routesFile;
  if (file === '') return config;
  const { routes, issues } = parseRoutesFile(readText(file));
  const all = { ...config, routes: [...config.routes, ...routes] };
  const problems = issues.length > 0 ? [] : [...conflicts(all.routes), ...checkRouting(all)];
  if (issues.length > 0) throw new CliError(new ConfigError(file, issues).message, FAILURE, '');
  if (problems.length > 0) throw new CliError(pathsError(problems, file).message, FAILURE, '');
  return all;
}

/** Has `apply` put the configuration into force again when its `routes_file` has changed. An error leaves everything as it is. */
export function followExtraRoutes(config: Config, log: Log, apply: (config: Config) => void): () => void {
  const file = config.proxy.routesFile;
  const reload = () => {
    try {
      const changed = withExtraRoutes(config);
      if (changed.routes.length === 0) throw new CliError('there are no routes');
      checkWorkers(changed);
      apply(changed);
      noteRoutes(log, changed);
    } catch (error) {
      log.error({ file, reason: reasonOf(error) }, 'routes not reloaded');
    }
  };
  watch(file, reload);
  return reload;
}

/** Calls `onChange` within about a second after a file is written or replaced. While it is missing, nothing happens. */
export function watch(file: string, onChange: () => void): void {
  // A watch of the system would lose a file that is replaced by another one.
  watchFile(file, { interval: WATCH_INTERVAL, persistent: false }, (now) => {
    if (now.mtimeMs > 0) onChange();
  });
}

export function noteRoutes(log: Log, { routes }: Config): void {
  log.info({}, `routes loaded with ${routes.length} entries`);
}

/** Clients that several processes serve already cannot be moved to one. */
function checkWorkers(config: Config): void {
  const [reason] = config.server.workers > 1 ? oneProcessReasons(config, config.routes) : [];
  if (reason !== undefined) throw new CliError(`workers under [server] must be 1 ${reason}`);
}

function conflicts(routes: Config['routes']) {
  return checkRoutes(routes).map(({ index, key, message }) => ({ path: ['route', index, key], message }));
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(`cannot read the routes ${file}: ${systemErrorText(error)}`);
  }
}
