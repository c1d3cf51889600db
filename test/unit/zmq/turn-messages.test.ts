import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { SHARE, SMALL_SHARE, TURN_TIME } from '../../../src/clock/index.ts';
import { encodeMessages, encodeSubscription } from '../../../src/codec/zmtp/index.ts';
import { PullSocket, XPubSocket, type ZmqOptions } from '../../../src/zmq/index.ts';
import { topicCost } from '../../../src/zmq/topic-table.ts';
import { chargeTime } from '../../support/charge-time.ts';
import { LargestRun } from '../../support/largest-run.ts';
import { LargestTurn } from '../../support/largest-turn.ts';
import { turn } from '../../support/manual-clock.ts';
import { ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { peerAt } from '../../support/zmq/zmtp-peer.ts';

const ANY_PORT = 'tcp://127.0.0.1:*';
const COUNT = 10 * SHARE;

/** So many messages as one buffer: each is its number, in so many bytes. */
function flood(count: number, bytes = 4): Buffer {
  const messages = Array.from({ length: count }, (_, i) => {
    const part = Buffer.alloc(bytes);
    part.writeUInt32BE(i);
    return [part];
  });
  return Buffer.concat(encodeMessages(messages, 0, count));
}

/** Subscriptions to so many topics, which begin with `prefix`. */
function subscriptions(prefix: string, count: number): Buffer {
  const topics = Array.from({ length: count }, (_, i) => Buffer.from(`${prefix}${i}`));
  return Buffer.concat(topics.map((topic) => encodeSubscription(topic, true, 1)));
}

async function pull(t: TestContext, onMessage: (parts: Buffer[]) => void, options: Partial<ZmqOptions> = {}) {
  const rig = new ZmqRig(t);
  const socket = new PullSocket(rig.context, options, onMessage);
  t.after(() => socket.close());
  const endpoint = await socket.bind(ANY_PORT);
  return { rig, socket, endpoint };
}

test('of many messages of one peer a bounded number is taken at once, and all in the end', async (t) => {
  const run = new LargestRun();
  const { rig, endpoint } = await pull(t, () => run.count());
  const peer = await peerAt(t, endpoint, { type: 'PUSH' });
  peer.socket.write(flood(COUNT));
  await run.until(COUNT);
  assert.ok(run.largest <= SHARE, `${run.largest} at once`);
  await turn();
  assert.equal(rig.counters.bytesHeld, 0);
});

test('large messages count for more', async (t) => {
  const run = new LargestRun();
  const { endpoint } = await pull(t, () => run.count());
  const peer = await peerAt(t, endpoint, { type: 'PUSH' });
  peer.socket.write(flood(COUNT, 10_000));
  await run.until(COUNT);
  assert.ok(run.largest <= SHARE / 2, `${run.largest} at once`);
});

test('peers that flood share the time of a turn, and each message arrives', async (t) => {
  const peers = 20;
  const most = new LargestTurn();
  const charge = chargeTime(t);
  const run = new LargestRun();
  const { endpoint } = await pull(t, () => {
    run.count();
    most.count();
    charge(TURN_TIME / SHARE);
  });
  const floods = await Promise.all(Array.from({ length: peers }, () => peerAt(t, endpoint, { type: 'PUSH' })));
  for (const { socket } of floods) socket.write(flood(COUNT));
  await run.until(peers * COUNT);
  assert.equal(run.total, peers * COUNT);
  assert.ok(most.largest <= 2 * (2 * SHARE + peers * SMALL_SHARE), `${most.largest} in a turn`);
});

test('a bounded number of the messages that waited while a socket was paused is delivered at once, and all in order', async (t) => {
  const run = new LargestRun();
  const received: number[] = [];
  const { rig, socket, endpoint } = await pull(
    t,
    ([part]) => {
      run.count();
      received.push((part as Buffer).readUInt32BE());
    },
    { receiveHwm: COUNT / 2 },
  );
  const peer = await peerAt(t, endpoint, { type: 'PUSH' });
  await rig.connected(1);
  socket.pause();
  peer.socket.write(flood(COUNT));
  while (rig.counters.peersPaused === 0) await turn();
  socket.resume();
  await run.until(COUNT);
  assert.deepEqual(received, [...Array(COUNT).keys()]);
  // The socket and its one peer have a share each.
  assert.ok(run.largest <= 2 * SHARE, `${run.largest} at once`);
});

test('a bounded number of subscriptions of one peer is taken at once', async (t) => {
  const rig = new ZmqRig(t);
  const run = new LargestRun();
  const socket = new XPubSocket(rig.context, {}, () => run.count());
  t.after(() => socket.close());
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'SUB' });
  peer.socket.write(subscriptions('', COUNT));
  await run.until(COUNT);
  assert.ok(run.largest <= SHARE, `${run.largest} at once`);
});

test('a peer that ends its side after a flood loses none of its messages', async (t) => {
  const run = new LargestRun();
  const { endpoint } = await pull(t, () => run.count());
  const peer = await peerAt(t, endpoint, { type: 'PUSH' });
  peer.socket.end(flood(COUNT));
  await run.until(COUNT);
  assert.equal(run.total, COUNT);
});

test('a bounded number of topics of peers that leave is removed in a turn, and no others are', async (t) => {
  const peers = 8;
  const rig = new ZmqRig(t);
  const added = new LargestRun();
  const removed = new LargestRun();
  const most = new LargestTurn();
  const charge = chargeTime(t);
  const socket = new XPubSocket(rig.context, {}, (_topic, subscribed) => (subscribed ? added : removed).count());
  t.after(() => socket.close());
  const endpoint = await socket.bind(ANY_PORT);
  const leaving = await Promise.all(Array.from({ length: peers }, () => peerAt(t, endpoint, { type: 'SUB' })));
  for (const [i, { socket }] of leaving.entries()) socket.write(subscriptions(`${i} `, COUNT));
  await added.until(peers * COUNT);
  const first = new Promise((resolve) => {
    t.mock.method(removed, 'count', () => {
      LargestRun.prototype.count.call(removed);
      most.count();
      charge(TURN_TIME / SHARE);
      resolve(null);
    });
  });
  for (const { socket } of leaving) socket.destroy();
  await first;
  // In the middle of it another peer subscribes to what may still be there.
  const staying = await peerAt(t, endpoint, { type: 'SUB' });
  staying.socket.write(encodeSubscription(Buffer.from('0 1'), true, 1));
  // No peer gets it, and nothing is kept for those that have left.
  socket.send([Buffer.from('1 0')]);
  while (rig.counters.bytesHeld !== topicCost(0) || rig.counters.peersOpen > 1) await turn();
  assert.ok(removed.total >= peers * COUNT - 1);
  assert.ok(most.largest <= 2 * (2 * SHARE + peers * SMALL_SHARE), `${most.largest} in a turn`);
  assert.equal(rig.counters.messagesDropped, 0);
  socket.send([Buffer.from('0 1')]);
  assert.equal(await staying.events.next(), '0 1');
});
