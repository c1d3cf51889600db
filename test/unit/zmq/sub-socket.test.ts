import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turn } from '../../support/manual-clock.ts';
import { ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { peerAt, rawListener, ZmtpPeer } from '../../support/zmq/zmtp-peer.ts';

const ANY_PORT = 'tcp://127.0.0.1:*';

test('a publisher gets subscriptions when it connects and later, by commands', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.sub();
  socket.subscribe('a');
  socket.subscribe(Buffer.of(0xff));
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUB' });
  assert.deepEqual(await peer.events.take(2), ['SUBSCRIBE a', 'SUBSCRIBE \xff']);
  socket.subscribe('b');
  socket.unsubscribe('a');
  assert.deepEqual(await peer.events.take(2), ['SUBSCRIBE b', 'CANCEL a']);
});

test('a publisher of ZMTP 3.0 gets subscriptions by messages', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.sub();
  socket.subscribe('a');
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUB', old: true });
  assert.equal(await peer.events.next(), '\x01a');
  socket.unsubscribe('a');
  assert.equal(await peer.events.next(), '\x00a');
});

test('a topic is sent once however often it is subscribed to, and cancelled with the last unsubscribe', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.sub();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUB' });
  await rig.connected(1);
  socket.subscribe('a');
  socket.subscribe('a');
  socket.unsubscribe('a');
  socket.unsubscribe('never');
  socket.subscribe('mark');
  assert.deepEqual(await peer.events.take(2), ['SUBSCRIBE a', 'SUBSCRIBE mark']);
  socket.unsubscribe('a');
  assert.equal(await peer.events.next(), 'CANCEL a');
});

test('a message without a matching topic is counted and dropped', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.sub();
  socket.subscribe('abc');
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'XPUB' });
  for (const message of ['ab', 'xabc', 'abcd']) peer.send(message, 'body');
  assert.equal(await messages.next(), 'abcd|body');
  assert.equal(rig.counters.messagesUnexpected, 2);
  socket.unsubscribe('abc');
  peer.send('abcd');
  while (rig.counters.messagesUnexpected < 3) await turn();
});

test('a publisher gets the subscriptions again after a reconnect', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.sub({ reconnectInterval: 1 });
  const { endpoint, sockets } = await rawListener(t);
  socket.connect(endpoint);
  socket.subscribe('a');
  for (let round = 0; round < 3; round++) {
    const peer = new ZmtpPeer(t, await sockets.next(), { type: 'PUB' });
    assert.equal(await peer.events.next(), 'SUBSCRIBE a');
    peer.socket.destroy();
  }
});
