import type { TimerWheel } from '../clock/index.ts';
import { Histogram, type RouteStats, RouteStatsTable } from '../exchange/index.ts';
import type { Hub } from '../hub/index.ts';
import { type ProxiedRoute, routeName } from '../proxy/index.ts';

/** What metrics show of a hub. */
export interface HubMetrics {
  readonly holds: number;
  readonly channels: number;
  readonly undelivered: number;
  readonly backlogs: number;
  readonly publishers: number;
  readonly latency: Histogram;
}

/** What metrics show of the proxy of one process, besides its counters. It can be sent as JSON. */
export interface ProxyMetrics {
  readonly hub: HubMetrics;
  readonly routes: readonly (readonly [string, RouteStats])[];
  readonly targets: readonly TargetMetrics[];
  /** Timers that wait. */
  readonly timers: number;
}

/** Whether one of several targets of a route is passed over. */
export interface TargetMetrics {
  readonly route: string;
  readonly target: string;
  readonly suspect: boolean;
}

/** The metrics of a hub, its routes and its timers now. @param proxied the routes that are in force */
export function metricsOf(
  hub: Hub,
  routes: RouteStatsTable,
  proxied: readonly ProxiedRoute[],
  { size: timers }: TimerWheel,
): ProxyMetrics {
  const targets = proxied.flatMap(({ route, targets: list }) =>
    Array.from(list.suspects(), ([target, suspect]) => ({ route: routeName(route), target, suspect })),
  );
  return {
    hub: { ...hub.stats, ...hub.queues, latency: hub.latency },
    routes: [...routes.entries()],
    targets: eachOnce(targets),
    timers,
  };
}

/** Routes may have the same name, and a route the same target twice: one that is suspect anywhere is. */
function eachOnce(targets: readonly TargetMetrics[]): readonly TargetMetrics[] {
  const byName = new Map<string, TargetMetrics>();
  for (const each of targets) {
    const key = `${each.route}\n${each.target}`;
    const suspect = each.suspect || byName.get(key)?.suspect === true;
    byName.set(key, { ...each, suspect });
  }
  return [...byName.values()];
}

/** Adds the metrics of several processes up. Those that only grow count on after their process has ended. */
export class MetricsSum {
  readonly #reports = new Map<string, ProxyMetrics>();
  #ended: ProxyMetrics = emptyMetrics();

  /** Takes the metrics of a process so far. A later report replaces this one. */
  report(source: string, metrics: ProxyMetrics): void {
    this.#reports.set(source, metrics);
  }

  /** A process has ended. */
  end(source: string): void {
    const last = this.#reports.get(source);
    if (last === undefined) return;
    this.#reports.delete(source);
    const { latency } = last.hub;
    this.#ended = sumOf([this.#ended, { ...last, hub: { ...emptyMetrics().hub, latency }, targets: [], timers: 0 }]);
  }

  /** All metrics. Routes are those that one of the processes that run has. */
  get total(): ProxyMetrics {
    const running = [...this.#reports.values()];
    const names = new Set(running.flatMap(({ routes }) => routes.map(([name]) => name)));
    const sum = sumOf([this.#ended, ...running]);
    return running.length === 0 ? sum : { ...sum, routes: sum.routes.filter(([name]) => names.has(name)) };
  }
}

function emptyMetrics(): ProxyMetrics {
  const hub = { holds: 0, channels: 0, undelivered: 0, backlogs: 0, publishers: 0, latency: new Histogram() };
  return { hub, routes: [], targets: [], timers: 0 };
}

function sumOf(all: readonly ProxyMetrics[]): ProxyMetrics {
  const table = new RouteStatsTable();
  const latency = new Histogram();
  let [holds, channels, undelivered, backlogs, publishers] = [0, 0, 0, 0, 0];
  for (const { hub, routes } of all) {
    holds += hub.holds;
    channels += hub.channels;
    undelivered += hub.undelivered;
    backlogs += hub.backlogs;
    publishers += hub.publishers;
    latency.add(hub.latency);
    for (const [name, stats] of routes) table.of(name).add(stats);
  }
  return {
    hub: { holds, channels, undelivered, backlogs, publishers, latency },
    routes: [...table.entries()],
    targets: eachOnce(all.flatMap(({ targets }) => targets)),
    timers: all.reduce((sum, { timers }) => sum + timers, 0),
  };
}
