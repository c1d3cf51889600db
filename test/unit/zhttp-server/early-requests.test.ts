import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EarlyRequests, MAX_EARLY_BYTES } from '../../../src/zhttp-server/early-requests.ts';
import { ServerRig } from '../../support/zhttp/server-rig.ts';

test('a request waits for the subscription of its requester', (t) => {
  const rig = new ServerRig({ subscriptionPatience: 2_000 });
  t.after(() => rig.engine.stop());
  rig.link.reachable = false;
  rig.first();
  assert.deepEqual([rig.link.take(), rig.counters.sessions], [[], 0]);
  rig.link.sink.onReachable();
  assert.equal(rig.counters.sessions, 0);
  rig.link.reachable = true;
  rig.link.sink.onReachable();
  assert.equal(rig.counters.sessions, 1);
});

test('a request of a requester that asks for responses by ROUTER waits for nothing', (t) => {
  const rig = new ServerRig({ subscriptionPatience: 2_000 });
  t.after(() => rig.engine.stop());
  rig.link.reachable = false;
  rig.first({ routerResp: true });
  assert.equal(rig.counters.sessions, 1);
});

test('a request that waits is refused when the server drains', (t) => {
  const rig = new ServerRig({ subscriptionPatience: 2_000 });
  t.after(() => rig.engine.stop());
  rig.link.reachable = false;
  rig.first();
  rig.engine.drain();
  assert.equal(rig.counters.requestsRefused, 1);
});

test('requests come out in their order, when they are reached or have waited long enough', () => {
  const early = new EarlyRequests(100);
  early.add('a', Buffer.from('1'), 0);
  early.add('b', Buffer.from('2'), 10);
  early.add('a', Buffer.from('3'), 20);
  assert.deepEqual(early.take(30, (from) => from === 'b').map(String), ['2']);
  assert.deepEqual(early.take(100, () => false).map(String), ['1']);
  assert.deepEqual([early.take(119, () => false), early.size], [[], 1]);
  assert.deepEqual(early.take(120, () => false).map(String), ['3']);
});

test('at the bound no request waits', () => {
  const early = new EarlyRequests(100);
  const large = Buffer.alloc(MAX_EARLY_BYTES - 255);
  assert.equal(early.add('a', large, 0), true);
  assert.equal(early.add('a', Buffer.from('small'), 0), false);
  assert.equal(early.take(100, () => false).length, 1);
  assert.equal(early.add('a', Buffer.from('small'), 0), true);
});
