import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import type { ChannelLimits } from '../../../src/history/index.ts';
import { patternKey } from '../../../src/hub/index.ts';
import { type NatsServer, startNats } from '../../support/nats.ts';
import { KEEP, type NodeOptions, StoreNode } from './support.ts';

/** A node that is subscribed to channel x since now: what came before it has to read. */
async function fresh(t: TestContext, nats: NatsServer, options: NodeOptions = {}): Promise<StoreNode> {
  const node = await StoreNode.open(t, nats, options);
  await node.subscribe('x', 'y');
  return node;
}

function limited(limits: Partial<ChannelLimits>): NodeOptions {
  return { limitsOf: (channel) => (channel === 'x' ? { ...KEEP, ...limits } : KEEP) };
}

test('a channel continues from the first item that the stream still has, and not from before it', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const few = { settings: { largest: () => ({ items: 3, age: 3_600 }) } };
  const a = await fresh(t, nats, few);
  const numbers = await a.append('x', '1', '2', '3', '4', '5', '6');
  const b = await fresh(t, nats, few);
  // The stream has one item more than clients get: 3.
  assert.equal(await b.after(numbers[2] ?? 0, 'x'), '4 5 6');
  assert.equal(await b.after(numbers[1] ?? 0, 'x'), 'gap x');
  assert.equal(await a.after(numbers[1] ?? 0, 'x'), '3 4 5 6');
});

test('a channel that has had fewer items than the stream keeps continues from before its first one', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await fresh(t, nats);
  const [before = 0] = await a.append('y', '0');
  const b = await fresh(t, nats);
  await a.append('x', '1', '2');
  const c = await fresh(t, nats);
  for (const node of [a, b, c]) {
    await node.cover('x');
    assert.equal(await node.after(before, 'x'), '1 2');
    assert.equal(await node.after(before, 'x', 'y'), '1 2');
    assert.equal(await node.after(before, 'z'), '');
  }
});

// A record of one byte of a channel with a name of one byte takes 40.
for (const limits of [{ items: 2 }, { bytes: 80 }]) {
  test(`no client gets what the rule of a channel has let go: ${JSON.stringify(limits)}`, async (t) => {
    const nats = await startNats(t);
    if (nats === null) return;
    const a = await fresh(t, nats, limited(limits));
    const [first = 0, second = 0] = await a.append('x', '1', '2', '3', '4');
    const b = await fresh(t, nats, limited(limits));
    for (const node of [a, b]) {
      assert.equal(await node.after(first, 'x'), 'gap x');
      assert.equal(await node.after(second, 'x'), '3 4');
      assert.equal(await node.kept('x'), '3 4');
    }
  });
}

test('no client gets what is older than the rule of a channel allows', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await fresh(t, nats);
  const [first = 0] = await a.append('x', '1', '2');
  const b = await fresh(t, nats, limited({ age: -1 }));
  assert.equal(await b.after(first, 'x'), 'gap x');
  assert.equal(await b.kept('x'), '');
  assert.equal(await new Promise((resolve) => b.store.lastOf('x', resolve)), null);
});

test('gaps name the other channels that items of are missed, too', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const few = { settings: { largest: () => ({ items: 1, age: 3_600 }) } };
  const a = await fresh(t, nats, few);
  const [first = 0] = await a.append('x', '1', '2', '3', '4');
  await a.append('y', '5');
  const b = await fresh(t, nats, few);
  assert.equal(await b.after(first, 'x', 'y'), 'gap x y');
});

test('a channel that was cleared does not continue from before that at any node, and goes on from there', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const [a, b] = [await fresh(t, nats), await fresh(t, nats)];
  const [before = 0] = await a.append('y', '0');
  const [, second = 0] = await a.append('x', '1', '2', '3');
  await b.until(() => b.items.length === 4);
  // Of nothing before.
  a.store.clear('x', 0);
  a.store.clear('x', second);
  const [cleared = 0] = await a.append('y', 'cleared');
  await b.until(() => b.items.length === 5);
  const c = await fresh(t, nats);
  for (const node of [a, b, c]) {
    assert.equal(await node.after(before, 'x'), 'gap x');
    assert.equal(await node.after(second, 'x'), '3');
  }
  a.store.clear('x');
  await a.append('x', '4');
  await a.cover('x');
  const d = await fresh(t, nats);
  assert.equal(await d.after(second, 'x'), 'gap x');
  assert.equal(await d.after(cleared, 'x'), '4');
});

