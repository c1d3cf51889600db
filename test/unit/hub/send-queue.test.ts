import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Payload } from '../../../src/exchange/index.ts';
import { SendQueue } from '../../../src/hub/send-queue.ts';

const payload = (text: string, items = 1) => new Payload(Buffer.from(text), items);

test('a payload within the bound is taken whole, as the same object', () => {
  const queue = new SendQueue();
  const first = payload('abc');
  const second = payload('defg', 2);
  queue.push(first);
  queue.push(second);
  assert.deepEqual([queue.items, queue.bytes, queue.empty], [3, 7, false]);
  assert.equal(queue.take(3), first);
  assert.deepEqual([queue.items, queue.bytes], [2, 4]);
  assert.equal(queue.take(100), second);
  assert.deepEqual([queue.items, queue.bytes, queue.empty], [0, 0, true]);
});

test('a payload beyond the bound is taken in slices, and counts as waiting until its last one', () => {
  const queue = new SendQueue();
  queue.push(payload('abcdefg'));
  queue.push(payload('h'));
  assert.equal(String(queue.take(3)), 'abc');
  assert.deepEqual([queue.items, queue.bytes], [2, 5]);
  assert.equal(String(queue.take(1)), 'd');
  assert.equal(String(queue.take(10)), 'efg');
  assert.deepEqual([queue.items, queue.bytes], [1, 1]);
  assert.ok(queue.take(10) instanceof Payload);
  assert.equal(queue.empty, true);
});

test('what is no item counts neither as items nor as bytes', () => {
  const queue = new SendQueue();
  queue.push(payload('initial body', 0));
  assert.deepEqual([queue.items, queue.bytes, queue.empty], [0, 0, false]);
  queue.push(payload('x'));
  queue.take(5);
  assert.deepEqual([queue.items, queue.bytes], [1, 1]);
});

test('an emptied queue can be filled again', () => {
  const queue = new SendQueue();
  queue.push(payload('a'));
  queue.take(1);
  const second = payload('b');
  queue.push(second);
  assert.equal(queue.take(1), second);
  assert.equal(queue.empty, true);
});
