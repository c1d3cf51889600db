import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { metricsText } from '../../../src/app/metrics.ts';
import { ControlCounters, CounterRegistry, Counters, Histogram } from '../../../src/exchange/index.ts';

test('each metric is described', () => {
  const page = readFileSync(new URL('../../../docs/reference/metrics.md', import.meta.url), 'utf8');
  const registry = new CounterRegistry();
  registry.add('proxy', new Counters());
  const hub = { holds: 0, channels: 0, undelivered: 0, backlogs: 0, publishers: 0, latency: new Histogram() };
  const text = metricsText({ registry, proxy: { routes: [], targets: [], timers: 0, hub } });
  const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name);
  assert.ok(names.length > 50);
  const described = [...page.matchAll(/^\| `(holdfast_(?!control)\w+)`/gm)].map(([, name = '']) => name);
  assert.deepEqual(described.sort(), names.sort());
  for (const counter of Object.keys(new ControlCounters()).filter((each) => !(each in new Counters()))) {
    const snake = counter.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    assert.ok(page.includes(`\`holdfast_control_${snake}_total\``), counter);
  }
});
