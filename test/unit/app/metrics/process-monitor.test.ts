import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ProcessMonitor } from '../../../../src/app/metrics/process-monitor.ts';
import { openFileCount } from '../../../../src/app/open-files.ts';
import { turn } from '../../../support/manual-clock.ts';

function started(t: TestContext): ProcessMonitor {
  const monitor = new ProcessMonitor();
  monitor.start();
  t.after(() => monitor.stop());
  return monitor;
}

test('a turn of the loop that takes long is seen', async (t) => {
  const monitor = started(t);
  while (monitor.report.lag.count === 0) await turn();
  const { count } = monitor.report.lag;
  const until = performance.now() + 200;
  while (performance.now() < until);
  while (monitor.report.lag.count === count) await turn();
  const { max, sum } = monitor.report.lag;
  assert.ok(max >= 0.1, `${max}`);
  assert.ok(sum >= 0.1, `${sum}`);
});

test('runs of the garbage collector are counted', async (t) => {
  const monitor = started(t);
  const kept: unknown[] = [];
  while (monitor.report.collections.minor.runs === 0) {
    for (let i = 0; i < 10_000; i++) kept[i % 100] = { i };
    await turn();
  }
  assert.ok(monitor.report.collections.minor.seconds > 0);
});

test('CPU time, memory and the start are told in seconds and bytes', (t) => {
  const { cpu, started: since, memory } = started(t).report;
  assert.ok(cpu > 0 && cpu < 1_000);
  assert.ok(Math.abs(since - Date.now() / 1000) < 10_000);
  for (const value of Object.values(memory)) assert.ok(value > 100_000);
});

test('each socket and file that is open counts', async (t) => {
  const { open } = await import('node:fs/promises');
  const before = openFileCount() ?? 0;
  const files = await Promise.all(Array.from({ length: 50 }, () => open('/dev/null')));
  t.after(() => Promise.all(files.map((file) => file.close())));
  assert.ok((openFileCount() ?? 0) >= before + 50 - 1);
});
