import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import { encodeMessages } from '../../../src/codec/zmtp/index.ts';
import type { PeerState, ZmqPeer, ZmqSocket } from '../../../src/zmq/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { parts, ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { peerAt, rawAt } from '../../support/zmq/zmtp-peer.ts';

const ANY = 'tcp://127.0.0.1:0';

/** Moves a peer to another socket. In one process both have the same handle, which must outlive the connection that gives it away. */
function move(peer: ZmqPeer, to: ZmqSocket): boolean {
  const suspended = peer.suspend();
  if (suspended === null) return false;
  const state: PeerState = deserialize(serialize(suspended.state));
  const handle = peer.handle ?? assert.fail('closed');
  to.checkPeer(state);
  const own = handle as { close: unknown };
  own.close = (done: () => void) => setImmediate(done);
  suspended.forget();
  delete own.close;
  to.adoptPeer(handle, state);
  return true;
}

/** Moves all peers. Returns how many have moved. */
function moveAll(from: ZmqSocket, to: ZmqSocket): number {
  return from.accepted.filter((peer) => move(peer, to)).length;
}

test('wherever the bytes of a peer are cut, it goes on in another socket and no message is lost or doubled', async (t) => {
  const rig = new ZmqRig(t);
  const sent = ['a', 'bb|c', `${'d'.repeat(300)}|e`, '', 'f'];
  const bytes = Buffer.concat(
    encodeMessages(
      sent.map((message) => parts(...message.split('|'))),
      0,
      sent.length,
    ),
  );
  for (let cut = 0; cut <= bytes.length; cut += cut > 16 && cut < bytes.length - 16 ? 13 : 1) {
    const [old, next] = [rig.pull(), rig.pull()];
    const endpoint = await old.socket.bind(ANY);
    await next.socket.bind(ANY);
    const peer = await peerAt(t, endpoint, { type: 'PUSH' });
    while (old.socket.peerCount === 0) await turn();
    peer.socket.write(bytes.subarray(0, cut));
    for (let i = 0; i < 3; i++) await turn();
    assert.equal(moveAll(old.socket, next.socket), 1);
    peer.socket.write(bytes.subarray(cut));
    const before = old.messages.all.length;
    assert.deepEqual([...old.messages.all, ...(await next.messages.take(sent.length - before))], sent, `cut ${cut}`);
    assert.equal(next.socket.peerCount, 1);
    peer.socket.destroy();
  }
  assert.equal(rig.counters.messagesDropped, 0);
});

test('messages that wait go with their peer', async (t) => {
  const rig = new ZmqRig(t);
  const [old, next] = [rig.pull(), rig.pull()];
  const push = rig.push();
  push.socket.connect(await old.socket.bind(ANY));
  await next.socket.bind(ANY);
  await rig.connected(2);
  old.socket.pause();
  next.socket.pause();
  for (const message of ['1', '2', '3']) push.socket.send(parts(message));
  while (rig.counters.messagesReceived < 3) await turn();
  assert.equal(moveAll(old.socket, next.socket), 1);
  push.socket.send(parts('4'));
  old.socket.resume();
  next.socket.resume();
  assert.deepEqual(await next.messages.take(4), ['1', '2', '3', '4']);
  assert.deepEqual(old.messages.all, []);
});

test('a ROUTER goes on to know its peers, also those whose identities it has assigned', async (t) => {
  const rig = new ZmqRig(t);
  const [old, next] = [rig.router({ mandatory: true }), rig.router({ mandatory: true })];
  const endpoint = await old.socket.bind(ANY);
  await next.socket.bind(ANY);
  const dealers = [rig.dealer({ routingId: Buffer.from('named') }), rig.dealer()];
  for (const { socket } of dealers) socket.connect(endpoint);
  await rig.connected(4);
  for (const { socket } of dealers) socket.send(parts('hello'));
  const ids = (await old.messages.take(2)).map((message) => message.split('|')[0] ?? '');
  assert.equal(moveAll(old.socket, next.socket), 2);
  for (const id of ids) {
    assert.equal(old.socket.reaches(id), false);
    assert.equal(next.socket.sendTo(id, parts(`for ${id}`)), true);
  }
  const got = (await Promise.all(dealers.map(({ messages }) => messages.next()))).sort();
  assert.deepEqual(got, ids.map((id) => `for ${id}`).sort());
});

