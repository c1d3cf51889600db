import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { encodeSubscription } from '../../../src/codec/zmtp/index.ts';
import { DealerSocket, PullSocket, RepSocket, ReqSocket, XPubSocket, type ZmqSocket } from '../../../src/zmq/index.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { parts, text, ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { peerAt, rawAt, rawListener, ZmtpPeer } from '../../support/zmq/zmtp-peer.ts';

const ANY_PORT = 'tcp://127.0.0.1:*';

/** A consumer that throws on the message `bad`, and keeps the others. */
class Consumer {
  readonly taken: string[] = [];

  readonly take = (message: Buffer[]): void => {
    const given = text(message);
    if (given === 'bad') throw new Error('a defect in the consumer');
    this.taken.push(given);
  };

  async until(count: number): Promise<string[]> {
    while (this.taken.length < count) await turn();
    return this.taken;
  }
}

function opened<S extends ZmqSocket>(t: TestContext, socket: S): S {
  t.after(() => socket.close());
  return socket;
}

/** What the log has of defects. */
function faults(rig: ZmqRig): string[] {
  return rig.log.with('internal error').map(({ fields }) => String(fields.detail));
}

test('a consumer that throws loses one message; the connection and later messages continue', async (t) => {
  const rig = new ZmqRig(t);
  const consumer = new Consumer();
  const socket = opened(t, new PullSocket(rig.context, { linger: 0 }, consumer.take));
  const endpoint = await socket.bind(ANY_PORT);
  const [one, two] = [await peerAt(t, endpoint, { type: 'PUSH' }), await peerAt(t, endpoint, { type: 'PUSH' })];
  for (const message of ['bad', 'a', 'bad', 'b']) one.send(message);
  assert.deepEqual(await consumer.until(2), ['a', 'b']);
  two.send('c');
  assert.deepEqual(await consumer.until(3), ['a', 'b', 'c']);
  assert.equal(rig.counters.faults, 2);
  assert.equal(rig.counters.peersOpen, 2);
  assert.match(faults(rig)[0] ?? '', /a defect in the consumer\n.*faults\.test/s);
});

test('a consumer that throws on a message from an inbox is given the next one', async (t) => {
  const rig = new ZmqRig(t);
  const consumer = new Consumer();
  const socket = opened(t, new PullSocket(rig.context, { linger: 0 }, consumer.take));
  socket.pause();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  for (const message of ['bad', 'a', 'bad', 'b']) peer.send(message);
  while (rig.counters.messagesReceived < 4) await turn();
  socket.resume();
  assert.deepEqual(consumer.taken, ['a', 'b']);
  assert.equal(rig.counters.faults, 2);
  assert.equal(rig.counters.bytesHeld, 0);
});

test('a REP whose consumer throws takes the next request, a REQ whose consumer throws sends the next one', async (t) => {
  const rig = new ZmqRig(t);
  const requests = new Consumer();
  const replies = new Consumer();
  let writable = 0;
  const rep = opened(t, new RepSocket(rig.context, { linger: 0 }, requests.take));
  const peer = await peerAt(t, await rep.bind(ANY_PORT), { type: 'REQ' });
  peer.send('', 'bad');
  peer.send('', 'good');
  assert.deepEqual(await requests.until(1), ['good']);
  assert.equal(rep.send(parts('reply')), true);
  const req = opened(
    t,
    new ReqSocket(rig.context, { linger: 0 }, replies.take, () => {
      writable++;
    }),
  );
  const server = await peerAt(t, await req.bind(ANY_PORT), { type: 'REP' });
  while (!req.send(parts('one'))) await turn();
  assert.equal(req.send(parts('two')), false);
  server.send('', 'bad');
  while (rig.counters.faults < 2) await turn();
  assert.ok(writable > 0);
  assert.equal(req.send(parts('two')), true);
});

test('an exception in onWritable or onSubscription disturbs no connection', async (t) => {
  const rig = new ZmqRig(t);
  const fail = () => {
    throw new Error('a defect in the consumer');
  };
  const dealer = opened(t, new DealerSocket(rig.context, { linger: 0 }, fail, fail));
  const endpoint = await dealer.bind(ANY_PORT);
  assert.equal(dealer.send(parts('early')), false);
  const peer = await peerAt(t, endpoint, { type: 'REP' });
  while (rig.counters.faults < 1) await turn();
  assert.equal(dealer.send(parts('late')), true);
  assert.equal(await peer.events.next(), 'late');
  const xpub = opened(t, new XPubSocket(rig.context, { linger: 0 }, fail));
  const sub = await peerAt(t, await xpub.bind(ANY_PORT), { type: 'SUB' });
  sub.socket.write(encodeSubscription(Buffer.from('t'), true, 1));
  while (rig.counters.faults < 2) await turn();
  xpub.send(parts('topic'));
  assert.equal(await sub.events.next(), 'topic');
  sub.socket.destroy();
  while (rig.counters.faults < 3) await turn();
});

