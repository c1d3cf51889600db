import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeSubscription } from '../../../src/codec/zmtp/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { parts, ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { peerAt, rawListener, type ZmtpPeer } from '../../support/zmq/zmtp-peer.ts';

const ANY_PORT = 'tcp://127.0.0.1:*';

function subscribe(peer: ZmtpPeer, topic: string): void {
  peer.socket.write(encodeSubscription(Buffer.from(topic, 'latin1'), true, 1));
}

/** The head of a message of so many bytes, without them. */
function longHeader(bytes: number): Buffer {
  const header = Buffer.alloc(9);
  header[0] = 2;
  header.writeUInt32BE(bytes, 5);
  return header;
}

test('empty messages for a peer that is not connected are bounded: each costs 256 bytes', async (t) => {
  const rig = new ZmqRig(t);
  const { endpoint } = await rawListener(t);
  const { socket } = rig.push({ sendHwm: 0, sendBytes: 2_560 });
  socket.connect(endpoint);
  for (let i = 0; i < 10; i++) assert.equal(socket.send(parts('')), true);
  assert.equal(socket.send(parts('')), false);
  assert.equal(rig.counters.bytesHeld, 2_560);
  socket.disconnect(endpoint);
  assert.equal(rig.counters.bytesHeld, 0);
  assert.equal(rig.counters.messagesDropped, 10);
});

test('a PUSH holds back at its byte bound, and reports when there is room', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, writable } = rig.push({ sendHwm: 0, sendBytes: 1_000_000 });
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PULL' });
  await rig.connected(1);
  peer.socket.pause();
  let sent = 0;
  while (socket.send([Buffer.alloc(100_000)])) sent++;
  // What the kernel has taken is not held here.
  assert.ok(rig.counters.bytesHeld <= 1_100_100, `${rig.counters.bytesHeld}`);
  peer.socket.resume();
  await writable.next();
  assert.equal(socket.send(parts('last')), true);
  await peer.events.take(sent + 1);
  assert.equal(rig.counters.messagesDropped, 0);
  assert.equal(rig.counters.bytesHeld, 0);
});

test('a PUB and a ROUTER drop at their byte bounds, count it, and other peers get their messages', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.xpub({ sendHwm: 0, sendBytes: 500_000 });
  const endpoint = await socket.bind(ANY_PORT);
  const [stalled, good] = [await peerAt(t, endpoint, { type: 'SUB' }), await peerAt(t, endpoint, { type: 'SUB' })];
  subscribe(stalled, '');
  subscribe(good, 'g');
  await messages.take(2);
  stalled.socket.pause();
  for (let i = 0; i < 200; i++) socket.send([Buffer.alloc(100_000, 's')]);
  assert.ok(rig.counters.messagesDropped > 0);
  assert.ok(rig.counters.bytesHeld <= 600_100, `${rig.counters.bytesHeld}`);
  socket.send(parts('good'));
  assert.equal(await good.events.next(), 'good');
  const router = rig.router({ sendHwm: 0, sendBytes: 500_000 });
  const dealer = await peerAt(t, await router.socket.bind(ANY_PORT), { type: 'DEALER', identity: 'd' });
  await rig.connected(3);
  dealer.socket.pause();
  const before = rig.counters.messagesDropped;
  for (let i = 0; i < 200; i++) router.socket.send([Buffer.from('d'), Buffer.alloc(100_000)]);
  assert.ok(rig.counters.messagesDropped > before);
  assert.ok(rig.counters.bytesHeld <= 1_200_200, `${rig.counters.bytesHeld}`);
});

test('a paused socket reads up to its byte bound from each peer, and loses nothing', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull({ receiveHwm: 0, receiveBytes: 300_000 });
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  socket.pause();
  for (let i = 0; i < 100; i++) peer.send('x'.repeat(100_000));
  while (rig.counters.messagesReceived < 3) await turn();
  for (let i = 0; i < 20; i++) await turn();
  assert.equal(rig.counters.messagesReceived, 3);
  assert.ok(rig.counters.bytesHeld <= 500_000, `${rig.counters.bytesHeld}`);
  assert.deepEqual([rig.counters.peersPaused, rig.counters.totalReached], [1, 0]);
  socket.resume();
  await messages.take(100);
  assert.equal(rig.counters.bytesHeld, 0);
});

test('one peer cannot use up the total', async (t) => {
  const rig = new ZmqRig(t);
  const options = { sendHwm: 0, totalBytes: 4_000_000 };
  const { socket } = rig.router({ ...options, mandatory: true });
  const endpoint = await socket.bind(ANY_PORT);
  const held: number[] = [];
  const peers: ZmtpPeer[] = [];
  for (const identity of ['a', 'b', 'c']) {
    const peer = await peerAt(t, endpoint, { type: 'DEALER', identity });
    await rig.connected(held.length + 1);
    peer.socket.pause();
    peers.push(peer);
    const before = rig.counters.bytesHeld;
    while (socket.send([Buffer.from(identity), Buffer.alloc(10_000)]));
    held.push(rig.counters.bytesHeld - before);
  }
  // Each of them leaves as much as it takes.
  for (const [i, share] of [2_000_000, 1_000_000, 500_000].entries()) {
    assert.ok(Math.abs((held[i] ?? 0) - share) < 20_000, `${held}`);
  }
  assert.ok(rig.counters.totalReached >= 3);
  for (const peer of peers) peer.socket.destroy();
  while (rig.counters.peersOpen > 0) await turn();
  assert.equal(rig.counters.bytesHeld, 0);
});

test('incomplete messages are bounded: a peer whose message is larger than what is left is cut off, small ones are not', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull({ totalBytes: 2_000_000 });
  const endpoint = await socket.bind(ANY_PORT);
  const small = await peerAt(t, endpoint, { type: 'PUSH' });
  small.socket.write(Buffer.concat([longHeader(50_000), Buffer.alloc(49_999)]));
  const peers: ZmtpPeer[] = [];
  for (let i = 0; i < 8; i++) {
    const peer = await peerAt(t, endpoint, { type: 'PUSH' });
    peer.socket.write(Buffer.concat([longHeader(10_000_000), Buffer.alloc(900_000)]));
    peers.push(peer);
  }
  while (rig.counters.peersRefused === 0) await turn();
  const { fields } = await rig.log.until('zmq peer cut off');
  assert.match(String(fields.reason), /^limit: an incomplete message of \d+ bytes/);
  assert.ok(rig.counters.bytesHeld < 2_000_000, `${rig.counters.bytesHeld}`);
  small.socket.write('!');
  assert.equal((await messages.next()).length, 50_000);
  for (const peer of [small, ...peers]) peer.socket.destroy();
  while (rig.counters.peersOpen > 0) await turn();
  assert.equal(rig.counters.bytesHeld, 0);
});

test('the topics of a subscriber are bounded in bytes, and short ones cost 256', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.xpub({ maxTopicsBytes: 1_024 });
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'SUB' });
  for (const topic of ['a', 'b', 'c', 'd']) subscribe(peer, topic);
  await messages.take(4);
  assert.equal(rig.counters.bytesHeld, 1_024);
  subscribe(peer, 'e');
  await peer.closed;
  assert.equal(rig.counters.peersRefused, 1);
  assert.equal(rig.counters.bytesHeld, 0);
});
