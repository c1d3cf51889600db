import type { Route } from '../config/index.ts';
import type { RouteState, Status } from '../control/index.ts';
import { type CounterRegistry, Histogram } from '../exchange/index.ts';
import { type CertificateExpiry, expiresSoon } from './certificate-expiry.ts';
import type { ProcessReport } from './metrics/process-monitor.ts';
import { packageVersion } from './package-version.ts';
import type { HubMetrics } from './proxy-metrics.ts';
import type { OldProcess } from './upgrade/old-process.ts';

/** What the status is read from. */
export interface StatusSources {
  readonly state: Status['state'];
  /** When it was started. */
  readonly started: Date;
  readonly roles: Status['roles'];
  readonly workers: number;
  readonly configuration: ConfigurationState;
  readonly listeners: Status['listeners'];
  readonly registry: CounterRegistry;
  /** What this process says of itself. */
  readonly process: ProcessReport;
  /** Null where there is no hub. */
  readonly hub: HubMetrics | null;
  /** By expiry, the first in front. */
  readonly certificates: { readonly expiries: readonly CertificateExpiry[] };
  /** Keeps the items of channels; null where there is no hub. */
  readonly history: { readonly degraded: string | null } | null;
  /** The process that this one replaces; null for none. */
  readonly old: Pick<OldProcess, 'pid' | 'state' | 'moved'> | null;
}

/** What is known of the configuration in force. */
export interface ConfigurationState {
  /** Null where there is no file. */
  file: string | null;
  loaded: Date;
  reloads: number;
  /** Why the last reload changed nothing; null if it did. */
  lastError: string | null;
  /** Where a route comes from. */
  sourceOf: (route: Route) => RouteState['source'];
}

/** That of a program which has just read its configuration. */
export function newConfigurationState(): ConfigurationState {
  return { file: null, loaded: new Date(), reloads: 0, lastError: null, sourceOf: () => 'file' };
}

const VERSION = packageVersion();

/** What the server says of itself. */
export function statusOf(sources: StatusSources): Status {
  const { state, started, roles, workers, configuration, listeners, registry, hub, old } = sources;
  const { file, loaded, reloads, lastError } = configuration;
  const { memory, lag, openFiles } = sources.process;
  return {
    version: VERSION,
    pid: process.pid,
    state,
    started: started.toISOString(),
    uptime: (Date.now() - started.getTime()) / 1_000,
    node: process.version,
    roles,
    workers,
    configuration: { file, loaded: loaded.toISOString(), reloads, lastError },
    listeners,
    connections: openConnections(registry),
    held: hub?.holds ?? 0,
    channels: hub?.channels ?? 0,
    memory: { rss: memory.rss, heapUsed: memory.heapUsed },
    eventLoop: { p50: lag.p50, p99: lag.p99 },
    openFiles,
    nextExpiry: nextExpiry(sources.certificates.expiries[0]),
    historyDegraded: sources.history?.degraded ?? null,
    replaced: old === null ? null : { pid: old.pid, state: old.state, moved: old.moved },
    delivery: deliveryOf(hub?.latency ?? new Histogram()),
    counters: registry.byRole() as Status['counters'],
  };
}

function nextExpiry(first: CertificateExpiry | undefined): Status['nextExpiry'] {
  if (first === undefined) return null;
  const { name, source, to } = first;
  return { certificate: name, source, expires: new Date(to).toISOString(), soon: expiresSoon(first, Date.now()) };
}

/** Those of clients. Publishers do not count. */
export function openConnections(registry: CounterRegistry): number {
  let sum = 0;
  for (const [part, { connectionsOpen = 0 }] of Object.entries(registry.snapshot())) {
    if (part !== 'control') sum += connectionsOpen;
  }
  return sum;
}

function deliveryOf(latency: Histogram): Status['delivery'] {
  const { sum, count } = latency;
  return { buckets: [...Histogram.bucketsOf(latency)], sum, count };
}
