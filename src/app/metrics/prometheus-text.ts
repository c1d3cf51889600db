import type { ClusterNode } from '../../cluster/index.ts';
import { type CounterRegistry, ERRORS, type Labels, MetricsText, RouteStats } from '../../exchange/index.ts';
import type { CertificateExpiry } from '../certificate-expiry.ts';
import { packageVersion } from '../package-version.ts';
import type { HubMetrics, ProxyMetrics } from '../proxy-metrics.ts';
import { counterDoc, counterMetric } from './counter-docs.ts';
import { METRICS, type MetricName } from './metric-docs.ts';
import type { ProcessReport } from './process-monitor.ts';
import type { ProcessTable } from './process-table.ts';

/**
 * Routes that have samples of their own, targets, and certificates: a configuration may have any number of them, and Prometheus keeps each for a
 * long time.
 * @bound metric-labels
 */
const MAX_LABELS = 500;

/** Stands for the routes and targets that have no samples of their own. */
const OTHER = 'other';

/** What metrics are read from. */
export interface MetricsSources {
  readonly registry: CounterRegistry;
  /** Null where there is no proxy. */
  readonly proxy: ProxyMetrics | null;
  readonly processes: Pick<ProcessTable, 'all' | 'errors'>;
  /** Timers that wait in this process. */
  readonly timers: number;
  /** By expiry, the first in front. */
  readonly certificates: { readonly expiries: readonly CertificateExpiry[] };
  /** Keeps the items of channels; null where there is no hub. */
  readonly history: { readonly degraded: string | null } | null;
  /** Null without a cluster. */
  readonly cluster: Pick<ClusterNode, 'broker' | 'registry'> | null;
}

/** The metrics of the process and its workers, in the text format of Prometheus. */
export function prometheusText(sources: MetricsSources): string {
  const { registry, proxy, processes, timers, certificates, history, cluster } = sources;
  const metrics = new DescribedMetrics();
  if (proxy !== null) {
    addRoutes(metrics, proxy.routes);
    addTargets(metrics, proxy.targets);
    addHub(metrics, proxy.hub);
  }
  if (history !== null) metrics.only('holdfast_history_degraded', history.degraded === null ? 0 : 1);
  if (cluster !== null) {
    metrics.only('holdfast_cluster_up', cluster.broker.up ? 1 : 0);
    metrics.only('holdfast_cluster_nodes', cluster.registry.size);
  }
  addErrors(metrics, processes.errors);
  metrics.only('holdfast_build_info', 1, ['version', packageVersion(), 'node', process.versions.node]);
  metrics.only('holdfast_timers', proxy?.timers ?? timers);
  addCertificates(metrics, certificates.expiries);
  addProcesses(metrics, processes.all());
  addCounters(metrics.text, registry);
  return metrics.text.text;
}

/** Metrics of the table, with their descriptions. */
class DescribedMetrics {
  readonly text = new MetricsText();

  begin(name: MetricName): void {
    const { type, help } = METRICS[name];
    this.text.begin(name, type, help);
  }

  /** A metric with one sample. */
  only(name: MetricName, value: number, labels?: Labels): void {
    this.begin(name);
    this.text.sample(name, value, labels);
  }
}

function addRoutes(metrics: DescribedMetrics, all: ProxyMetrics['routes']): void {
  const entries = boundedRoutes(all);
  const { text } = metrics;
  for (const [name, value] of [
    ['holdfast_route_requests_total', 'requests'],
    ['holdfast_route_failures_total', 'failures'],
    ['holdfast_route_refused_total', 'refused'],
    ['holdfast_route_limited_total', 'limited'],
  ] as const) {
    metrics.begin(name);
    for (const [route, stats] of entries) text.sample(name, stats[value], ['route', route]);
  }
  const responses = 'holdfast_route_responses_total';
  metrics.begin(responses);
  for (const [route, { statuses }] of entries) {
    for (let digit = 1; digit <= 5; digit++) {
      text.sample(responses, statuses[digit] as number, ['route', route, 'class', `${digit}xx`]);
    }
  }
  const latency = 'holdfast_origin_response_seconds';
  metrics.begin(latency);
  for (const [route, stats] of entries) text.histogram(latency, stats.latency, ['route', route]);
}

/** The first routes as they are, and all others as one. */
function boundedRoutes(all: ProxyMetrics['routes']): ProxyMetrics['routes'] {
  if (all.length <= MAX_LABELS) return all;
  const others = new RouteStats();
  for (const [, stats] of all.slice(MAX_LABELS)) others.add(stats);
  // A route may be called so.
  const named = all.slice(0, MAX_LABELS).filter(([name, stats]) => {
    if (name === OTHER) others.add(stats);
    return name !== OTHER;
  });
  return [...named, [OTHER, others]];
}

