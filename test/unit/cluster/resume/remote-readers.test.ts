import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_REMOTE_READERS, RemoteReaders } from '../../../../src/cluster/resume/remote-readers.ts';
import type { FakeBroker } from '../../../support/cluster/fake-broker.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { fakeMeans } from './fake-means.ts';
import { StreamOrigin } from './stream-node.ts';

/** What is answered to a question. */
function ask(broker: FakeBroker, place: string, question: string | Buffer): string | undefined {
  broker.ask(`test.n.s.${place}`, question, 'answer');
  return broker.take()[0]?.data.toString();
}

test('a question is answered, and whoever asks with a position reads the stream until it leaves', (t) => {
  const { broker, streams, means, counters } = fakeMeans(t);
  const readers = new RemoteReaders(means, streams, () => true);
  const { id, stream } = new StreamOrigin(streams);
  assert.equal(ask(broker, streams.place, `v-1 ${id} -1`), '+');
  assert.equal(stream.isRead, false);
  assert.equal(ask(broker, streams.place, `v-1 ${id} 0`), '+');
  assert.equal(stream.isRead, true);
  assert.equal(ask(broker, streams.place, `v-2 ${id.slice(0, -1)}_ 0`), '-');
  assert.equal(readers.size, 1);
  ask(broker, streams.place, `v-1 ${id} -1`);
  assert.deepEqual([readers.size, stream.isRead], [0, false]);
  assert.equal(counters.messagesInvalid, 0);
});

test('messages that are no questions are counted and not answered', (t) => {
  const { broker, streams, means, counters } = fakeMeans(t);
  const readers = new RemoteReaders(means, streams, () => true);
  const { id } = new StreamOrigin(streams);
  const wrong = ['', 'x', `v ${id}`, `v ${id} -2`, `v ${id} 1.5`, `${'v'.repeat(41)} ${id} 0`, Buffer.alloc(1_000_000)];
  for (const question of wrong) assert.equal(ask(broker, streams.place, question), undefined);
  assert.deepEqual([counters.messagesInvalid, readers.size], [wrong.length, 0]);
});

test('no more than so many clients of other nodes count', (t) => {
  const { broker, streams, means } = fakeMeans(t);
  const readers = new RemoteReaders(means, streams, () => true);
  const { id } = new StreamOrigin(streams);
  for (let i = 0; i <= MAX_REMOTE_READERS; i++) assert.equal(ask(broker, streams.place, `v-${i} ${id} 0`), '+');
  assert.equal(readers.size, MAX_REMOTE_READERS);
});

test('a client that is not heard of any more has left; while the broker is away nobody has', (t) => {
  const pass = manualClock(t);
  const { broker, streams, means } = fakeMeans(t);
  const readers = new RemoteReaders(means, streams, () => true);
  const { id, stream } = new StreamOrigin(streams);
  ask(broker, streams.place, `v-1 ${id} 0`);
  pass(14);
  readers.onUp();
  pass(14);
  readers.check();
  assert.equal(stream.isRead, true);
  pass(2);
  readers.check();
  assert.deepEqual([readers.size, stream.isRead], [0, false]);
});
