import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WaitingEvents } from '../../../src/mongrel2-handler/waiting-events.ts';

test('events come in order, to those that wait first', async () => {
  const events = new WaitingEvents<number>(() => assert.fail('it is never full'));
  const first = events.next();
  const second = events.next();
  events.add(1, 0);
  events.add(2, 0);
  events.add(3, 0);
  assert.deepEqual(
    [await first, await second, await events.next()].map(({ value }) => value),
    [1, 2, 3],
  );
});

test('at 1 MiB it is full, and has room again at a half; each event costs at least 256 bytes', async () => {
  const room: boolean[] = [];
  const events = new WaitingEvents<number>((has) => room.push(has));
  for (let i = 0; i < 4_095; i++) events.add(i, 0);
  assert.deepEqual(room, []);
  events.add(4_095, 0);
  events.add(4_096, 0);
  assert.deepEqual(room, [false]);
  for (let i = 0; i < 2_048; i++) await events.next();
  assert.deepEqual(room, [false]);
  for (let i = 0; i < 2; i++) await events.next();
  assert.deepEqual(room, [false, true]);
  events.add(0, 2_000_000);
  assert.deepEqual(room, [false, true, false]);
});

test('after its end nothing comes', async () => {
  const events = new WaitingEvents<number>(() => {});
  events.add(1, 0);
  events.end();
  events.add(2, 0);
  assert.deepEqual(await events.next(), { value: undefined, done: true });
  const other = new WaitingEvents<number>(() => {});
  const waiting = other.next();
  other.end();
  assert.deepEqual(await waiting, { value: undefined, done: true });
});
