import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WaitingRequests } from '../../../src/zhttp-client/waiting-requests.ts';

test('requests wait in order, and leave until one is not taken', () => {
  const waiting = new WaitingRequests(10);
  for (const id of ['a', 'b', 'c']) assert.equal(waiting.add(id, Buffer.from(id), 0), true);
  const sent: string[] = [];
  waiting.sendTo((packet) => sent.length < 2 && sent.push(packet.toString()) > 0);
  assert.deepEqual([sent, waiting.size], [['a', 'b'], 1]);
  assert.deepEqual([waiting.remove('a'), waiting.remove('c'), waiting.size], [false, true, 0]);
});

test('requests that have waited too long are removed, oldest first', () => {
  const waiting = new WaitingRequests(10);
  for (const now of [0, 1, 2]) waiting.add(`r${now}`, Buffer.from('x'), now);
  assert.deepEqual(waiting.expired(11), ['r0', 'r1']);
  assert.equal(waiting.size, 1);
});

test('up to 64 MB wait, each packet costs at least 256 bytes, and what leaves makes room', () => {
  const waiting = new WaitingRequests(10);
  const large = Buffer.alloc(1_048_576);
  for (let n = 0; n < 63; n++) assert.equal(waiting.add(`large${n}`, large, 0), true);
  for (let n = 0; n < 4_096; n++) assert.equal(waiting.add(`small${n}`, Buffer.alloc(0), 0), true);
  assert.equal(waiting.add('more', Buffer.alloc(0), 0), false);
  waiting.remove('small0');
  assert.equal(waiting.add('more', Buffer.alloc(0), 0), true);
  waiting.remove('large0');
  assert.equal(waiting.add('large', large, 0), true);
});
