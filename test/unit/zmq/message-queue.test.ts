import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeMessages } from '../../../src/codec/zmtp/index.ts';
import { SendQueue } from '../../../src/zmq/message-queue.ts';

function queueOf(...texts: string[]): SendQueue {
  const queue = new SendQueue();
  for (const text of texts) queue.push([Buffer.from(text)]);
  return queue;
}

function wire(...texts: string[]): Buffer {
  return Buffer.concat(
    encodeMessages(
      texts.map((text) => [Buffer.from(text)]),
      0,
      texts.length,
    ),
  );
}

test('messages leave in their order, as one buffer', () => {
  const queue = queueOf('a', 'b', 'c');
  assert.equal(queue.length, 3);
  assert.deepEqual(queue.take(100), [wire('a', 'b', 'c')]);
  assert.equal(queue.length, 0);
});

test('no more is taken than requested, but one message always', () => {
  const queue = queueOf('aa', 'bb', 'cc', 'dddddddddd');
  assert.deepEqual(queue.take(8), [wire('aa', 'bb')]);
  assert.equal(queue.length, 2);
  assert.deepEqual(queue.take(0), [wire('cc')]);
  assert.deepEqual(queue.take(1), [wire('dddddddddd')]);
  assert.equal(queue.length, 0);
});

test('the order holds while messages come and go', () => {
  const queue = new SendQueue();
  const out: Buffer[] = [];
  const all: string[] = [];
  for (let i = 0; i < 50; i++) {
    for (const text of [`x${i}`, `y${i}`, `z${i}`]) {
      all.push(text);
      queue.push([Buffer.from(text)]);
    }
    out.push(...queue.take(9));
  }
  while (queue.length > 0) out.push(...queue.take(20));
  assert.equal(Buffer.concat(out).equals(wire(...all)), true);
});

test('a cleared queue is empty', () => {
  const queue = queueOf('a', 'b');
  queue.clear();
  assert.equal(queue.length, 0);
  queue.push([Buffer.from('c')]);
  assert.deepEqual(queue.take(100), [wire('c')]);
});
