import { checkRouting } from '../app/index.ts';
import {
  type Config,
  type ConfigIssue,
  oneProcessReasons,
  pathsError,
  type Route,
  routesWithoutState,
} from '../config/index.ts';

/** What is left of a configuration when the routes that cannot be served are skipped. */
export interface UsableRoutes {
  readonly config: Config;
  /** Why routes were skipped. */
  readonly skipped: readonly ConfigIssue[];
  /** What has no effect on routes that are there. */
  readonly ignored: readonly ConfigIssue[];
}

/**
 * The configuration without the routes whose keys or certificates cannot be used, or that several processes cannot serve, and without sessions
 * that no service keeps.
 * @param lines of the routes in their file
 * @throws ConfigError for keys outside the routes
 */
export function usableRoutes(config: Config, lines: readonly number[]): UsableRoutes {
  const left = new Set<number>();
  const skipped: ConfigIssue[] = [];
  const skip = (index: number, key: string, message: string) => {
    left.add(index);
    skipped.push({ key, line: lines[index] ?? null, message });
  };
  const others = checkRouting(config).filter(({ path: [section, index, ...key], message }) => {
    if (section !== 'route' || typeof index !== 'number') return true;
    // Other keys than these are not in a line.
    skip(index, key[0] === 'targets' ? `targets[${String(key[1])}]` : String(key[0]), message);
    return false;
  });
  if (others.length > 0) throw pathsError(others);
  if (config.server.workers > 1) {
    config.routes.forEach((route, index) => {
      const [reason] = oneProcessReasons(config, [route]);
      if (reason !== undefined) skip(index, '', `workers must be 1 ${reason}`);
    });
  }
  skipped.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const ignored: ConfigIssue[] = [];
  const routes = [...config.routes];
  for (const { index, key, message } of routesWithoutState(config.publish.state, routes)) {
    if (left.has(index)) continue;
    ignored.push({ key, line: lines[index] ?? null, message });
    routes[index] = { ...(routes[index] as Route), session: false };
  }
  return { config: { ...config, routes: routes.filter((_route, index) => !left.has(index)) }, skipped, ignored };
}

/** Pushpin's workers are threads, which share what needs one process here. A configuration with several gets one, and the reason. */
export function withFittingWorkers(config: Config): { config: Config; issue: ConfigIssue | null } {
  const [reason] = config.server.workers > 1 ? oneProcessReasons(config, config.routes) : [];
  if (reason === undefined) return { config, issue: null };
  const message = `one process serves the clients: workers must be 1 ${reason}`;
  return {
    config: { ...config, server: { ...config.server, workers: 1 } },
    issue: { key: 'server.workers', line: null, message },
  };
}
