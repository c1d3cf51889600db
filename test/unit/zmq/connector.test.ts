import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backOff } from '../../../src/zmq/connector.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { parts, ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { rawListener } from '../../support/zmq/zmtp-peer.ts';

const OPTIONS = { reconnectInterval: 100, reconnectMax: 1_000 };

test('each failure doubles the wait, up to the maximum', () => {
  const waits = [0, 1, 2, 3, 4, 5, 1_000].map((failures) => backOff(failures, OPTIONS, 0));
  assert.deepEqual(waits, [100, 200, 400, 800, 1_000, 1_000, 1_000]);
});

test('the wait is up to a half shorter at random', () => {
  assert.equal(backOff(0, OPTIONS, 1), 50);
  assert.equal(backOff(0, OPTIONS, 0.5), 75);
});

test('a maximum below the interval counts as the interval', () => {
  assert.equal(backOff(9, { reconnectInterval: 100, reconnectMax: 0 }, 0), 100);
});

test('a lost connection is made again after a while, and so are failed ones', async (t) => {
  const advance = manualClock(t);
  const rig = new ZmqRig(t);
  const { endpoint, sockets } = await rawListener(t);
  const { socket } = rig.push({ reconnectInterval: 1_000, reconnectMax: 1_000 });
  socket.connect(endpoint);
  for (let attempt = 1; attempt <= 3; attempt++) {
    const accepted = await sockets.next();
    assert.equal(rig.counters.dials, attempt);
    accepted.destroy();
    await closedTimes(rig, attempt);
    await turn();
    assert.equal(rig.counters.dials, attempt);
    advance(1);
  }
  await sockets.next();
});

test('messages that wait for a peer survive the loss of its connection', async (t) => {
  const rig = new ZmqRig(t);
  const pull = rig.pull();
  const { endpoint, sockets } = await rawListener(t);
  const { socket } = rig.push({ reconnectInterval: 1 });
  socket.connect(endpoint);
  socket.send(parts('one'));
  (await sockets.next()).destroy();
  await closedTimes(rig, 1);
  socket.connect(await pull.socket.bind('tcp://127.0.0.1:*'));
  socket.send(parts('two'));
  assert.equal(await pull.messages.next(), 'two');
  socket.disconnect(endpoint);
  assert.equal(rig.counters.messagesDropped, 1);
});

/** Resolves when so many connections were closed. */
async function closedTimes(rig: ZmqRig, count: number): Promise<void> {
  while (rig.log.with('zmq connection closed').length < count) await turn();
}