test('a peer with the identity of another one is not taken', async (t) => {
  const rig = new ZmqRig(t);
  const [old, next] = [rig.router(), rig.router()];
  const dealers = [rig.dealer({ routingId: Buffer.from('x') }), rig.dealer({ routingId: Buffer.from('x') })] as const;
  dealers[0].socket.connect(await old.socket.bind(ANY));
  dealers[1].socket.connect(await next.socket.bind(ANY));
  await rig.connected(4);
  const [peer] = old.socket.accepted;
  const suspended = peer?.suspend() ?? assert.fail('cannot move');
  assert.throws(() => next.socket.checkPeer(suspended.state), /its identity is in use/);
  assert.throws(() => rig.router().socket.checkPeer(suspended.state), /is not bound/);
  suspended.resume();
  dealers[0].socket.send(parts('still here'));
  assert.equal(await old.messages.next(), 'x|still here');
});

test('a publisher is not subscribed to again, and what the new socket does not want is cancelled', async (t) => {
  const rig = new ZmqRig(t);
  const [old, next] = [rig.sub(), rig.sub()];
  for (const topic of ['a', 'b']) old.socket.subscribe(topic);
  for (const topic of ['b', 'c']) next.socket.subscribe(topic);
  const endpoint = await old.socket.bind(ANY);
  await next.socket.bind(ANY);
  const peer = await peerAt(t, endpoint, { type: 'PUB' });
  assert.deepEqual((await peer.events.take(2)).sort(), ['SUBSCRIBE a', 'SUBSCRIBE b']);
  assert.equal(moveAll(old.socket, next.socket), 1);
  assert.deepEqual((await peer.events.take(2)).sort(), ['CANCEL a', 'SUBSCRIBE c']);
});

test('subscribers go on to get what they have subscribed to', async (t) => {
  const rig = new ZmqRig(t);
  const [old, next] = [rig.pub(), rig.pub()];
  const sub = rig.sub();
  sub.socket.subscribe('a');
  sub.socket.connect(await old.socket.bind(ANY));
  await next.socket.bind(ANY);
  while (!old.socket.reaches('a')) await turn();
  old.socket.send(parts('a1'));
  assert.equal(moveAll(old.socket, next.socket), 1);
  assert.deepEqual([old.socket.reaches('a'), next.socket.reaches('a')], [false, true]);
  for (const message of ['b', 'a2']) next.socket.send(parts(message));
  assert.deepEqual(await sub.messages.take(2), ['a1', 'a2']);
});

test('a peer stays while its handshake is incomplete, while its request is open, and while it does not read', async (t) => {
  const rig = new ZmqRig(t);
  const rep = rig.rep();
  const endpoint = await rep.socket.bind(ANY);
  const req = rig.req();
  req.socket.connect(endpoint);
  await rig.connected(2);
  req.socket.send(parts('question'));
  assert.equal(await rep.messages.next(), 'question');
  const [asking] = rep.socket.accepted;
  assert.equal(asking?.suspend(), null);
  rep.socket.send(parts('answer'));
  assert.equal(await req.messages.next(), 'answer');
  asking?.suspend()?.resume();

  const pub = rig.pub();
  const pubEndpoint = await pub.socket.bind(ANY);
  const stranger = await rawAt(t, pubEndpoint);
  while (pub.socket.accepted.length === 0) await turn();
  assert.equal(pub.socket.accepted[0]?.suspend(), null);
  stranger.destroy();
  while (pub.socket.accepted.length > 0) await turn();
  const silent = await peerAt(t, pubEndpoint, { type: 'SUB' });
  silent.socket.write(Buffer.concat(encodeMessages([parts('\x01')], 0, 1)));
  while (!pub.socket.reaches('')) await turn();
  silent.socket.pause();
  const large = Buffer.alloc(16_777_216);
  pub.socket.send([large]);
  await turn();
  assert.equal(pub.socket.accepted[0]?.suspend(), null);
});

test('a peer that stays after all has missed nothing, in either direction', async (t) => {
  const rig = new ZmqRig(t);
  const dealer = rig.dealer();
  const peer = rig.dealer();
  peer.socket.connect(await dealer.socket.bind(ANY));
  await rig.connected(2);
  dealer.socket.pause();
  peer.socket.send(parts('1'));
  while (rig.counters.messagesReceived < 1) await turn();
  const suspended = dealer.socket.accepted[0]?.suspend() ?? assert.fail('cannot move');
  dealer.socket.resume();
  peer.socket.send(parts('2'));
  dealer.socket.send(parts('x'));
  for (let i = 0; i < 5; i++) await turn();
  assert.deepEqual([dealer.messages.all, peer.messages.all], [[], []]);
  suspended.resume();
  assert.deepEqual(await dealer.messages.take(2), ['1', '2']);
  assert.equal(await peer.messages.next(), 'x');
});
