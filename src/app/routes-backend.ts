import { type Route, routeLineText, targetName } from '../config/index.ts';
import type { RouteState, RoutesBackend } from '../control/index.ts';
import { Histogram, RouteStats } from '../exchange/index.ts';
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
  const names = route.targets.map(targetName);
  const responses = [1, 2, 3, 4, 5].map((digit) => [`${digit}xx`, statuses[digit] ?? 0] as const);
  return {
    id: route.id,
    line: lineOf(route),
    source,
    targets: names.map((target) => ({ target, healthy: healthy(target) })),
    requests,
    responses: Object.fromEntries(responses),
    latency: { p50: quantile(latency, 0.5), p99: quantile(latency, 0.99) },
  };
}

function lineOf(route: Route): string {
  const line = lines.get(route) ?? routeLineText(route);
  lines.set(route, line);
  return line;
}

/** Estimates a quantile as Prometheus does: observations are spread evenly over their bucket. Null without observations. */
function quantile({ counts, count }: Pick<Histogram, 'counts' | 'count'>, share: number): number | null {
  if (count === 0) return null;
  const rank = share * count;
  let below = 0;
  for (const [i, own] of counts.entries()) {
    const lower = i === 0 ? 0 : (Histogram.bounds[i - 1] as number);
    const upper = Histogram.bounds[i] ?? lower;
    if (below + own >= rank && own > 0) return lower + (upper - lower) * ((rank - below) / own);
    below += own;
  }
  return Histogram.bounds.at(-1) as number;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
