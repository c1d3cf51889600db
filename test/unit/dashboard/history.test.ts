import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History, METRICS, type Sample } from '../../../dashboard/src/live/history.ts';

function sample(requests: number | null): Sample {
  return { ...(Object.fromEntries(METRICS.map((metric) => [metric, null])) as Sample), requests };
}

test('the history gives the samples of the last seconds in columns', () => {
  const history = new History(100);
  for (let time = 1; time <= 10; time++) history.push(time, sample(time * 10));
  assert.deepEqual(history.columns(['requests', 'held'], 2), [
    [8, 9, 10],
    [80, 90, 100],
    [null, null, null],
  ]);
});

test('an empty history has empty columns', () => {
  assert.equal(new History(100).age, 0);
  assert.deepEqual(new History(100).columns(['requests'], 60), [[], []]);
});

test('the history keeps no more than its capacity', () => {
  const history = new History(3);
  for (let time = 1; time <= 1_000; time++) history.push(time, sample(time));
  assert.equal(history.size, 3);
  assert.equal(history.age, 2);
  assert.deepEqual(history.columns(['requests'], 1_000), [
    [998, 999, 1_000],
    [998, 999, 1_000],
  ]);
});

test('a time without samples breaks the line', () => {
  const history = new History(100);
  history.push(1, sample(1));
  history.push(21, sample(2));
  assert.deepEqual(history.columns(['requests'], 60), [
    [1, 11, 21],
    [1, null, 2],
  ]);
});

test('a clock that is set back takes what is not older away', () => {
  const history = new History(100);
  for (let time = 1; time <= 5; time++) history.push(time, sample(time));
  history.push(3, sample(30));
  assert.deepEqual(history.columns(['requests'], 60), [
    [1, 2, 3],
    [1, 2, 30],
  ]);
});
