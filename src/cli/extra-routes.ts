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
import { configFailure } from './cli-error.ts';
import type { ConfigTexts } from './config-texts.ts';

/**
 * The configuration with the routes of its `routes_file`, if it names one, added to its own.
 * @throws CliError for an unreadable file, or with all errors of its lines and keys
 */
export function withExtraRoutes(config: Config, texts: ConfigTexts): Config {
  const file = config.proxy.routesFile;
  if (file === '') return config;
  const { routes, lines, issues } = parseRoutesFile(texts.read(file, 'the routes'));
  const all = { ...config, routes: [...config.routes, ...routes] };
  if (issues.length > 0) throw configFailure(new ConfigError(file, issues));
  const problems = [...conflicts(all), ...processConflicts(config, routes), ...checkRouting(all)];
  if (problems.length === 0) return all;
  const lineOf = ([section, index]: readonly PropertyKey[]): number | null =>
    section === 'route' && typeof index === 'number' ? (lines[index - config.routes.length] ?? null) : null;
  throw configFailure(pathsError(problems, file, lineOf));
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
