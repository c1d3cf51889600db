import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeError, encodePing, encodeSubscription } from '../../../src/codec/zmtp/index.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { peerAt, rawAt, ZmtpPeer } from '../../support/zmq/zmtp-peer.ts';

const ANY_PORT = 'tcp://127.0.0.1:*';

for (const [what, bytes] of [
  ['another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['ZMTP 2.0', Buffer.from('ff00000000000000017f01', 'hex')],
  [
    'another mechanism',
    Buffer.from(`ff00000000000000017f0301${Buffer.from('CURVE').toString('hex')}${'00'.repeat(47)}`, 'hex'),
  ],
] as const) {
  test(`a peer that speaks ${what} is cut off, counted and logged`, async (t) => {
    const rig = new ZmqRig(t);
    const { socket } = rig.pull();
    const raw = await rawAt(t, await socket.bind(ANY_PORT));
    raw.resume().write(bytes);
    await new Promise((resolve) => raw.on('close', resolve));
    const { level, fields } = await rig.log.until('zmq peer cut off');
    assert.equal(level, 'warn');
    assert.equal(fields.type, 'PULL');
    assert.match(String(fields.reason), /^(malformed|version|mechanism): /);
    assert.equal(rig.counters.peersRefused, 1);
    assert.equal(rig.counters.peersConnected, 0);
  });
}

test('a peer that sends garbage after its messages does not affect others', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull();
  const endpoint = await socket.bind(ANY_PORT);
  const good = await peerAt(t, endpoint, { type: 'PUSH' });
  const bad = await peerAt(t, endpoint, { type: 'PUSH' });
  bad.send('last words');
  bad.socket.write(Buffer.of(0xff, 0xff));
  await bad.closed;
  assert.equal(await messages.next(), 'last words');
  good.send('still here');
  assert.equal(await messages.next(), 'still here');
  assert.deepEqual([rig.counters.peersRefused, rig.counters.peersOpen], [1, 1]);
});

test('a message at the limit passes, a larger one cuts its peer off', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull({ maxMessageBytes: 5, maxParts: 2 });
  const endpoint = await socket.bind(ANY_PORT);
  const peer = await peerAt(t, endpoint, { type: 'PUSH' });
  peer.send('abc', 'de');
  assert.equal(await messages.next(), 'abc|de');
  peer.send('abcdef');
  await peer.closed;
  const many = await peerAt(t, endpoint, { type: 'PUSH' });
  many.send('a', 'b', 'c');
  await many.closed;
  assert.equal(rig.counters.peersRefused, 2);
});

test('a peer of an incompatible type gets an error and is cut off', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.pull();
  const endpoint = await socket.bind(ANY_PORT);
  for (const type of ['PULL', 'SUB', '', 'P\x1b[31m']) {
    const peer = new ZmtpPeer(t, await rawAt(t, endpoint), { type });
    assert.match(await peer.events.next(), /^the peer refused: a PULL socket cannot talk to [ -~]+$/);
    await peer.closed;
  }
  assert.equal(rig.counters.peersRefused, 4);
});

test('a peer with a malformed identity is cut off', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.router();
  const endpoint = await socket.bind(ANY_PORT);
  for (const identity of ['\0abc', 'x'.repeat(256)]) {
    const peer = new ZmtpPeer(t, await rawAt(t, endpoint), { type: 'DEALER', identity });
    assert.equal(await peer.events.next(), 'the peer refused: a malformed identity');
    await peer.closed;
  }
  assert.equal(rig.counters.peersRefused, 2);
});

test('a peer that refuses us is left alone, with its reason in the log', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.pull();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  peer.socket.write(encodeError('not you'));
  const { fields } = await rig.log.until('zmq peer cut off');
  assert.equal(fields.reason, 'refused: the peer refused: not you');
});

test('unknown commands are only counted', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  peer.socket.write(
    Buffer.concat([Buffer.from('\x04\x04\x03NEW', 'latin1'), encodeSubscription(Buffer.from('t'), true, 1)]),
  );
  peer.send('on');
  assert.equal(await messages.next(), 'on');
  assert.equal(rig.counters.commandsUnexpected, 2);
});

test('a second handshake cuts the peer off', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.pull();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  peer.socket.write(Buffer.from('\x04\x06\x05READY', 'latin1'));
  await peer.closed;
  assert.equal(rig.counters.peersRefused, 1);
});

test('the reply to a PING has its context', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.pull();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  peer.socket.write(Buffer.from('\x04\x0a\x04PING\0\0abc', 'latin1'));
  assert.equal(await peer.events.next(), 'PONG abc');
});

test('only the last of many PINGs in one turn gets a reply', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.pull();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  const pings = [...'abc'].map((context) => Buffer.from(`\x04\x08\x04PING\0\0${context}`, 'latin1'));
  peer.socket.write(Buffer.concat(pings));
  assert.equal(await peer.events.next(), 'PONG c');
  peer.socket.write(pings[0] as Buffer);
  assert.equal(await peer.events.next(), 'PONG a');
});

