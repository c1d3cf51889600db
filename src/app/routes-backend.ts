import { type Route, routeLineText, targetName } from '../config/index.ts';
import type { RouteState, RoutesBackend } from '../control/index.ts';
import { Histogram, quantile, RouteStats } from '../exchange/index.ts';
import { routeName } from '../proxy/index.ts';
import type { ProxyMetrics } from './proxy-metrics.ts';

/** What the routes are read from, now. */
export interface RouteSources {
  readonly routes: () => readonly Route[];
  readonly metrics: () => ProxyMetrics;
  /** Says where a route comes from, as of now. */
  readonly sourceOf: () => (route: Route) => RouteState['source'];
}

/** Routes that are described in one turn of the event loop: a few milliseconds. */
const ROUTES_PER_TURN = 100;

/** The lines of routes, which never change. */
const lines = new WeakMap<Route, string>();

/** The routes for the control API. */
export function routesBackend({ routes, metrics, sourceOf }: RouteSources): RoutesBackend {
  return {
    list: async () => {
      const { routes: counted, targets } = metrics();
      const stats = new Map(counted);
      const suspects = new Set(
        targets.filter(({ suspect }) => suspect).map(({ route, target }) => `${route}\n${target}`),
      );
      // Asked once, not for each route: all of this looks at all routes. A reload may come between two turns.
      const source = sourceOf();
      const list: RouteState[] = [];
      for (const route of routes()) {
        if (list.length > 0 && list.length % ROUTES_PER_TURN === 0) await nextTurn();
        const name = routeName(route);
        const healthy = (target: string): boolean => !suspects.has(`${name}\n${target}`);
        list.push(stateOf(route, source(route), stats.get(name) ?? new RouteStats(), healthy));
      }
      return list;
    },
  };
}

function stateOf(
  route: Route,
  source: RouteState['source'],
  { requests, statuses, latency }: RouteStats,
  healthy: (target: string) => boolean,
): RouteState {
  const buckets = Histogram.bucketsOf(latency);
  const names = route.targets.map(targetName);
  const responses = [1, 2, 3, 4, 5].map((digit) => [`${digit}xx`, statuses[digit] ?? 0] as const);
  return {
    id: route.id,
    line: lineOf(route),
    source,
    targets: names.map((target) => ({ target, healthy: healthy(target) })),
    requests,
    responses: Object.fromEntries(responses),
    latency: { p50: quantile(0.5, buckets), p99: quantile(0.99, buckets) },
  };
}

function lineOf(route: Route): string {
  const line = lines.get(route) ?? routeLineText(route);
  lines.set(route, line);
  return line;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
