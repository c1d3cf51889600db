import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { metricNames, metricsReference } from '../../../src/app/index.ts';

test('the reference of metrics is as the tables are', () => {
  const page = readFileSync(new URL('../../../docs/reference/metrics.md', import.meta.url), 'utf8');
  assert.equal(page, metricsReference());
});

test('no two metrics have the same name, none says a word twice, and all are in the form that Prometheus asks for', () => {
  const names = metricNames();
  assert.ok(names.length > 200);
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^(holdfast|process)_[a-z0-9_]+$/);
  // The proxy counts headers of the PROXY protocol.
  const doubled = names.filter((name) => /_([a-z]+)_\1_/.test(name));
  assert.deepEqual(doubled, ['holdfast_proxy_proxy_headers_failed_total']);
});