test('channels without items do not continue from before other rules, and those with items do', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await fresh(t, nats);
  const [first = 0] = await a.append('x', '1', '2');
  const b = await fresh(t, nats, { rules: 'others' });
  assert.equal(await b.after(first, 'x'), '2');
  assert.equal(await b.after(first, 'y'), 'gap y');
  const [third = 0] = await b.append('x', '3');
  assert.equal(await b.after(third, 'y'), '');
});

test('who comes to a node once the stream has its rules does not begin before these', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const [a, b] = [await StoreNode.open(t, nats), await StoreNode.open(t, nats)];
  await a.append('z', '1');
  const early = b.store.head;
  b.store.setRules('others', () => KEEP);
  assert.equal(await b.store.ready(), b.store.head);
  const { head } = b.store;
  await a.append('x', '2');
  assert.equal(await b.after(early, 'x'), 'gap x');
  assert.equal(await b.after(head, 'x'), '2');
});

test('what matches a pattern is known from the last items, and from the stream', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const matching = (node: StoreNode, after: number | null, limit = 10): Promise<readonly string[] | null> =>
    new Promise((resolve) => node.store.matching(['a.*'], after, limit, resolve));
  const a = await StoreNode.open(t, nats);
  await a.subscribe(patternKey('a.*'));
  const [first = 0] = await a.append('a.1', '1');
  await a.append('a.2', '2');
  await a.append('b.1', '3');
  const [last = 0] = await a.append('a.1', '4');
  const b = await StoreNode.open(t, nats);
  for (const node of [a, b]) {
    assert.deepEqual([...((await matching(node, null)) ?? [])].sort(), ['a.1', 'a.2']);
    assert.deepEqual([...((await matching(node, first)) ?? [])].sort(), ['a.1', 'a.2']);
    assert.deepEqual(await matching(node, last), []);
    assert.equal(await matching(node, null, 1), null);
    const names = await new Promise<readonly string[]>((resolve) => node.store.names('b', resolve));
    assert.deepEqual(names, ['b.1']);
  }
});

test('a page has the newest items first, up to a limit, and before a number', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await fresh(t, nats);
  const numbers = await a.append('x', '1', '2', '3', '4');
  const query = { channels: ['x'], after: null, reverse: true, limit: 2 };
  const page = await a.read(query);
  assert.deepEqual([page.items.map(({ number }) => number), page.more], [[numbers[3], numbers[2]], true]);
  const next = await a.read({ ...query, before: numbers[2] ?? 0 });
  assert.deepEqual([next.items.map(({ number }) => number), next.more], [[numbers[1], numbers[0]], false]);
  const span = await new Promise<object>((resolve) => a.store.span('x', resolve));
  assert.deepEqual({ ...span, oldest: 0 }, { first: numbers[0], last: numbers[3], items: 4, bytes: 4 * 40, oldest: 0 });
  const many = await a.append('y', ...new Array<string>(300).fill('1'));
  const large = await new Promise<object>((resolve) => a.store.span('y', resolve));
  const ends = { first: many[0], last: many.at(-1) };
  assert.deepEqual({ ...large, oldest: 0 }, { ...ends, items: 300, bytes: 300 * 40, oldest: 0 });
});

test('a client is told of a gap as soon as somebody has the stream keep less than its rules', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  // It stays, so the stream begins before the cursor.
  await a.append('other', '0');
  const numbers = await a.append('x', '1', '2', '3', '4', '5');
  const after = { epoch: a.store.epoch, number: numbers[0] as number };
  const { connection } = a.broker;
  const { config } = await (await jetstreamManager(connection)).streams.info('test');
  await connection.request('$JS.API.STREAM.UPDATE.test', JSON.stringify({ ...config, max_msgs_per_subject: 2 }));
  const { recovered, gaps } = await a.read({ channels: ['x'], after });
  assert.deepEqual([recovered, gaps], [false, ['x']]);
});
