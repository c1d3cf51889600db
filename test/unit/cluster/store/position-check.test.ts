import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeptFeed } from '../../../../src/cluster/store/kept-feed.ts';
import type { ReadsSource } from '../../../../src/cluster/store/kept-reads.ts';
import { MAX_DOUBTFUL, PositionCheck } from '../../../../src/cluster/store/position-check.ts';
import { Subjects } from '../../../../src/cluster/subjects.ts';
import { patternKey } from '../../../../src/hub/index.ts';
import { startNats } from '../../../support/nats.ts';
import { announceNothing, DROPPED, KEEP, StoreNode } from '../support.ts';

test('an item that has got lost on its way is noticed when none follows, since its node announces it', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const [a, b] = [await StoreNode.open(t, nats), await StoreNode.open(t, nats)];
  await Promise.all([a.subscribe('x'), b.subscribe('x', 'y')]);
  const [first = 0] = await a.append('x', '1');
  await a.append('x', DROPPED);
  for (const node of [a, b]) {
    await node.until(() => node.lost.length > 0);
    assert.deepEqual(node.lost, ['x']);
    assert.equal(node.counters.channelsLost, 1);
    assert.equal(await node.after(first, 'x'), DROPPED);
  }
});

test('a node in doubt asks the stream for all of its channels, and notices each loss once', async (t) => {
  announceNothing(t);
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  const others = Array.from({ length: 700 }, (_, index) => `y${index}`);
  await a.subscribe(...others.slice(0, 650), 'x', ...others.slice(650));
  const [first = 0] = await a.append('x', '1');
  await a.append('x', DROPPED);
  const look = async (): Promise<void> => {
    for (let times = 0; times < 2; times++) await a.store.checkPositions();
  };
  // There is no reason to ask.
  await look();
  assert.deepEqual(a.lost, []);
  for (let times = 0; times < 2; times++) {
    a.store.doubt();
    await look();
    await a.until(() => a.lost.length > 0);
  }
  assert.deepEqual(a.lost, ['x']);
  assert.equal(a.counters.channelsLost, 1);
  assert.equal(await a.after(first, 'x'), DROPPED);
});

test('it looks at the channels of patterns, too', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  await a.subscribe(patternKey('x.*'));
  // The stream knows the rules after that.
  await a.append('x.a', '0');
  const [first = 0] = await a.append('x.a', '1');
  await a.append('x.b', '2', DROPPED);
  await a.append('x.a', '3');
  a.store.doubt();
  await a.store.checkPositions();
  await a.until(() => a.lost.length > 0);
  assert.deepEqual(a.lost, ['x.b']);
  // All of it, though the channel had nothing before that.
  assert.equal(await a.after(first, 'x.a', 'x.b'), `2 ${DROPPED} 3`);
});

test('what the channels of patterns have lost is found from where all were looked at last, whatever was looked at since', async (t) => {
  announceNothing(t);
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StoreNode.open(t, nats);
  await a.subscribe(patternKey('x.*'), 'y');
  await a.append('x.a', '0');
  await a.append('x.b', DROPPED);
  await a.append('y', '1');
  await a.until(() => a.texts.endsWith('1'));
  // So it is known that something was appended.
  a.store.setRules('others', () => KEEP);
  await a.append('y', '2');
  const { now } = performance;
  t.mock.method(performance, 'now', () => now.call(performance) + 31_000);
  // Single channels are looked at now and then, and patterns are not.
  await a.store.checkPositions();
  assert.deepEqual(a.lost, []);
  a.store.doubt();
  await a.store.checkPositions();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(a.lost, ['x.b']);
});

test('of no more than 16,384 channels it is noted what they may have lost: then the stream is asked for all', async () => {
  const missed = new Map<string, number>();
  const kept = {
    idle: true,
    positionOf: (channel: string) => missed.get(channel) ?? 1,
    miss: (channel: string, number: number) => missed.set(channel, number),
  };
  const subjects = new Subjects('t');
  const asked: string[] = [];
  const source = {
    subjects,
    stream: {
      seen: 1,
      numberAfter: async (_: number, subject: string) => {
        asked.push(subject);
        return 2;
      },
    },
    state: {
      head: 1,
      times: 0,
      marked: async () => 3,
      feed: { channels: () => [String(MAX_DOUBTFUL)].values(), patterns: () => [].values() },
    },
  };
  const check = new PositionCheck(source as unknown as ReadsSource, kept as unknown as KeptFeed, () => {});
  check.restart();
  check.onPositions(Array.from({ length: MAX_DOUBTFUL }, (_, index) => [String(index), 2] as const));
  await check.look();
  assert.deepEqual(asked, []);
  check.onPositions([[String(MAX_DOUBTFUL), 2]]);
  await check.settle();
  assert.equal(missed.size, MAX_DOUBTFUL);
  await check.look();
  assert.deepEqual(asked, [subjects.kept(String(MAX_DOUBTFUL))]);
  await check.settle();
  assert.equal(missed.size, MAX_DOUBTFUL + 1);
});

test('a number that the stream does not have yet is ignored: what comes is passed on', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const node = await StoreNode.open(t, nats);
  await node.subscribe('x');
  await node.append('x', '1');
  await node.until(() => node.items.length === 1);
  const other = await StoreNode.open(t, nats);
  const announcement = { protocol: 1, oldest: 1, from: 'n', count: 1, last: ['test.h.x', 1_000] };
  other.broker.publish('test.n.positions', Buffer.from(JSON.stringify(announcement)));
  await other.broker.flushed();
  // It has come when this has.
  await other.append('x', '2');
  await node.until(() => node.items.length === 2);
  await node.store.checkPositions();
  await node.append('x', '3');
  await node.until(() => node.items.length === 3);
  assert.deepEqual([node.texts, node.lost], ['1 2 3', []]);
  assert.equal(node.counters.messagesInvalid, 1);
});
