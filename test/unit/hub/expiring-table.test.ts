import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { ExpiringTable } from '../../../src/hub/expiring-table.ts';
import { stoppedClock } from './support.ts';

function table(t: TestContext, maxBytes = 1_000, stays?: (key: string) => number) {
  const advance = stoppedClock(t);
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const options = { wheel, maxBytes, onFault: assert.ifError, ...(stays && { stays }) };
  return { advance, table: new ExpiringTable<number>(options) };
}

test('a value is kept for its time, and forgotten by itself', (t) => {
  const { advance, table: made } = table(t);
  made.set('a', 1, 10, 1_000);
  made.set('b', 2, 10, 5_000);
  assert.deepEqual(
    [...made.entries()],
    [
      ['a', 1, 1_000],
      ['b', 2, 5_000],
    ],
  );
  advance(2_000);
  assert.equal(made.get('a'), undefined);
  assert.equal(made.get('b'), 2);
  assert.equal(made.size, 1);
  advance(10_000);
  assert.deepEqual([made.size, made.bytes], [0, 0]);
});

test('beyond the bound the oldest are forgotten, however their sizes differ', (t) => {
  const { table: made } = table(t);
  for (let i = 0; i < 100; i++) made.set(`small ${i}`, i, 10, 60_000);
  made.set('large', 1, 600, 60_000);
  assert.ok(made.bytes <= 1_000);
  assert.equal(made.get('small 0'), undefined);
  assert.equal(made.get('small 99'), 99);
  made.charge('large', 300);
  assert.ok(made.bytes <= 1_000);
  made.set('huge', 1, 2_000, 60_000);
  assert.deepEqual([made.size, made.bytes], [0, 0], 'one that is larger than the bound is not kept');
});

test('an entry that is wanted still stays, unless there is no room', (t) => {
  const wanted = new Set(['a', 'b']);
  const { advance, table: made } = table(t, 1_000, (key) => (wanted.has(key) ? 3_000 : 0));
  for (const key of ['a', 'b', 'c']) made.set(key, 1, 100, 1_000);
  advance(60_000);
  assert.deepEqual([made.get('a'), made.get('b'), made.get('c')], [1, 1, undefined]);
  assert.equal(made.bytes, 200);
  wanted.delete('b');
  advance(10_000);
  assert.equal(made.get('b'), undefined);
  made.set('d', 1, 1_000, 1_000);
  assert.equal(made.get('a'), undefined);
});