function addTargets(metrics: DescribedMetrics, targets: ProxyMetrics['targets']): void {
  const name = 'holdfast_target_suspect';
  metrics.begin(name);
  let others = 0;
  targets.forEach(({ route, target, suspect }, index) => {
    if (index < MAX_LABELS) metrics.text.sample(name, suspect ? 1 : 0, ['route', route, 'target', target]);
    else if (suspect) others++;
  });
  if (targets.length > MAX_LABELS) metrics.text.sample(name, others, ['route', OTHER, 'target', OTHER]);
}

function addHub(metrics: DescribedMetrics, hub: HubMetrics): void {
  metrics.only('holdfast_held_clients', hub.holds);
  metrics.only('holdfast_channels', hub.channels);
  metrics.only('holdfast_undelivered_bytes', hub.undelivered);
  metrics.only('holdfast_backlog_bytes', hub.backlogs);
  metrics.only('holdfast_publishers_waiting', hub.publishers);
  metrics.begin('holdfast_delivery_seconds');
  metrics.text.histogram('holdfast_delivery_seconds', hub.latency);
}

/** Each code is there from the start: the first failure would go unnoticed in a series that begins with it. */
function addErrors(metrics: DescribedMetrics, errors: ProcessTable['errors']): void {
  const counts = new Map([
    ...Object.keys(ERRORS).map((code) => [code, { count: 0, last: 0 }] as const),
    ...errors.entries(),
  ]);
  metrics.begin('holdfast_errors_total');
  for (const [code, { count }] of counts) metrics.text.sample('holdfast_errors_total', count, ['code', code]);
  metrics.begin('holdfast_error_last_timestamp_seconds');
  for (const [code, { last }] of counts) {
    if (last > 0) metrics.text.sample('holdfast_error_last_timestamp_seconds', last / 1000, ['code', code]);
  }
}

/** Those that expire first: the others are no news. */
function addCertificates(metrics: DescribedMetrics, expiries: readonly CertificateExpiry[]): void {
  const metric = 'holdfast_certificate_expiry_timestamp_seconds';
  metrics.begin(metric);
  for (const { name, source, to } of expiries.slice(0, MAX_LABELS))
    metrics.text.sample(metric, to / 1_000, ['certificate', name, 'source', source]);
}

/** What each process has one value of; null where the system does not say. */
const PROCESS_VALUES: readonly (readonly [MetricName, (report: ProcessReport) => number | null])[] = [
  ['process_cpu_seconds_total', ({ cpu }) => cpu],
  ['process_start_time_seconds', ({ started }) => started],
  ['process_resident_memory_bytes', ({ memory }) => memory.rss],
  ['process_open_fds', ({ openFiles }) => openFiles.used],
  ['process_max_fds', ({ openFiles }) => openFiles.limit],
  ['holdfast_heap_used_bytes', ({ memory }) => memory.heapUsed],
  ['holdfast_heap_size_bytes', ({ memory }) => memory.heapTotal],
  ['holdfast_heap_limit_bytes', ({ memory }) => memory.heapLimit],
  ['holdfast_external_memory_bytes', ({ memory }) => memory.external],
];

function addProcesses(metrics: DescribedMetrics, processes: ReturnType<ProcessTable['all']>): void {
  const { text } = metrics;
  for (const [name, read] of PROCESS_VALUES) {
    metrics.begin(name);
    for (const [process, report] of processes) {
      const value = read(report);
      if (value !== null) text.sample(name, value, ['process', process]);
    }
  }
  const lateness = 'holdfast_event_loop_lag_seconds';
  metrics.begin(lateness);
  for (const [process, { lag }] of processes) {
    const quantiles = { '0.5': lag.p50, '0.9': lag.p90, '0.99': lag.p99, '1': lag.max };
    for (const [quantile, value] of Object.entries(quantiles)) {
      text.sample(lateness, value, ['process', process, 'quantile', quantile]);
    }
    text.sample(`${lateness}_sum`, lag.sum, ['process', process]);
    text.sample(`${lateness}_count`, lag.count, ['process', process]);
  }
  for (const [name, value] of [
    ['holdfast_gc_seconds_total', 'seconds'],
    ['holdfast_gc_runs_total', 'runs'],
  ] as const) {
    metrics.begin(name);
    for (const [process, { collections }] of processes) {
      for (const [kind, collected] of Object.entries(collections)) {
        text.sample(name, collected[value], ['process', process, 'kind', kind]);
      }
    }
  }
}

/** Each counter of the registry: `proxy.itemsPublished` is `holdfast_proxy_items_published_total`. */
function addCounters(text: MetricsText, registry: CounterRegistry): void {
  for (const [part, values] of Object.entries(registry.snapshot())) {
    for (const [counter, value] of Object.entries(values)) {
      const { name, type } = counterMetric(part, counter);
      text.begin(name, type, counterDoc(part, counter) ?? `Counter ${counter} of ${part}.`);
      text.sample(name, value);
    }
  }
}
