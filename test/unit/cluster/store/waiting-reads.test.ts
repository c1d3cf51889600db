import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WAITING_BYTES, WaitingReads } from '../../../../src/cluster/store/waiting-reads.ts';
import { ClusterCounters } from '../../../../src/exchange/index.ts';
import { FakeLog } from '../../../support/fake-log.ts';
import { turn } from '../../../support/manual-clock.ts';
import { startNats } from '../../../support/nats.ts';
import { StoreNode } from '../support.ts';

test('questions that wait for the broker have a bound, and what has its answer makes room', () => {
  const [counters, log] = [new ClusterCounters(), new FakeLog()];
  const reads = new WaitingReads(counters, log);
  const leave = reads.enter(['x'.repeat(WAITING_BYTES / 2 - 128)]);
  assert.equal(reads.enter(['x'.repeat(WAITING_BYTES / 2)]), null);
  assert.equal(reads.enter([]), null);
  assert.equal(counters.readsRefused, 2);
  assert.deepEqual(log.of('too many clients wait for the broker: one is told of a gap')[0], { reads: 1 });
  leave?.();
  assert.equal(reads.bytes, 0);
  assert.notEqual(reads.enter(['x']), null);
  assert.equal(reads.bytes, 258);
});

test('what is asked while the broker is away waits until it is back, and beyond the bound has a gap', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  await a.subscribe('x');
  const [first = 0] = await a.append('x', '1', '2');
  await nats.kill();
  await a.log.until('broker is away: clients stay');
  const requests = t.mock.method(a.broker.connection, 'request');
  const answer = a.after(first, 'x');
  a.feed.channelAdded('y');
  const { epoch, head } = a.store;
  const covered = a.cover('y');
  // Two names of this length have no room.
  const [long, other] = ['x'.repeat(WAITING_BYTES / 4), 'y'.repeat(WAITING_BYTES / 4)];
  const waits = a.after(first, long);
  assert.equal(await a.after(first, other), `gap ${other}`);
  assert.equal(a.counters.readsRefused, 1);
  assert.equal(await new Promise((resolve) => a.store.lastOf(other, resolve)), undefined);
  assert.equal(a.counters.readsRefused, 2);
  await turn();
  assert.equal(requests.mock.callCount(), 0);
  await nats.start();
  await a.until(() => a.backs.length === 1);
  assert.equal(await answer, '2');
  assert.deepEqual(await covered, { epoch, number: head });
  await waits;
  assert.equal(await a.after(first, 'x'), '2');
});
