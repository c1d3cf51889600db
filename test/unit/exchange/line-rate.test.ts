import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineRate, OUTAGE_LINES } from '../../../src/exchange/index.ts';
import { FakeLog } from '../../support/fake-log.ts';

test('Ten lines a second have their level, and those beyond are for debugging', (t) => {
  let now = 1_000;
  t.mock.method(performance, 'now', () => now);
  const [log, lines] = [new FakeLog(), new LineRate()];
  const write = (times: number) => {
    for (let i = 0; i < times; i++) lines.write(log, 'warn', { i }, 'packet refused');
    return [log.at('warn').length, log.at('debug').length];
  };
  assert.deepEqual(write(1_000), [10, 990]);
  now += 500;
  assert.deepEqual(write(1_000), [15, 1_985]);
  now += 60_000;
  assert.deepEqual(write(1_000), [25, 2_975]);
  assert.deepEqual(log.records.at(-1)?.fields, { i: 999 });
});

test('what fails as long as a peer is away has one line each ten seconds', (t) => {
  let now = 1_000;
  t.mock.method(performance, 'now', () => now);
  const [log, lines] = [new FakeLog(), new LineRate(OUTAGE_LINES)];
  for (; now < 31_000; now += 500) lines.write(log, 'warn', {}, 'peer is away');
  assert.deepEqual([log.at('warn').length, log.at('debug').length], [3, 57]);
});
