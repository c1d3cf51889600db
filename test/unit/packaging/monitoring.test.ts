import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LABEL_DOCS } from '../../../src/app/metrics/metric-docs.ts';
import { metricNames } from '../../../src/app/metrics/metrics-reference.ts';
import { requirePeer } from '../../support/peers.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const RULES = join(ROOT, 'packaging/prometheus/holdfast.rules.yml');

/** The parts of the dashboard that the tests look at. */
interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly id: null;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly definition?: string;
}

const dashboard = JSON.parse(readFileSync(join(ROOT, 'packaging/grafana/holdfast.json'), 'utf8')) as Dashboard;
const rules = readFileSync(RULES, 'utf8');
const known = new Set([...metricNames(), 'up']);

/** Labels that Prometheus adds, and those of histograms. */
const LABELS = new Set([...Object.keys(LABEL_DOCS), 'job', 'instance', 'le', '__name__']);

/** What an expression names that is not there. */
function strangers(expression: string): string[] {
  const names = [...expression.matchAll(/\b(?:holdfast|process)_\w+/g)].map(([name]) => name);
  const selected = [...expression.matchAll(/__name__=~"([^"]+)"/g)].map(([, pattern = '']) => pattern);
  const patterns = selected.filter((pattern) => ![...known].some((name) => new RegExp(`^(?:${pattern})$`).test(name)));
  const plain = names.filter((name) => !selected.some((pattern) => pattern.startsWith(name)));
  const labels = [...expression.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label = '']) => label);
  return [
    ...plain.filter((name) => !known.has(name.replace(/_(?:bucket|sum|count)$/, '')) && !known.has(name)),
    ...patterns,
    ...labels.filter((label) => !LABELS.has(label)),
  ];
}

const panels = dashboard.panels.filter(({ type }) => type !== 'row');
const targets = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

test('a name or label that is not there is found', () => {
  assert.deepEqual(strangers('rate(holdfast_proxy_requests_total{job="a"}[5m])'), []);
  assert.deepEqual(strangers('holdfast_proxy_request_total{colour="a"}'), ['holdfast_proxy_request_total', 'colour']);
  assert.deepEqual(strangers('sum({__name__=~"holdfast_(a|b)_total"})'), ['holdfast_(a|b)_total']);
});

test('each panel of the dashboard shows metrics that there are', () => {
  assert.ok(targets.length > 30);
  for (const { title, expr } of targets) assert.deepEqual(strangers(expr), [], title);
  for (const { definition = '' } of dashboard.templating.list) assert.deepEqual(strangers(definition), []);
});

test('the dashboard can be imported: ids, places and variables are as Grafana expects them', () => {
  assert.equal(dashboard.id, null, 'Grafana gives the number');
  assert.match(dashboard.uid, /^[a-z0-9-]{1,40}$/);
  assert.ok(dashboard.schemaVersion >= 39);
  const { panels: all } = dashboard;
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  const places = new Set<string>();
  for (const { title, type, description, datasource, gridPos, targets: own = [] } of all) {
    const { x, y, w, h } = gridPos;
    assert.ok(x >= 0 && x + w <= 24, title);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        assert.ok(!places.has(`${column},${line}`), `${title} is on top of another panel`);
        places.add(`${column},${line}`);
      }
    }
    if (type === 'row') continue;
    assert.ok(['stat', 'timeseries'].includes(type), type);
    assert.ok((description ?? '').length > 10, `${title} says what it shows`);
    assert.match(datasource?.uid ?? '', /^\$\{datasource\}$/);
    assert.equal(new Set(own.map(({ refId }) => refId)).size, own.length);
    for (const { expr } of own) assert.match(expr, /job=~"\$job", instance=~"\$instance"/, title);
  }
  assert.deepEqual(
    dashboard.templating.list.map(({ name }) => name),
    ['datasource', 'job', 'instance', 'route'],
  );
});

test('Prometheus reads each expression of the dashboard', (t) => {
  const promtool = requirePeer(t, 'promtool');
  if (promtool === null) return;
  const records = targets.map(({ expr }, i) => {
    const filled = expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$(?:job|instance|route)\b/g, '.*');
    return `      - record: panel:${i}\n        expr: ${JSON.stringify(filled)}\n`;
  });
  const folder = temporaryFolder(t, { 'panels.yml': `groups:\n  - name: panels\n    rules:\n${records.join('')}` });
  execFileSync(promtool, ['check', 'rules', join(folder, 'panels.yml')]);
});

test('each alert looks at metrics that there are, and says what is wrong', () => {
  const blocks = rules.split(/^ {6}- alert: /m).slice(1);
  assert.ok(blocks.length >= 15);
  for (const block of blocks) {
    const [name = ''] = block.split('\n');
    assert.match(name, /^Holdfast[A-Z]\w+$/);
    const [, expression = ''] = /^ {8}expr: ([\s\S]*?)\n {8}(?:for|labels):/m.exec(block) ?? [];
    assert.notEqual(expression, '', name);
    assert.deepEqual(strangers(expression), [], name);
    assert.match(block, /^ {10}severity: (?:critical|warning)$/m, name);
    assert.match(block, /^ {10}summary: /m, name);
    assert.match(block, /^ {10}description: /m, name);
  }
});

test('each alert is explained in the how-to', () => {
  const guide = readFileSync(join(ROOT, 'docs/how-to/monitor.md'), 'utf8');
  const alerts = [...rules.matchAll(/^ {6}- alert: (\w+)$/gm)].map(([, name = '']) => name);
  const explained = [...guide.matchAll(/^\| `(Holdfast\w+)` \|/gm)].map(([, name = '']) => name);
  assert.deepEqual(explained, alerts);
});

test('promtool accepts the rules, and series lead to the alerts that they should', (t) => {
  const promtool = requirePeer(t, 'promtool');
  if (promtool === null) return;
  execFileSync(promtool, ['check', 'rules', RULES]);
  execFileSync(promtool, ['test', 'rules', join(ROOT, 'test/cases/prometheus/holdfast.rules.yml')]);
});
