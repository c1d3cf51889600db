import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { stayKey, toldKey } from '../../../../src/cluster/presence/presence-key.ts';
import { PresenceNode } from '../../../support/cluster/presence-node.ts';
import { startNats } from '../../../support/nats.ts';
import { until } from '../../../support/until.ts';

/** Starts a broker and a node. `told` gets what nodes tell. Null where there is no broker: the test is skipped. */
async function oneNode(t: TestContext) {
  const server = await startNats(t);
  if (server === null) return null;
  const told: string[] = [];
  return { server, told, a: await PresenceNode.start(t, server, 'a', told) };
}

/** As `oneNode`, with another node. */
async function twoNodes(t: TestContext) {
  const one = await oneNode(t);
  return one && { ...one, b: await PresenceNode.start(t, one.server, 'b', one.told) };
}

/** Waits until the tables of all these nodes have these users of a channel, with their connections, and no others. */
async function untilUsers(nodes: readonly PresenceNode[], channel: string, users: string): Promise<void> {
  for (const node of nodes) await until(() => node.users(channel).join() === users);
}

test('one node leads, and the table of each has the users of all', async (t) => {
  const nodes = await twoNodes(t);
  if (nodes === null) return;
  const { told, a, b } = nodes;
  b.counts.set('room *.ü', 'ann', 1);
  await until(() => told.length === 2);
  assert.deepEqual(told.splice(0), ['a: occupied room *.ü', 'a: join room *.ü ann']);
  a.counts.set('room *.ü', 'ann', 1);
  a.counts.set('room *.ü', '', 4);
  b.counts.set('room *.ü', 'ann', 2);
  await untilUsers([a, b], 'room *.ü', 'ann 3');
  assert.deepEqual([a.presence.isLeader, b.presence.isLeader], [true, false]);
  // Ann is at the other node still.
  a.counts.clear();
  await untilUsers([a, b], 'room *.ü', 'ann 2');
  assert.deepEqual(told, []);
  b.counts.clear();
  await until(() => told.length === 2);
  assert.deepEqual(told, ['a: leave room *.ü ann', 'a: vacated room *.ü']);
  await untilUsers([a, b], 'room *.ü', '');
});

test('the last node that stops publishes that all have left, and nothing is left over', async (t) => {
  const nodes = await oneNode(t);
  if (nodes === null) return;
  const { told, a } = nodes;
  a.counts.set('r', 'ann', 1);
  await until(() => told.length === 2);
  a.counts.clear();
  await a.presence.stop();
  assert.deepEqual(told.slice(2), ['a: leave r ann', 'a: vacated r']);
  await a.written(0);
  assert.deepEqual([...(await a.entries()).keys()], ['m.a']);
});

test('what others change by mistake is put right', async (t) => {
  const nodes = await oneNode(t);
  if (nodes === null) return;
  const { told, a } = nodes;
  a.counts.set('r', 'ann', 1);
  await a.written(2);
  const bucket = await new Kvm(a.broker.connection).open('test_presence');
  const own = stayKey('a', 'r', 'ann') as string;
  // As if this node had been taken for gone.
  await bucket.put(own, '');
  await until(async () => (await a.entries()).get(own) === '1');
  assert.deepEqual(a.users('r'), ['ann 1']);
  // Another node has told that she has left, and of somebody who is not there.
  await bucket.put(toldKey('r', 'ann'), '');
  await bucket.put(toldKey('r', 'bob'), '1 x');
  await until(() => told.length === 4);
  assert.deepEqual(told, ['a: occupied r', 'a: join r ann', 'a: join r ann', 'a: leave r bob']);
  for (const key of ['x', 'e.n', 'e.n.c', 't.=.=.=', 'e.n.cg.cg=', 'z.cg.cg']) await bucket.put(key, '1');
  for (const key of [own, toldKey('r', 'ann')]) await bucket.put(key, 'x');
  await until(() => a.counters.messagesInvalid === 8);
  await until(async () => (await a.entries()).get(own) === '1');
});

test('a broker that has no room is counted and logged, and tried again', async (t) => {
  const nodes = await oneNode(t);
  if (nodes === null) return;
  const { told, a } = nodes;
  await until(() => a.presence.isLeader);
  const { streams } = await jetstreamManager(a.broker.connection);
  const { config } = await streams.info('KV_test_presence');
  await streams.update(config.name, { ...config, max_bytes: 1 });
  a.counts.set('r', 'ann', 1);
  await a.log.heard('broker does not take who is there: it is tried again');
  assert.equal(a.counters.presenceUnwritten, 1);
  await streams.update(config.name, config);
  await until(() => told.length === 2);
});

test('while the broker is away nothing is told; then what is missing', async (t) => {
  const nodes = await twoNodes(t);
  if (nodes === null) return;
  const { server, told, a, b } = nodes;
  a.counts.set('r', 'ann', 1);
  b.counts.set('r', 'bob', 1);
  await until(() => told.length === 3);
  await until(() => b.users('r').length === 2);
  await server.kill();
  await until(() => !a.broker.up && !b.broker.up);
  b.counts.set('r', 'bob', 0);
  b.counts.set('r', 'eve', 1);
  a.counts.set('r', 'ann', 0);
  a.counts.set('r', 'ann', 1);
  await server.start();
  await until(() => told.length === 5);
  assert.deepEqual(told.slice(3).sort(), ['a: join r eve', 'a: leave r bob']);
  await untilUsers([a, b], 'r', 'ann 1,eve 1');
});

test('what was told is not told again when the broker comes back without it', async (t) => {
  const nodes = await oneNode(t);
  if (nodes === null) return;
  const { server, told, a } = nodes;
  a.counts.set('r', 'ann', 1);
  await a.written(2);
  // As a broker that was killed before it had written this.
  const { streams } = await jetstreamManager(a.broker.connection);
  await streams.purge('KV_test_presence', { filter: '$KV.test_presence.t.>' });
  await a.written(0);
  await server.kill();
  await until(() => !a.broker.up);
  await server.start();
  a.counts.set('r', 'bob', 1);
  await until(() => told.length === 3);
  assert.deepEqual(told, ['a: occupied r', 'a: join r ann', 'a: join r bob']);
  await a.written(3);
});

test('a bucket that was deleted is made again, and has the users of all nodes', async (t) => {
  const nodes = await twoNodes(t);
  if (nodes === null) return;
  const { a, b } = nodes;
  b.counts.set('room', 'ann', 1);
  await untilUsers([a, b], 'room', 'ann 1');
  const { streams } = await jetstreamManager(a.broker.connection);
  await streams.delete('KV_test_presence');
  for (const node of [a, b]) await node.presence.checkBucket();
  a.counts.set('room', 'bob', 1);
  await untilUsers([a, b], 'room', 'ann 1,bob 1');
  b.counts.clear();
  await untilUsers([a, b], 'room', 'bob 1');
});