test('an exception in the events of one socket ends that connection alone', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull();
  const endpoint = await socket.bind(ANY_PORT);
  const good = await peerAt(t, endpoint, { type: 'PUSH' });
  await rig.connected(1);
  const debug = t.mock.method(rig.log, 'debug', () => {
    throw new Error('a defect in the log');
  });
  const bad = new ZmtpPeer(t, await rawAt(t, endpoint), { type: 'PUSH' });
  await bad.closed;
  debug.mock.restore();
  // The one on its data, and the one on its close.
  while (rig.counters.faults < 2) await turn();
  good.send('still here');
  assert.equal(await messages.next(), 'still here');
});

test('a message that cannot be sent ends its connection at the end of the turn, and is not tried again', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.push({ reconnectInterval: 1 });
  const [one, two] = [rig.pull(), rig.pull()];
  socket.connect(await one.socket.bind(ANY_PORT));
  socket.connect(await two.socket.bind(ANY_PORT));
  await rig.connected(4);
  const bad = Buffer.from('bad');
  socket.send([bad]);
  Object.defineProperty(bad, 'length', {
    get: () => {
      throw new Error('a defect in a buffer');
    },
  });
  socket.send(parts('good'));
  assert.equal(await two.messages.next(), 'good');
  await rig.connected(6);
  assert.equal(rig.counters.faults, 1);
  assert.equal(rig.counters.messagesDropped, 1);
  socket.send(parts('again'));
  assert.equal(await one.messages.next(), 'again');
  assert.equal(rig.counters.bytesHeld, 0);
});

test('an exception while a peer is accepted closes that socket, and the next one is accepted', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull();
  const endpoint = await socket.bind(ANY_PORT);
  const fail = t.mock.method(Socket.prototype, 'setKeepAlive', () => {
    throw new Error('a defect');
  });
  const other = rig.push({ reconnectInterval: 1 });
  other.socket.connect(endpoint);
  while (rig.counters.faults === 0) await turn();
  fail.mock.restore();
  other.socket.send(parts('late'));
  assert.equal(await messages.next(), 'late');
});

test('an endpoint is dialled again after an exception in the timer that dials', async (t) => {
  const advance = manualClock(t);
  const rig = new ZmqRig(t);
  const { endpoint, sockets } = await rawListener(t);
  const { socket } = rig.push({ reconnectInterval: 1_000, reconnectMax: 1_000 });
  socket.connect(endpoint);
  (await sockets.next()).destroy();
  while (rig.log.with('zmq connection closed').length < 1) await turn();
  Object.defineProperty(rig.counters, 'dials', {
    configurable: true,
    get: () => 0,
    set: () => {
      throw new Error('a defect');
    },
  });
  advance(2);
  assert.ok(rig.counters.faults > 0);
  Object.defineProperty(rig.counters, 'dials', { value: 0, writable: true });
  advance(2);
  await sockets.next();
});

test('a socket closes although one connection cannot be destroyed after the linger time', async (t) => {
  const advance = manualClock(t);
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.xpub({ linger: 1_000 });
  const endpoint = await socket.bind(ANY_PORT);
  const peers = [await peerAt(t, endpoint, { type: 'SUB' }), await peerAt(t, endpoint, { type: 'SUB' })];
  for (const peer of peers) peer.socket.write(encodeSubscription(Buffer.from(''), true, 1));
  await messages.next();
  for (const peer of peers) peer.socket.pause();
  for (let i = 0; i < 100; i++) socket.send([Buffer.alloc(200_000, 'x')]);
  await turn();
  const closed = socket.close();
  const destroy = t.mock.method(Socket.prototype, 'destroy', () => {
    throw new Error('a defect');
  });
  advance(1.2);
  destroy.mock.restore();
  assert.equal(rig.counters.faults, 2);
  for (const peer of peers) peer.socket.destroy();
  await closed;
  assert.equal(rig.counters.bytesHeld, 0);
});
