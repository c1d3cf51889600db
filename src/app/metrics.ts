import { type CounterRegistry, MetricsText } from '../exchange/index.ts';
import type { HubMetrics, ProxyMetrics } from './proxy-metrics.ts';

/** What metrics are read from. */
export interface MetricsSources {
  readonly registry: CounterRegistry;
  readonly proxy: ProxyMetrics;
}

/** Counters that go up and down end in one of these words. */
const LEVEL = /(?:Open|Held)$/;

/** The metrics of the process and its workers, in the text format of Prometheus. */
export function metricsText({ registry, proxy }: MetricsSources): string {
  const metrics = new MetricsText();
  addRoutes(metrics, proxy.routes);
  addTargets(metrics, proxy.targets);
  addHub(metrics, proxy.hub);
  metrics.begin('holdfast_timers', 'gauge', 'Timers that wait.');
  metrics.sample('holdfast_timers', proxy.timers);
  addCounters(metrics, registry);
  return metrics.text;
}

function addRoutes(metrics: MetricsText, entries: ProxyMetrics['routes']): void {
  metrics.begin('holdfast_route_requests_total', 'counter', 'Requests of clients.');
  for (const [route, { requests }] of entries)
    metrics.sample('holdfast_route_requests_total', requests, ['route', route]);
  metrics.begin('holdfast_route_failures_total', 'counter', 'Requests without a valid response of any target.');
  for (const [route, { failures }] of entries)
    metrics.sample('holdfast_route_failures_total', failures, ['route', route]);
  metrics.begin('holdfast_route_refused_total', 'counter', 'Requests without a valid token.');
  for (const [route, { refused }] of entries) metrics.sample('holdfast_route_refused_total', refused, ['route', route]);
  metrics.begin('holdfast_route_limited_total', 'counter', 'Requests above the limit for one client.');
  for (const [route, { limited }] of entries) metrics.sample('holdfast_route_limited_total', limited, ['route', route]);
  metrics.begin('holdfast_route_responses_total', 'counter', 'Responses of origins by class of status.');
  for (const [route, { statuses }] of entries) {
    for (let digit = 1; digit <= 5; digit++) {
      const labels = ['route', route, 'class', `${digit}xx`];
      metrics.sample('holdfast_route_responses_total', statuses[digit] as number, labels);
    }
  }
  const latency = 'holdfast_origin_response_seconds';
  metrics.begin(latency, 'histogram', 'Time from sending a request to an origin until the head of its response.');
  for (const [route, stats] of entries) metrics.histogram(latency, stats.latency, ['route', route]);
}

/** Whether each of several targets is passed over. */
function addTargets(metrics: MetricsText, targets: ProxyMetrics['targets']): void {
  const name = 'holdfast_target_suspect';
  metrics.begin(
    name,
    'gauge',
    'Whether a target is passed over (1), because it refused connections or failed its check.',
  );
  for (const { route, target, suspect } of targets) {
    metrics.sample(name, suspect ? 1 : 0, ['route', route, 'target', target]);
  }
}

function addHub(metrics: MetricsText, hub: HubMetrics): void {
  const { holds, channels, undelivered, backlogs, publishers } = hub;
  const gauges: readonly (readonly [string, number, string])[] = [
    ['holdfast_held_clients', holds, 'Clients that are held.'],
    ['holdfast_channels', channels, 'Channels with a client.'],
    ['holdfast_undelivered_bytes', undelivered, 'Bytes of items that were accepted and are not delivered yet.'],
    ['holdfast_backlog_bytes', backlogs, 'Bytes of items that wait for slow clients.'],
    ['holdfast_publishers_waiting', publishers, 'Publishers that wait for their turn.'],
  ];
  for (const [name, value, help] of gauges) {
    metrics.begin(name, 'gauge', help);
    metrics.sample(name, value);
  }
  const latency = 'holdfast_delivery_seconds';
  metrics.begin(latency, 'histogram', 'Time from accepting an item until it was delivered to all subscribers.');
  metrics.histogram(latency, hub.latency);
}

/** Each counter of the registry: `proxy.itemsPublished` is `holdfast_proxy_items_published_total`. */
function addCounters(metrics: MetricsText, registry: CounterRegistry): void {
  for (const [part, values] of Object.entries(registry.snapshot())) {
    for (const [counter, value] of Object.entries(values)) {
      const isLevel = LEVEL.test(counter);
      const name = `holdfast_${snakeCase(part)}_${snakeCase(counter)}${isLevel ? '' : '_total'}`;
      metrics.begin(name, isLevel ? 'gauge' : 'counter', `Counter ${counter} of ${part}.`);
      metrics.sample(name, value);
    }
  }
}

function snakeCase(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9]/g, '_').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
