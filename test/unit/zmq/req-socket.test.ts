import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turn } from '../../support/manual-clock.ts';
import { parts, ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { peerAt, rawListener, ZmtpPeer } from '../../support/zmq/zmtp-peer.ts';

const ANY_PORT = 'tcp://127.0.0.1:*';

test('a request is sent after an empty part, and its reply is given without it', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.req();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'REP' });
  await rig.connected(1);
  assert.equal(socket.send(parts('q', 'r')), true);
  assert.equal(await peer.events.next(), '|q|r');
  peer.send('', 'a', '');
  assert.equal(await messages.next(), 'a|');
});

test('no second request is taken before the reply', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages, writable } = rig.req();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'REP' });
  await rig.connected(1);
  assert.equal(socket.send(parts('1')), true);
  assert.equal(socket.send(parts('2')), false);
  peer.send('', 'a');
  assert.equal(await messages.next(), 'a');
  await writable.next();
  assert.equal(socket.send(parts('3')), true);
  assert.deepEqual(await peer.events.take(2), ['|1', '|3']);
});

test('only the peer that has the request can reply, and only in the right form', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.req();
  const endpoint = await socket.bind(ANY_PORT);
  const asked = await peerAt(t, endpoint, { type: 'ROUTER' });
  await rig.connected(1);
  const other = await peerAt(t, endpoint, { type: 'ROUTER' });
  await rig.connected(2);
  other.send('', 'before');
  while (rig.counters.messagesUnexpected < 1) await turn();
  socket.send(parts('q'));
  await asked.events.next();
  other.send('', 'not yours');
  while (rig.counters.messagesUnexpected < 2) await turn();
  asked.send('no delimiter', 'x');
  asked.send('');
  asked.send('', 'answer');
  assert.equal(await messages.next(), 'answer');
  assert.equal(rig.counters.messagesUnexpected, 4);
});

test('requests go to the peers in turn', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.req();
  const endpoint = await socket.bind(ANY_PORT);
  const peers = [await peerAt(t, endpoint, { type: 'REP' })];
  await rig.connected(1);
  peers.push(await peerAt(t, endpoint, { type: 'REP' }));
  await rig.connected(2);
  for (const [index, peer] of [...peers, ...peers].entries()) {
    socket.send(parts(String(index)));
    assert.equal(await peer.events.next(), `|${index}`);
    peer.send('', 'done');
    await messages.next();
  }
});

test('when the peer that has the request leaves, the next request can be sent', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, writable } = rig.req();
  const endpoint = await socket.bind(ANY_PORT);
  const first = await peerAt(t, endpoint, { type: 'REP' });
  await rig.connected(1);
  const second = await peerAt(t, endpoint, { type: 'REP' });
  await rig.connected(2);
  socket.send(parts('lost'));
  await first.events.next();
  first.socket.destroy();
  await writable.next();
  assert.equal(socket.send(parts('again')), true);
  assert.equal(await second.events.next(), '|again');
});

test('a request that was not sent yet survives the loss of its connection', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.req({ reconnectInterval: 1 });
  const { endpoint, sockets } = await rawListener(t);
  socket.connect(endpoint);
  assert.equal(socket.send(parts('q')), true);
  (await sockets.next()).destroy();
  const peer = new ZmtpPeer(t, await sockets.next(), { type: 'REP' });
  assert.equal(await peer.events.next(), '|q');
  peer.send('', 'a');
  assert.equal(await messages.next(), 'a');
});