test('a malformed PING cuts the peer off', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.pull();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  peer.socket.write(Buffer.from('\x04\x05\x04PING', 'latin1'));
  await peer.closed;
  assert.equal(rig.counters.peersRefused, 1);
});

test('everything for one peer in one turn leaves in one write', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.dealer();
  const endpoint = await socket.bind(ANY_PORT);
  const peer = await peerAt(t, endpoint, { type: 'DEALER' });
  await rig.connected(1);
  const chunks: Buffer[] = [];
  peer.socket.on('data', (chunk) => chunks.push(chunk));
  for (let i = 0; i < 100; i++) socket.send([Buffer.from(`message ${i}`)]);
  assert.equal((await peer.events.take(100))[99], 'message 99');
  assert.equal(chunks.length, 1);
});

test('a peer that completes handshake timed out is cut off', async (t) => {
  const advance = manualClock(t);
  const rig = new ZmqRig(t);
  const { socket } = rig.pull({ handshakeTimeout: 5_000 });
  const endpoint = await socket.bind(ANY_PORT);
  const raw = await rawAt(t, endpoint);
  const greeted = new Promise((resolve) => raw.once('data', resolve));
  await greeted;
  const closed = new Promise((resolve) => raw.once('close', resolve));
  advance(4);
  assert.equal(rig.counters.peersSilent, 0);
  advance(2);
  await closed;
  assert.equal(rig.counters.peersSilent, 1);
  assert.equal(rig.log.with('zmq peer cut off')[0]?.fields.reason, 'handshake timed out');
});

test('a peer that replies to PINGs stays, one that does not is cut off', async (t) => {
  const advance = manualClock(t);
  const rig = new ZmqRig(t);
  const { socket } = rig.pull({ heartbeatInterval: 10_000, heartbeatTimeout: 5_000 });
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  for (let round = 1; round <= 3; round++) {
    advance(10);
    assert.match(await peer.events.next(), /^PING /);
    peer.socket.write(Buffer.from('\x04\x05\x04PONG', 'latin1'));
    await heard(rig, round, peer);
  }
  advance(10);
  assert.match(await peer.events.next(), /^PING /);
  assert.equal(rig.counters.peersSilent, 0);
  advance(6);
  await peer.closed;
  assert.equal(rig.counters.peersSilent, 1);
});

test('the time to live in our PING is interval plus timeout', async (t) => {
  const advance = manualClock(t);
  const rig = new ZmqRig(t);
  const { socket } = rig.pull({ heartbeatInterval: 10_000, heartbeatTimeout: 5_000 });
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  await rig.connected(1);
  advance(10);
  assert.equal(await peer.events.next(), 'PING \0\x96');
});

test('a peer of ZMTP 3.0 gets no PING', async (t) => {
  const advance = manualClock(t);
  const rig = new ZmqRig(t);
  const { socket } = rig.dealer({ heartbeatInterval: 1_000, heartbeatTimeout: 1_000 });
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'DEALER', old: true });
  await rig.connected(1);
  advance(60);
  socket.send([Buffer.from('first')]);
  assert.equal(await peer.events.next(), 'first');
  assert.equal(rig.counters.peersSilent, 0);
});

test('a peer that is silent for the time to live of its PING is given up', async (t) => {
  const advance = manualClock(t);
  const rig = new ZmqRig(t);
  const { socket } = rig.pull();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  peer.socket.write(encodePing(3_000));
  assert.match(await peer.events.next(), /^PONG/);
  advance(2);
  assert.equal(rig.counters.peersSilent, 0);
  advance(3);
  await peer.closed;
  assert.equal(rig.counters.peersSilent, 1);
});

test('any input ends the time to live of a PING', async (t) => {
  const advance = manualClock(t);
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  peer.socket.write(encodePing(3_000));
  assert.match(await peer.events.next(), /^PONG/);
  peer.send('alive');
  assert.equal(await messages.next(), 'alive');
  advance(60);
  peer.send('still');
  assert.equal(await messages.next(), 'still');
});

test('a peer whose input waited through a long turn of ours is not silent', async (t) => {
  const advance = manualClock(t);
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull({ heartbeatInterval: 10_000, heartbeatTimeout: 5_000 });
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  await rig.connected(1);
  // The timer looks twice; the input that is there by the second time saves the peer.
  advance(15);
  peer.send('late');
  assert.equal(await messages.next(), 'late');
  advance(2);
  assert.equal(rig.counters.peersSilent, 0);
});

/** Resolves when so many answers of the peer have certainly been read: it sends something after them. */
async function heard(rig: ZmqRig, count: number, peer: ZmtpPeer): Promise<void> {
  peer.send('mark');
  while (rig.counters.messagesReceived < count) await turn();
}
