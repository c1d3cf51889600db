import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turn } from '../../support/manual-clock.ts';
import { parts, ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { peerAt } from '../../support/zmq/zmtp-peer.ts';

const ANY_PORT = 'tcp://127.0.0.1:*';
const LARGE = [Buffer.alloc(1_000_000)];

test('messages go to the peers in turn', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.push();
  const endpoint = await socket.bind(ANY_PORT);
  const one = await peerAt(t, endpoint, { type: 'PULL' });
  await rig.connected(1);
  const two = await peerAt(t, endpoint, { type: 'PULL' });
  await rig.connected(2);
  for (let i = 0; i < 6; i++) assert.equal(socket.send(parts(String(i))), true);
  assert.deepEqual(await one.events.take(3), ['0', '2', '4']);
  assert.deepEqual(await two.events.take(3), ['1', '3', '5']);
});

test('without a peer nothing is taken, and the first peer is reported', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, writable } = rig.push();
  const endpoint = await socket.bind(ANY_PORT);
  assert.equal(socket.send(parts('x')), false);
  const peer = await peerAt(t, endpoint, { type: 'PULL' });
  await writable.next();
  assert.equal(socket.send(parts('y')), true);
  assert.equal(await peer.events.next(), 'y');
  assert.deepEqual(writable.all, []);
});

test('a peer that does not read is left out, and at the end nothing is taken', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, writable } = rig.push({ sendHwm: 2 });
  const endpoint = await socket.bind(ANY_PORT);
  const stalled = await peerAt(t, endpoint, { type: 'PULL' });
  stalled.socket.pause();
  await rig.connected(1);
  let sent = 0;
  while (socket.send(LARGE)) {
    sent++;
    await turn();
  }
  assert.ok(sent >= 2);
  const reading = await peerAt(t, endpoint, { type: 'PULL' });
  await writable.next();
  for (let i = 0; i < 5; i++) {
    assert.equal(socket.send(parts(String(i))), true);
    assert.equal(await reading.events.next(), String(i));
  }
  reading.socket.destroy();
  while (rig.counters.peersOpen > 1) await turn();
  assert.equal(socket.send(LARGE), false);
  stalled.socket.resume();
  await writable.next();
  assert.equal(socket.send(parts('on')), true);
  await stalled.events.take(sent);
  assert.equal(await stalled.events.next(), 'on');
});

test('a burst in one turn is not held back by the high-water mark while the peer reads', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.push({ sendHwm: 10 });
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PULL' });
  await rig.connected(1);
  for (let i = 0; i < 500; i++) assert.equal(socket.send(parts(String(i))), true);
  assert.equal((await peer.events.take(500)).at(-1), '499');
});

test('a high-water mark of 0 is no bound', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.push({ sendHwm: 0 });
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PULL' });
  peer.socket.pause();
  await rig.connected(1);
  for (let i = 0; i < 3_000; i++) assert.equal(socket.send(parts('x'.repeat(5_000))), true);
});

test('messages up to the high-water mark wait for a peer that is not there yet', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.push({ sendHwm: 2 });
  socket.connect('tcp://127.0.0.1:1');
  assert.deepEqual(
    [1, 2, 3].map((n) => socket.send(parts(String(n)))),
    [true, true, false],
  );
});

test('with immediate nothing waits for a peer that is not there', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, writable } = rig.push({ immediate: true });
  const pull = rig.pull();
  socket.connect(await pull.socket.bind(ANY_PORT));
  assert.equal(socket.send(parts('early')), false);
  await writable.next();
  assert.equal(socket.send(parts('now')), true);
  assert.equal(await pull.messages.next(), 'now');
});

test('what was queued for an accepted peer that leaves is counted as dropped', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.push({ sendHwm: 3 });
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PULL' });
  peer.socket.pause();
  await rig.connected(1);
  while (socket.send(LARGE)) await turn();
  peer.socket.destroy();
  while (rig.counters.peersOpen > 0) await turn();
  assert.equal(rig.counters.messagesDropped, 3);
});

test('a message without parts is refused', (t) => {
  const { socket } = new ZmqRig(t).push();
  assert.throws(() => socket.send([]), { kind: 'option' });
});

test('what a PULL sends is counted and ignored', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.push();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PULL' });
  peer.send('odd');
  while (rig.counters.messagesUnexpected < 1) await turn();
  assert.equal(rig.counters.peersOpen, 1);
});
