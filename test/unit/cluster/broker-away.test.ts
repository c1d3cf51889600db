import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { patternKey } from '../../../src/hub/index.ts';
import { startNats } from '../../support/nats.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { announceNothing, DROPPED, StoreNode } from './support.ts';

test('items that are appended while the broker is killed and comes back are kept once, and in their order', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  await a.subscribe('x');
  const texts = Array.from({ length: 1_000 }, (_, index) => String(index));
  const before = a.append('x', ...texts.slice(0, 500));
  await a.until(() => a.items.length > 0);
  await nats.kill();
  await a.log.until('broker is away: clients stay');
  const meanwhile = a.append('x', ...texts.slice(500));
  await nats.start();
  const numbers = [...(await before), ...(await meanwhile)];
  assert.equal(a.store.waiting, 0);
  assert.deepEqual(
    numbers,
    numbers.toSorted((one, other) => one - other),
  );
  assert.equal(new Set(numbers).size, 1_000);
  await a.until(() => a.backs.length === 1);
  assert.equal(await a.kept('x'), texts.join(' '));
});

test('what came while a node was cut off is behind the place that it is told of, and what comes later is passed on', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  await a.subscribe('x');
  const [first = 0] = await a.append('x', '1');
  await a.until(() => a.items.length === 1);
  await nats.kill();
  await a.log.until('broker is away: clients stay');
  await nats.start();
  const b = await StoreNode.open(t, nats);
  await b.append('x', '2');
  await a.until(() => a.backs.length === 1);
  await b.append('x', '3');
  await a.cover('x');
  await a.until(() => a.texts.endsWith('3'));
  const [from = 0] = a.backs;
  assert.ok(from >= first);
  assert.equal(await a.after(from, 'x'), '2 3');
});

test('what got lost before the broker was away is noticed when it is back, before clients go on', async (t) => {
  announceNothing(t);
  const nats = await startNats(t);
  if (nats === null) return;
  const [a, b] = [await StoreNode.open(t, nats), await StoreNode.open(t, nats)];
  await a.subscribe('x', 'y', 'z');
  await b.subscribe(patternKey('*'));
  const [first = 0] = await a.append('x', '1');
  await a.append('x', DROPPED);
  await a.append('y', '2');
  for (const node of [a, b]) await node.until(() => node.texts.endsWith('2'));
  assert.deepEqual([...a.lost, ...b.lost], []);
  await nats.kill();
  for (const node of [a, b]) await node.log.until('broker is away: clients stay');
  await nats.start();
  for (const node of [a, b]) {
    await node.until(() => node.backs.length === 1);
    assert.deepEqual(node.lost, ['x']);
    assert.equal(node.counters.channelsLost, 1);
    assert.equal(await node.after(first, 'x'), DROPPED);
  }
});

test('a read that is under way when the broker goes away is answered when it is back', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  const [first = 0] = await a.append('x', '1', '2');
  const b = await StoreNode.open(t, nats);
  await b.subscribe('x');
  await nats.stop();
  const answer = b.after(first, 'x');
  await nats.kill();
  await nats.start();
  assert.equal(await answer, '2');
});

test('a broker that was restored from a backup has another epoch, at all nodes', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const [a, b] = [await StoreNode.open(t, nats), await StoreNode.open(t, nats)];
  await Promise.all([a.subscribe('x'), b.subscribe('x')]);
  const { epoch } = a.store;
  await a.append('x', '1');
  await nats.kill();
  const backup = temporaryFolder(t);
  cpSync(nats.folder, backup, { recursive: true });
  await nats.start();
  await a.until(() => a.backs.length === 1);
  await b.until(() => b.backs.length === 1);
  assert.equal(a.store.epoch, epoch);
  const lost = await a.append('x', ...Array.from({ length: 20 }, (_, index) => `lost${index}`));
  const last = lost.at(-1) ?? 0;
  await b.until(() => b.items.at(-1)?.number === last);
  await nats.kill();
  rmSync(nats.folder, { recursive: true });
  cpSync(backup, nats.folder, { recursive: true });
  await nats.start();
  await a.until(() => a.backs.length === 2);
  await b.until(() => b.backs.length === 2);
  assert.notEqual(a.store.epoch, epoch);
  assert.equal(b.store.epoch, a.store.epoch);
  assert.ok(a.store.head < last);
  const [number = 0] = await a.append('x', 'new');
  assert.ok(number < last);
  await b.until(() => b.texts.endsWith('new'));
  const gone = await b.read({ channels: ['x'], after: { epoch, number } });
  assert.equal(gone.recovered, false);
});

