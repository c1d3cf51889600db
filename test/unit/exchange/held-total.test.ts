import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TurnQueue } from '../../../src/clock/index.ts';
import { type ByteHolder, Counters, HeldTotal } from '../../../src/exchange/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { turn } from '../../support/manual-clock.ts';

function rig(max: number) {
  const host = { turn: new TurnQueue(), log: new FakeLog(), counters: new Counters() };
  const total = new HeldTotal(max, host, 'too much is held');
  const ended: string[] = [];
  const holder = (name: string): ByteHolder => ({
    onHeldTooMuch: () => void ended.push(name),
    onFault: () => void ended.push(`fault of ${name}`),
  });
  return { ...host, total, ended, holder };
}

test('beyond the total those that hold the most end at the end of the turn, until a quarter is free', async () => {
  const { total, ended, holder, log } = rig(10_000);
  for (const [name, bytes] of [
    ['a', 1_000],
    ['b', 3_000],
    ['c', 2_000],
    ['d', 4_000],
  ] as const) {
    total.hold(holder(name), bytes);
  }
  await turn();
  assert.deepEqual(ended, []);
  total.hold(holder('e'), 1);
  assert.deepEqual(ended, []);
  await turn();
  assert.deepEqual(ended, ['d']);
  assert.equal(total.bytes, 6_256);
  assert.deepEqual(
    log.with('too much is held').map(({ fields }) => fields),
    [{ bytes: 10_256, holders: 5 }],
  );
});

test('one that has released everything counts no more', async () => {
  const { total, ended, holder } = rig(1_000);
  const one = holder('one');
  for (let i = 0; i < 4; i++) total.hold(one, 0);
  assert.equal(total.bytes, 1_024);
  total.releaseAll(one);
  total.releaseAll(one);
  assert.equal(total.bytes, 0);
  await turn();
  assert.deepEqual(ended, []);
});

test('one whose end throws does not keep the others from ending', async () => {
  const { total, ended, holder } = rig(1_000);
  const faulty = holder('faulty');
  faulty.onHeldTooMuch = () => {
    throw new Error('thrown by onHeldTooMuch');
  };
  total.hold(faulty, 2_000);
  total.hold(holder('other'), 1_500);
  await turn();
  assert.deepEqual(ended, ['fault of faulty', 'other']);
  assert.equal(total.bytes, 0);
});

test('what is released counts no more, at most what is held', () => {
  const { total, holder } = rig(10_000);
  const one = holder('one');
  assert.equal(total.hold(one, 1_000), 1_000);
  assert.equal(total.hold(one, 1), 1_256);
  total.release(one, 1);
  assert.equal(total.bytes, 1_000);
  total.release(one, 2_000);
  assert.equal(total.bytes, 0);
});

test('as many bytes as a quarter of the bound come between two looks at all holders', async () => {
  const { total, holder, log } = rig(100_000);
  for (let i = 0; i < 1_000; i++) {
    total.hold(holder(`${i}`), 1_000);
    await turn();
  }
  assert.equal(log.with('too much is held').length, Math.floor((1_000 - 100) / 26) + 1);
});

test('many holders end in slices, without those that have released everything meanwhile', async () => {
  const { total, holder, ended, log } = rig(1_000 * 256);
  const holders = Array.from({ length: 1_000 }, (_, n) => holder(`${n}`));
  for (const one of holders) total.hold(one, 0);
  total.hold(holder('last'), 0);
  await turn();
  const first = ended.length;
  assert.ok(first > 0 && first <= 128, `${first} have ended`);
  const left = holders.filter((_, n) => !ended.includes(`${n}`));
  for (const one of left.slice(-50)) total.releaseAll(one);
  while (total.bytes > 750 * 256) await turn();
  assert.equal(ended.length, 251 - 50);
  assert.equal(log.with('too much is held').length, 1);
});
