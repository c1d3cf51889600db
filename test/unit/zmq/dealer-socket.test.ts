import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parts, ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { peerAt } from '../../support/zmq/zmtp-peer.ts';

const ANY_PORT = 'tcp://127.0.0.1:*';

test('messages go to the peers in turn and come from all of them', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.dealer();
  const endpoint = await socket.bind(ANY_PORT);
  const one = await peerAt(t, endpoint, { type: 'DEALER' });
  await rig.connected(1);
  const two = await peerAt(t, endpoint, { type: 'REP' });
  await rig.connected(2);
  for (let i = 0; i < 4; i++) assert.equal(socket.send(parts('', String(i))), true);
  assert.deepEqual(await one.events.take(2), ['|0', '|2']);
  assert.deepEqual(await two.events.take(2), ['|1', '|3']);
  one.send('x');
  assert.equal(await messages.next(), 'x');
  two.send('', 'y');
  assert.equal(await messages.next(), '|y');
});

test('without a peer nothing is taken, and the first peer is reported', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, writable } = rig.dealer();
  const endpoint = await socket.bind(ANY_PORT);
  assert.equal(socket.send(parts('x')), false);
  await peerAt(t, endpoint, { type: 'ROUTER' });
  await writable.next();
  assert.equal(socket.send(parts('x')), true);
});

test('with immediate only connected peers are sent to', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, writable } = rig.dealer({ immediate: true });
  const router = rig.router();
  socket.connect('tcp://127.0.0.1:1');
  socket.connect(await router.socket.bind(ANY_PORT));
  assert.equal(socket.send(parts('x')), false);
  await writable.next();
  for (const text of ['a', 'b']) {
    assert.equal(socket.send(parts(text)), true);
    assert.match(await router.messages.next(), new RegExp(`\\|${text}$`));
  }
});
