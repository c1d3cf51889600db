import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ItemExtras, PublishItem } from '../../../src/codec/grip/index.ts';
import { event, keeping, rule } from './history-rig.ts';
import type { HubRig } from './support.ts';

function cursors(hub: HubRig, ...items: PublishItem[]): readonly (string | null)[] {
  let told: readonly (string | null)[] = [];
  hub.hub.publish(items);
  hub.hub.tellCursors(items, (list) => {
    told = list;
  });
  return told.map((cursor) => cursor?.replace(/^.*-/, 'E-') ?? null);
}

function keyed(channel: string, key: string, more: Partial<ItemExtras> = {}): PublishItem {
  const repeatKey = { key, digest: key, index: 0 };
  return { ...event(channel, key), extras: { repeatKey, version: null, ttl: null, expires: 0, ...more } };
}

test('each item that is kept has a cursor once it is stored', (t) => {
  const { hub } = keeping(t, [rule('a')]);
  assert.deepEqual(cursors(hub, event('a', '1'), event('not kept', 'x'), event('a', '2')), ['E-1', null, 'E-2']);
});

test('a repeat has the cursor of the first time, if that was asked for then, and what is dropped has none', (t) => {
  const { hub } = keeping(t, [rule('a')]);
  assert.deepEqual(cursors(hub, keyed('a', 'one'), keyed('a', 'two', { ttl: 60 })), ['E-1', 'E-2']);
  assert.deepEqual(cursors(hub, keyed('a', 'two', { ttl: 60 }), keyed('a', 'one')), ['E-2', 'E-1']);
  hub.hub.publish([keyed('a', 'unasked')]);
  assert.deepEqual(cursors(hub, keyed('a', 'unasked')), [null]);
  const twice = event('a', 'x', { id: 'x' });
  assert.deepEqual(cursors(hub, twice), ['E-4']);
  assert.deepEqual(cursors(hub, event('a', 'x', { id: 'x' })), [null]);
});

test('items that are stored later have their cursors then', (t) => {
  const { hub, store } = keeping(t, [rule('a')]);
  const waiting: (() => void)[] = [];
  const { append } = store;
  t.mock.method(store, 'append', (...args: Parameters<typeof append>) => {
    waiting.push(() => append.apply(store, args));
  });
  const items = [event('a', '1')];
  let told: readonly (string | null)[] | null = null;
  hub.hub.publish(items);
  hub.hub.tellCursors(items, (list) => {
    told = list;
  });
  assert.equal(told, null);
  for (const act of waiting) act();
  assert.deepEqual(told, [`${store.epoch}-1`]);
});
