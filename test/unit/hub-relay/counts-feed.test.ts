import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TurnQueue } from '../../../src/clock/index.ts';
import { ClientCounts, CountsSum } from '../../../src/hub/index.ts';
import { CountsFeed, takeCounts } from '../../../src/hub-relay/counts-feed.ts';

const OWNER = {
  onFault(thrown: unknown): void {
    throw thrown;
  },
};

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function entriesOf(counts: ClientCounts): string[] {
  return [...counts.entries()]
    .map(([channel, user]) => `${channel} ${user} ${counts.connectionsOf(channel, user)}`)
    .sort();
}

test('the main process has the numbers of a worker at the end of each turn, each change once', async () => {
  const [worker, main] = [new ClientCounts(), new ClientCounts()];
  const packets: Buffer[] = [];
  const feed = new CountsFeed(worker, new TurnQueue(), (packet) => packets.push(packet), OWNER);
  worker.add('room', 'ann', 1);
  feed.begin();
  for (const packet of packets.splice(0)) takeCounts(main, packet);
  assert.deepEqual(entriesOf(main), ['room ann 1']);
  for (let i = 0; i < 100; i++) worker.add('room', 'ann', 1);
  for (let i = 0; i < 100; i++) worker.add('room', 'bob', i % 2 === 0 ? 1 : -1);
  worker.add('other', '', 3);
  await turn();
  assert.equal(packets.length, 1);
  for (const packet of packets.splice(0)) takeCounts(main, packet);
  assert.deepEqual(entriesOf(main), ['other  3', 'room ann 101']);
  assert.equal(main.connectionsOn('room'), 101);
  feed.stop();
  worker.clear();
  await turn();
  assert.equal(packets.length, 0);
});

test('thousands of users go in packets of a bounded size', async () => {
  const [worker, main] = [new ClientCounts(), new ClientCounts()];
  const packets: Buffer[] = [];
  const feed = new CountsFeed(worker, new TurnQueue(), (packet) => packets.push(packet), OWNER);
  for (let i = 0; i < 5_000; i++) worker.add('room', `${'"'.repeat(250)}${i}`, 1);
  feed.begin();
  assert.equal(packets.length, 10);
  assert.ok(packets.every(({ length }) => length < 400_000));
  for (const packet of packets) takeCounts(main, packet);
  assert.deepEqual(entriesOf(main), entriesOf(worker));
});

test('several hubs are counted together, until one is gone', () => {
  const sum = new CountsSum();
  const [one, other] = [new ClientCounts(), new ClientCounts()];
  const changed: string[] = [];
  sum.watch({
    countChanged: (channel, user) => changed.push(`${channel} ${user} ${sum.connectionsOf(channel, user)}`),
  });
  sum.include(one);
  sum.include(other);
  one.add('room', 'ann', 1);
  other.add('room', 'ann', 2);
  other.add('room', 'bob', 1);
  assert.equal(sum.connectionsOn('room'), 4);
  sum.drop(other);
  assert.deepEqual(changed, ['room ann 1', 'room ann 3', 'room bob 1', 'room ann 1', 'room bob 0']);
  assert.equal(sum.connectionsOn('room'), 1);
});
