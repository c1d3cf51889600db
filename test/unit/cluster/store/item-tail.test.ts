import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ItemTail, MAX_CLEARED, TAIL_BYTES } from '../../../../src/cluster/store/item-tail.ts';

function add(tail: ItemTail, number: number, channel: string, bytes = 1): void {
  tail.add({ number, time: 0, channel, bytes: Buffer.alloc(bytes) });
}

function numbers(tail: ItemTail, channel: string, after: number): readonly number[] {
  return tail.after(channel, after).map(({ number }) => number);
}

test('a tail has the items of each channel in their order', () => {
  const tail = new ItemTail();
  for (const number of [3, 5, 9]) add(tail, number, 'x');
  add(tail, 10, 'y');
  assert.deepEqual(numbers(tail, 'x', 0), [3, 5, 9]);
  assert.deepEqual(numbers(tail, 'x', 3), [5, 9]);
  assert.deepEqual(numbers(tail, 'x', 4), [5, 9]);
  assert.deepEqual(numbers(tail, 'x', 9), []);
  assert.deepEqual(numbers(tail, 'z', 0), []);
  assert.deepEqual(tail.namesAfter(8), ['x', 'y']);
  assert.deepEqual(tail.namesAfter(9), ['y']);
});

test('a tail lets the oldest go beyond its bytes, each of which counts 256 at least, and says from where on it has all', () => {
  const tail = new ItemTail();
  const many = TAIL_BYTES / 256;
  for (let number = 1; number <= many; number++) add(tail, number, number % 2 === 0 ? 'x' : 'y', 0);
  assert.equal(tail.from, 0);
  assert.equal(tail.bytes, TAIL_BYTES);
  for (let number = many + 1; number <= many + 100; number++) add(tail, number, 'x', 0);
  assert.equal(tail.from, 100);
  assert.equal(tail.bytes, TAIL_BYTES);
  assert.deepEqual(numbers(tail, 'x', 100).slice(0, 2), [102, 104]);
  add(tail, many + 101, 'z', TAIL_BYTES);
  assert.equal(tail.from, many + 100);
  assert.deepEqual(numbers(tail, 'x', tail.from), []);
  assert.deepEqual(numbers(tail, 'z', tail.from), [many + 101]);
});

test('channels that have had something are found by what has come, where that is little', () => {
  const tail = new ItemTail();
  for (let number = 1; number <= 9; number++) add(tail, number, `c${number}`);
  for (const [index, channel] of ['c5', 'c1', 'c5'].entries()) add(tail, 10 + index, channel);
  assert.deepEqual(tail.namesAfter(9), ['c5', 'c1']);
  assert.equal(tail.namesAfter(0).length, 9);
});

test('a channel that was cleared continues from there on only', () => {
  const tail = new ItemTail();
  tail.restart(5);
  add(tail, 7, 'x');
  tail.clear('x', 7);
  assert.equal(tail.floorOf('x'), 7);
  assert.equal(tail.floorOf('y'), 5);
});

test('a tail begins again when too many channels were cleared, and does not say that it has what goes with that', () => {
  const tail = new ItemTail();
  for (const number of [7, 20]) add(tail, number, 'x');
  for (let index = 0; index < MAX_CLEARED; index++) tail.clear(`c${index}`, 9);
  assert.equal(tail.floorOf('x'), 0);
  assert.deepEqual(numbers(tail, 'x', 7), [20]);
  tail.clear('y', 9);
  assert.equal(tail.floorOf('x'), 20);
  assert.equal(tail.bytes, 0);
});
