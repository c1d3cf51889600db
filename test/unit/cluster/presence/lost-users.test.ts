import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PresenceNode } from '../../../support/cluster/presence-node.ts';
import { startNats } from '../../../support/nats.ts';
import { until } from '../../../support/until.ts';

test('the users of a node that is lost leave, and those of one that stops in good order', async (t) => {
  const server = await startNats(t);
  if (server === null) return;
  const told: string[] = [];
  const a = await PresenceNode.start(t, server, 'a', told);
  const [b, c] = [await PresenceNode.start(t, server, 'b', told), await PresenceNode.start(t, server, 'c', told)];
  a.counts.set('r', 'x', 1);
  b.counts.set('r', 'ann', 1);
  c.counts.set('r', 'bob', 1);
  await until(() => told.length === 4);
  await until(() => a.registry.size === 3);
  await b.kill();
  await until(() => told.includes('a: leave r ann'));
  c.counts.clear();
  await c.stop();
  await until(() => told.includes('a: leave r bob'));
  assert.equal(told.length, 6);
  assert.deepEqual(a.users('r'), ['x 1']);
});

test('when the leader is lost, the next one tells what is missing, and nothing twice', async (t) => {
  const server = await startNats(t);
  if (server === null) return;
  const told: string[] = [];
  const a = await PresenceNode.start(t, server, 'a', told);
  const b = await PresenceNode.start(t, server, 'b', told);
  const c = await PresenceNode.start(t, server, 'c', told);
  a.counts.set('r', 'ann', 1);
  b.counts.set('r', 'bob', 1);
  c.counts.set('r', 'eve', 1);
  await until(() => told.length === 4);
  await until(() => c.registry.size === 3 && b.registry.size === 3);
  await a.written(4);
  await until(() => b.users('r').length === 3);
  await a.kill();
  // Nobody tells of these now.
  c.counts.set('r', 'eve', 0);
  b.counts.set('r', 'new', 1);
  await until(() => told.length === 7);
  assert.deepEqual(told.slice(4).sort(), ['b: join r new', 'b: leave r ann', 'b: leave r eve']);
  // One with a lower id takes over, and goes on from there.
  const first = await PresenceNode.start(t, server, 'A', told);
  await until(() => first.presence.isLeader && !b.presence.isLeader);
  c.counts.set('r', 'end', 1);
  await until(() => told.length === 8);
  assert.equal(told[7], 'A: join r end');
});

test('what was told before all nodes crashed is known to the next one', async (t) => {
  const server = await startNats(t);
  if (server === null) return;
  const told: string[] = [];
  const a = await PresenceNode.start(t, server, 'a', told);
  a.counts.set('r', 'ann', 1);
  a.counts.set('r', 'bob', 1);
  await until(() => told.length === 3);
  await a.written(3);
  await a.kill();
  const b = await PresenceNode.start(t, server, 'b', told);
  b.counts.set('r', 'bob', 1);
  await until(() => told.length === 4);
  assert.deepEqual(told.slice(3), ['b: leave r ann']);
});
