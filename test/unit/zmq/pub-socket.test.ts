import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeSubscription } from '../../../src/codec/zmtp/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { parts, ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { peerAt, type ZmtpPeer } from '../../support/zmq/zmtp-peer.ts';

const ANY_PORT = 'tcp://127.0.0.1:*';

function ask(peer: ZmtpPeer, topic: string, subscribe = true, minor: 0 | 1 = 1): void {
  peer.socket.write(encodeSubscription(Buffer.from(topic, 'latin1'), subscribe, minor));
}

test('each subscriber gets the messages of its topics, once', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.xpub();
  const endpoint = await socket.bind(ANY_PORT);
  const a = await peerAt(t, endpoint, { type: 'SUB' });
  const ab = await peerAt(t, endpoint, { type: 'SUB' });
  ask(a, 'a');
  ask(ab, 'ab');
  ask(ab, '');
  await messages.take(3);
  for (const message of ['abc', 'ax', 'b']) socket.send(parts(message, 'body'));
  assert.deepEqual(await ab.events.take(3), ['abc|body', 'ax|body', 'b|body']);
  assert.deepEqual(await a.events.take(2), ['abc|body', 'ax|body']);
  assert.deepEqual([a.events.all, ab.events.all], [[], []]);
});

test('a message in pieces is one to its subscribers, who are found by its first piece', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.xpub();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'SUB' });
  ask(peer, 'me ');
  await messages.next();
  const large = Buffer.alloc(20_000, 'x');
  socket.send([[Buffer.from('you '), large]]);
  socket.send([[Buffer.from('me T'), large, Buffer.from('}')], Buffer.from('body')]);
  assert.equal(await peer.events.next(), `me T${large}}|body`);
  assert.deepEqual(peer.events.all, []);
});

test('a subscriber of ZMTP 3.0 subscribes by messages', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.xpub();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'SUB', old: true });
  ask(peer, 'a', true, 0);
  assert.equal(await messages.next(), '+a');
  socket.send(parts('abc'));
  assert.equal(await peer.events.next(), 'abc');
  ask(peer, 'a', false, 0);
  assert.equal(await messages.next(), '-a');
});

test('an XPUB reports the first subscriber of a topic and the loss of the last one', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.xpub();
  const endpoint = await socket.bind(ANY_PORT);
  const one = await peerAt(t, endpoint, { type: 'SUB' });
  const two = await peerAt(t, endpoint, { type: 'SUB' });
  ask(one, 'a');
  ask(one, 'a');
  ask(one, '1');
  assert.deepEqual(await messages.take(2), ['+a', '+1']);
  ask(two, 'a');
  ask(two, '2');
  assert.equal(await messages.next(), '+2');
  ask(one, 'a', false);
  ask(one, '1', false);
  assert.equal(await messages.next(), '-1');
  two.socket.destroy();
  assert.deepEqual((await messages.take(2)).sort(), ['-2', '-a']);
});

test('a subscriber at its high-water mark misses messages, which is counted, and the others do not', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.xpub({ sendHwm: 2 });
  const endpoint = await socket.bind(ANY_PORT);
  const stalled = await peerAt(t, endpoint, { type: 'SUB' });
  ask(stalled, 's');
  await messages.next();
  stalled.socket.pause();
  while (rig.counters.messagesDropped === 0) {
    socket.send([Buffer.alloc(500_000, 's')]);
    await turn();
  }
  const good = await peerAt(t, endpoint, { type: 'SUB' });
  ask(good, '');
  await messages.next();
  socket.send(parts('s'));
  assert.equal(rig.counters.messagesDropped, 2);
  assert.equal(await good.events.next(), 's');
});

test('a message without subscribers is not sent', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.pub();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'SUB' });
  await rig.connected(1);
  socket.send(parts('x'));
  assert.equal(rig.counters.messagesSent, 0);
  assert.deepEqual(peer.events.all, []);
});

test('a subscriber with too many topics is cut off', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.xpub({ maxSubscriptions: 2 });
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'SUB' });
  for (const topic of ['a', 'b', 'a']) ask(peer, topic);
  assert.deepEqual(await messages.take(2), ['+a', '+b']);
  ask(peer, 'c');
  await peer.closed;
  assert.equal(rig.counters.peersRefused, 1);
  assert.deepEqual(await messages.take(2), ['-a', '-b']);
});

test('a topic at the limit passes, a longer one cuts the subscriber off', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.xpub({ maxTopicBytes: 3 });
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'SUB' });
  ask(peer, 'abc');
  assert.equal(await messages.next(), '+abc');
  ask(peer, 'abcd');
  await peer.closed;
  assert.equal(rig.counters.peersRefused, 1);
});

test('other messages of a subscriber are counted and ignored', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.xpub();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'XSUB' });
  peer.send('talk');
  peer.send('');
  peer.send('\x01a', 'more');
  ask(peer, 'end');
  assert.equal(await messages.next(), '+end');
  assert.equal(rig.counters.messagesUnexpected, 3);
});
