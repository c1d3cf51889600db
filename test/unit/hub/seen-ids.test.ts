import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { MAX_SEEN_BYTES, SeenIds } from '../../../src/hub/seen-ids.ts';
import { stoppedClock } from './support.ts';

function seenIds(t: Parameters<typeof stoppedClock>[0]) {
  const advance = stoppedClock(t);
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  return { advance, ids: new SeenIds(wheel, assert.ifError) };
}

test('An id is known for its time, in its channel', (t) => {
  const { advance, ids } = seenIds(t);
  assert.equal(ids.note('a', '1', 60), false);
  assert.equal(ids.note('a', '1', 60), true);
  assert.equal(ids.note('b', '1', 60), false);
  assert.equal(ids.note('a1', '', 60), false);
  assert.equal(ids.note('a', '1', 0), false, 'nothing is known without a time');
  advance(61_000);
  assert.equal(ids.note('a', '1', 60), false);
});

test('Ids are forgotten by themselves', (t) => {
  const { advance, ids } = seenIds(t);
  for (let i = 0; i < 10_000; i++) ids.note('a', String(i), 1);
  advance(10_000);
  assert.equal(ids.size, 0);
});

test('Beyond the bound the oldest ids are forgotten', (t) => {
  const { ids } = seenIds(t);
  const name = 'x'.repeat(1_000_000);
  const most = Math.floor(MAX_SEEN_BYTES / 2_000_000);
  for (let i = 0; i < 2 * most; i++) ids.note(name, String(i), 60);
  assert.ok(ids.size <= most + 1, `${ids.size}`);
  assert.equal(ids.note(name, String(2 * most - 1), 60), true);
  assert.equal(ids.note(name, '0', 60), false);
});