test('a stream that is deleted under the nodes is made again, with another epoch', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  await a.subscribe('x');
  const { epoch } = a.store;
  await a.append('x', '1', '2', '3');
  await a.broker.connection.request('$JS.API.STREAM.DELETE.test');
  const [number] = await a.append('x', 'new');
  await a.until(() => a.backs.length === 1);
  assert.notEqual(a.store.epoch, epoch);
  assert.ok(number !== 0);
  assert.equal(await a.kept('x'), 'new');
});

test('a stream whose items would reach nobody is not used until it is as it was', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  await a.subscribe('x');
  await a.append('x', '1');
  const { connection } = a.broker;
  const { config } = await (await jetstreamManager(connection)).streams.info('test');
  const update = (to: object) => connection.request('$JS.API.STREAM.UPDATE.test', JSON.stringify(to));
  const stalled = new Promise<void>((resolve) => {
    a.store.onStalled = resolve;
  });
  await update({ ...config, republish: undefined });
  // It makes the store look at its stream.
  a.store.clear('y');
  await stalled;
  assert.match(a.store.degraded ?? '', /keeps nothing now, as its stream was changed \(republish is not set, not "/);
  await a.append('x', 'meanwhile');
  await update(config);
  await a.until(() => a.backs.length === 1);
  assert.equal(a.store.degraded, null);
  await a.append('x', '2');
  await a.until(() => a.texts === '1 2');
  assert.equal(await a.kept('x'), '1 meanwhile 2');
});

test('a broker that takes no more subscriptions is told of', async (t) => {
  const nats = await startNats(t, { config: 'max_subscriptions: 20\n' });
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  assert.equal(a.store.degraded, null);
  for (let index = 0; index < 30; index++) a.feed.channelAdded(`x${index}`);
  while (a.store.degraded === null) await setTimeout(10);
  assert.match(a.store.degraded, /takes no more subscriptions \(max_subscriptions\)/);
});

test('an item that is larger than the broker takes is not kept, and counted', async (t) => {
  const nats = await startNats(t, { config: 'max_payload: 4096\n' });
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  await a.subscribe('x');
  const [small = 0, large, last = 0] = await a.append('x', '1', 'x'.repeat(4_096), '2');
  assert.ok(small > 0 && last > small);
  assert.equal(large, 0);
  assert.equal(a.counters.itemsUnsent, 1);
  assert.deepEqual(a.log.of('item is too large for the broker'), [{ channel: 'x', bytes: 4_096, max: 4_096 }]);
});

test('a thousand items of one append get their numbers in their order', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  await a.subscribe('x');
  const texts = Array.from({ length: 1_000 }, (_, index) => String(index));
  const numbers = await a.append('x', ...texts);
  await a.until(() => a.items.length === 1_000);
  assert.deepEqual(
    a.items.map(({ number }) => number),
    numbers,
  );
  assert.equal(a.texts, texts.join(' '));
  await a.store.stop();
});

test('what a channel and a pattern have is known when the broker is back, though it was asked for while it was away', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  const [number = 0] = await a.append('x', '1');
  await nats.kill();
  await a.log.until('broker is away: clients stay');
  const last = new Promise<number | null>((resolve) => a.store.lastOf('x', (item) => resolve(item?.number ?? null)));
  const matched = new Promise((resolve) => a.store.matching(['*'], null, 10, resolve));
  await a.log.until('broker has failed');
  await nats.start();
  assert.equal(await last, number);
  assert.deepEqual(await matched, ['x']);
});
