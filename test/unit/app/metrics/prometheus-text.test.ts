import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { ProcessMonitor } from '../../../../src/app/metrics/process-monitor.ts';
import { type MetricsSources, prometheusText } from '../../../../src/app/metrics/prometheus-text.ts';
import type { ProxyMetrics } from '../../../../src/app/proxy-metrics.ts';
import { CounterRegistry, Counters, ErrorCounts, Histogram, RouteStats } from '../../../../src/exchange/index.ts';
import { ZmqCounters } from '../../../../src/zmq/index.ts';
import { peer } from '../../../support/peers.ts';

const HUB = { holds: 1, channels: 2, undelivered: 3, backlogs: 4, publishers: 5, latency: new Histogram() };

function sources(proxy: Partial<ProxyMetrics> | null = {}): MetricsSources {
  const registry = new CounterRegistry();
  registry.add('proxy', new Counters());
  registry.add('edge.zmq', new ZmqCounters());
  const { report } = new ProcessMonitor();
  return {
    registry,
    proxy: proxy === null ? null : { routes: [], targets: [], timers: 7, hub: HUB, ...proxy },
    processes: {
      all: () => [
        ['main', report],
        ['proxy-1', { ...report, openFiles: { used: null, limit: null } }],
      ],
      errors: new ErrorCounts(),
    },
    timers: 3,
    certificates: { expiries: [{ name: 'a.test', source: 'acme', from: 0, to: 1_500 }] },
    history: { degraded: null },
    cluster: null,
  };
}

/** Samples by name and labels. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.trimEnd().split('\n');
  return new Map(
    lines
      .filter((line) => !line.startsWith('#'))
      .map((line) => {
        const space = line.lastIndexOf(' ');
        return [line.slice(0, space), Number(line.slice(space + 1))];
      }),
  );
}

function statsWith(requests: number): RouteStats {
  const stats = new RouteStats();
  stats.requests = requests;
  stats.responded(200, 5);
  return stats;
}

test('promtool finds nothing to say about the names, types and texts', (t) => {
  const promtool = peer('promtool');
  if (promtool === null) return t.skip('promtool is not installed');
  const text = prometheusText(sources({ routes: [['a "b" \\ c', statsWith(1)]] }));
  assert.equal(execFileSync(promtool, ['check', 'metrics'], { input: text }).toString(), '');
});

test('each sample follows the description of its metric', () => {
  const text = prometheusText(
    sources({ routes: [['r', statsWith(1)]], targets: [{ route: 'r', target: 't', suspect: true }] }),
  );
  let metric = '';
  for (const line of text.trimEnd().split('\n')) {
    const [, described] = /^# TYPE (\S+)/.exec(line) ?? [];
    if (described !== undefined) metric = described;
    else if (!line.startsWith('#')) assert.match(line, new RegExp(`^${metric}(_bucket|_sum|_count)?[ {]`));
  }
});

test('where there is no proxy there are no metrics of one', () => {
  const samples = samplesOf(prometheusText(sources(null)));
  assert.equal(samples.has('holdfast_channels'), false);
  assert.equal(samples.get('holdfast_timers'), 3);
});

test('each code of the catalogue has a count from the start, and a time once it came', () => {
  const all = sources();
  all.processes.errors.add([['HF_LOOP', { count: 2, last: 1_500 }]]);
  const samples = samplesOf(prometheusText(all));
  assert.equal(samples.get('holdfast_errors_total{code="HF_NO_ROUTE"}'), 0);
  assert.equal(samples.get('holdfast_errors_total{code="HF_LOOP"}'), 2);
  assert.equal(samples.get('holdfast_error_last_timestamp_seconds{code="HF_LOOP"}'), 1.5);
  assert.equal(samples.has('holdfast_error_last_timestamp_seconds{code="HF_NO_ROUTE"}'), false);
});

test('what the system does not say of a process is left out', () => {
  const samples = samplesOf(prometheusText(sources()));
  assert.ok((samples.get('process_open_fds{process="main"}') ?? 0) > 0);
  assert.equal(samples.has('process_open_fds{process="proxy-1"}'), false);
});

test('500 routes have samples of their own, and the others are added up', () => {
  const routes = Array.from({ length: 1_000 }, (_, i) => [`r${i}`, statsWith(i)] as const);
  const samples = samplesOf(prometheusText(sources({ routes })));
  const requests = [...samples].filter(([name]) => name.startsWith('holdfast_route_requests_total'));
  assert.equal(requests.length, 501);
  assert.equal(samples.get('holdfast_route_requests_total{route="r499"}'), 499);
  const total = requests.reduce((sum, [, value]) => sum + value, 0);
  assert.equal(total, (999 * 1_000) / 2);
  assert.equal(samples.get('holdfast_origin_response_seconds_count{route="other"}'), 500);
});

test('a route with the name of the others is one of them', () => {
  const routes = Array.from({ length: 501 }, (_, i) => [i === 0 ? 'other' : `r${i}`, statsWith(1)] as const);
  const text = prometheusText(sources({ routes }));
  assert.equal(text.match(/^holdfast_route_requests_total\{route="other"\}/gm)?.length, 1);
  assert.equal(samplesOf(text).get('holdfast_route_requests_total{route="other"}'), 2);
});

test('500 targets have a sample of their own, and the suspects among the others are counted', () => {
  const targets = Array.from({ length: 510 }, (_, i) => ({ route: 'r', target: `t${i}`, suspect: i >= 505 }));
  const samples = samplesOf(prometheusText(sources({ targets })));
  assert.equal([...samples.keys()].filter((name) => name.startsWith('holdfast_target_suspect')).length, 501);
  assert.equal(samples.get('holdfast_target_suspect{route="other",target="other"}'), 5);
});

test('certificates have the time at which they expire, the first 500 of them', () => {
  assert.equal(
    samplesOf(prometheusText(sources())).get(
      'holdfast_certificate_expiry_timestamp_seconds{certificate="a.test",source="acme"}',
    ),
    1.5,
  );
  const expiries = Array.from({ length: 600 }, (_, i) => ({ name: `c${i}`, source: 'file' as const, from: 0, to: i }));
  const samples = samplesOf(prometheusText({ ...sources(), certificates: { expiries } }));
  const names = [...samples.keys()].filter((name) => name.startsWith('holdfast_certificate_expiry'));
  assert.equal(names.length, 500);
  assert.ok(names.at(-1)?.includes('"c499"'));
});

test('a history that is not written to the disk is told, where there is one', () => {
  const degraded = (history: MetricsSources['history']) =>
    samplesOf(prometheusText({ ...sources(), history })).get('holdfast_history_degraded');
  assert.deepEqual(
    [degraded({ degraded: null }), degraded({ degraded: 'no room' }), degraded(null)],
    [0, 1, undefined],
  );
});

test('a node of a cluster tells whether the broker is there, and how many nodes it knows', () => {
  const told = (cluster: unknown) => {
    const samples = samplesOf(prometheusText({ ...sources(), cluster: cluster as MetricsSources['cluster'] }));
    return [samples.get('holdfast_cluster_up'), samples.get('holdfast_cluster_nodes')];
  };
  assert.deepEqual(told(null), [undefined, undefined]);
  assert.deepEqual(told({ broker: { up: true }, registry: { size: 3 } }), [1, 3]);
  assert.deepEqual(told({ broker: { up: false }, registry: { size: 3 } }), [0, 3]);
});
