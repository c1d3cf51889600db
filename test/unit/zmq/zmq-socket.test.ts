import assert from 'node:assert/strict';
import { existsSync, lstatSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hasAbstractNames } from '../../../src/zmq/endpoint.ts';
import { ZmqError } from '../../../src/zmq/index.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { parts, ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { peerAt, rawAt, rawListener } from '../../support/zmq/zmtp-peer.ts';

const ANY_PORT = 'tcp://127.0.0.1:*';
const ABSTRACT = hasAbstractNames(process.platform, process.versions.uv);

test('bind returns the endpoint with the port that was taken', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull();
  const endpoint = await socket.bind(ANY_PORT);
  assert.match(endpoint, /^tcp:\/\/127\.0\.0\.1:\d+$/);
  const push = rig.push();
  push.socket.connect(endpoint);
  push.socket.send(parts('there'));
  assert.equal(await messages.next(), 'there');
});

test('IPv6 addresses and all interfaces can be bound', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull();
  const push = rig.push();
  const six = await socket.bind('tcp://[::1]:*');
  assert.match(six, /^tcp:\/\/\[::1\]:\d+$/);
  push.socket.connect(six);
  push.socket.send(parts('six'));
  assert.equal(await messages.next(), 'six');
  const all = await socket.bind('tcp://*:*');
  push.socket.connect(`tcp://127.0.0.1:${all.slice(all.lastIndexOf(':') + 1)}`);
  push.socket.disconnect(six);
  push.socket.send(parts('all'));
  assert.equal(await messages.next(), 'all');
});

test('a relative ipc path is relative to the working directory', async (t) => {
  const rig = new ZmqRig(t);
  const path = join(temporaryFolder(t), 's');
  const { socket, messages } = rig.pull();
  assert.equal(await socket.bind(`ipc://${relative(process.cwd(), path)}`), `ipc://${relative(process.cwd(), path)}`);
  const push = rig.push();
  push.socket.connect(`ipc://${path}`);
  push.socket.send(parts('there'));
  assert.equal(await messages.next(), 'there');
});

test('an abstract name is bound and connected, or the error says what it needs', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull();
  const endpoint = `ipc://@holdfast-test-${process.pid}`;
  if (!ABSTRACT) {
    await assert.rejects(socket.bind(endpoint), { kind: 'unsupported' });
    return;
  }
  await socket.bind(endpoint);
  const push = rig.push();
  push.socket.connect(endpoint);
  push.socket.send(parts('there'));
  assert.equal(await messages.next(), 'there');
});

test('the file of an ipc endpoint has the given mode', async (t) => {
  const rig = new ZmqRig(t);
  const path = join(temporaryFolder(t), 's');
  await rig.pull({ ipcMode: 0o620 }).socket.bind(`ipc://${path}`);
  assert.equal(statSync(path).mode & 0o777, 0o620);
});

test('a stale socket file is replaced', async (t) => {
  const rig = new ZmqRig(t);
  const folder = temporaryFolder(t);
  const gone = createServer();
  await new Promise<void>((resolve) => gone.listen(join(folder, 'first'), resolve));
  renameSync(join(folder, 'first'), join(folder, 's'));
  await new Promise((resolve) => gone.close(resolve));
  assert.equal(lstatSync(join(folder, 's')).isSocket(), true);
  const { socket, messages } = rig.pull();
  const endpoint = await socket.bind(`ipc://${join(folder, 's')}`);
  const push = rig.push();
  push.socket.connect(endpoint);
  push.socket.send(parts('there'));
  assert.equal(await messages.next(), 'there');
});

test('neither a socket file in use nor a file of another kind is replaced', async (t) => {
  const rig = new ZmqRig(t);
  const folder = temporaryFolder(t, { plain: 'text' });
  const path = join(folder, 's');
  const { socket } = rig.pull();
  await socket.bind(`ipc://${path}`);
  await assert.rejects(rig.pull().socket.bind(`ipc://${path}`), { kind: 'bind', message: /address already in use/ });
  await assert.rejects(socket.bind(`ipc://${join(folder, 'plain')}`), { kind: 'bind' });
  assert.equal(existsSync(path), true);
  assert.equal(existsSync(join(folder, 'plain')), true);
});

test('unbind removes the socket file, and leaves the connections', async (t) => {
  const rig = new ZmqRig(t);
  const path = join(temporaryFolder(t), 's');
  const { socket, messages } = rig.pull();
  const endpoint = await socket.bind(`ipc://${path}`);
  const push = rig.push();
  push.socket.connect(endpoint);
  await rig.connected(2);
  socket.unbind(endpoint);
  assert.equal(existsSync(path), false);
  push.socket.send(parts('still'));
  assert.equal(await messages.next(), 'still');
});

test('unbind keeps a file that another program put in place of ours', async (t) => {
  const rig = new ZmqRig(t);
  const path = join(temporaryFolder(t), 's');
  const { socket } = rig.pull();
  await socket.bind(`ipc://${path}`);
  // As libzmq does: it removes any file and binds its own.
  unlinkSync(path);
  const other = createServer();
  t.after(() => other.close());
  await new Promise<void>((resolve) => other.listen(path, resolve));
  const { ino } = lstatSync(path);
  socket.unbind(`ipc://${path}`);
  assert.equal(lstatSync(path).ino, ino);
  const pull = rig.pull();
  await assert.rejects(pull.socket.bind(`ipc://${path}`), { kind: 'bind' });
});

test('unbind accepts that its socket file was removed', async (t) => {
  const rig = new ZmqRig(t);
  const path = join(temporaryFolder(t), 's');
  const { socket } = rig.pull();
  await socket.bind(`ipc://${path}`);
  unlinkSync(path);
  socket.unbind(`ipc://${path}`);
  writeFileSync(path, '');
  await socket.close();
  assert.equal(existsSync(path), true);
});

test('unknown endpoints cannot be unbound or disconnected', async (t) => {
  const { socket } = new ZmqRig(t).pull();
  assert.throws(() => socket.unbind('tcp://127.0.0.1:1'), { kind: 'unknown' });
  assert.throws(() => socket.disconnect('tcp://127.0.0.1:1'), { kind: 'unknown' });
});

test('unbind also accepts the endpoint as it was given', async (t) => {
  const { socket } = new ZmqRig(t).pull();
  await socket.bind(ANY_PORT);
  socket.unbind(ANY_PORT);
  assert.throws(() => socket.unbind(ANY_PORT), { kind: 'unknown' });
});

test('one socket binds and connects many endpoints', async (t) => {
  const rig = new ZmqRig(t);
  const one = rig.pull();
  const two = rig.pull();
  const push = rig.push();
  push.socket.connect(await one.socket.bind(ANY_PORT));
  push.socket.connect(await one.socket.bind(`ipc://${join(temporaryFolder(t), 's')}`));
  two.socket.connect(await push.socket.bind(ANY_PORT));
  await rig.connected(6);
  for (let i = 0; i < 6; i++) push.socket.send(parts(String(i)));
  await one.messages.take(4);
  await two.messages.take(2);
});

test('a disconnected endpoint is not dialled again', async (t) => {
  const advance = manualClock(t);
  const rig = new ZmqRig(t);
  const { endpoint, sockets } = await rawListener(t);
  const { socket } = rig.push();
  socket.connect(endpoint);
  const accepted = await sockets.next();
  const closed = new Promise((resolve) => accepted.resume().once('close', resolve));
  socket.disconnect(endpoint);
  await closed;
  advance(60);
  await turn();
  assert.equal(rig.counters.dials, 1);
});

test('a peer beyond the maximum is turned away', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull({ maxPeers: 1 });
  const endpoint = await socket.bind(ANY_PORT);
  const first = await peerAt(t, endpoint, { type: 'PUSH' });
  const second = await rawAt(t, endpoint);
  await new Promise((resolve) => second.resume().once('close', resolve));
  assert.equal(rig.counters.peersRefused, 1);
  first.send('in');
  assert.equal(await messages.next(), 'in');
  first.socket.end();
  await first.closed;
  while (rig.counters.peersOpen > 0) await turn();
  const third = await peerAt(t, endpoint, { type: 'PUSH' });
  third.send('in too');
  assert.equal(await messages.next(), 'in too');
});

test('a paused socket keeps up to its high-water mark of each peer and reads no more', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull({ receiveHwm: 3 });
  const endpoint = await socket.bind(ANY_PORT);
  const peer = await peerAt(t, endpoint, { type: 'PUSH' });
  socket.pause();
  for (let i = 0; i < 10; i++) peer.send(String(i));
  while (rig.counters.messagesReceived < 3) await turn();
  await turn();
  assert.equal(rig.counters.messagesReceived, 3);
  assert.deepEqual(messages.all, []);
  socket.resume();
  assert.deepEqual(await messages.take(10), ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
});

test('after a pause each peer has its turn', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull();
  const endpoint = await socket.bind(ANY_PORT);
  const one = await peerAt(t, endpoint, { type: 'PUSH' });
  const two = await peerAt(t, endpoint, { type: 'PUSH' });
  socket.pause();
  for (let i = 0; i < 4; i++) one.send(`a${i}`);
  while (rig.counters.messagesReceived < 4) await turn();
  for (let i = 0; i < 2; i++) two.send(`b${i}`);
  while (rig.counters.messagesReceived < 6) await turn();
  socket.resume();
  assert.deepEqual(await messages.take(6), ['a0', 'b0', 'a1', 'b1', 'a2', 'a3']);
});

test('messages of a peer that left are not lost during a pause', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  socket.pause();
  peer.send('one');
  peer.send('two');
  peer.socket.end();
  await peer.closed;
  while (rig.counters.peersOpen > 0) await turn();
  socket.resume();
  assert.deepEqual(messages.all, ['one', 'two']);
});

test('a consumer may pause and resume from within', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull({ receiveHwm: 2 });
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  const add = messages.add;
  let pauses = 0;
  Object.defineProperty(messages, 'add', {
    value: (message: string) => {
      add(message);
      socket.pause();
      pauses++;
      socket.resume();
    },
  });
  const numbers = Array.from({ length: 5_000 }, (_, index) => String(index));
  for (const number of numbers) peer.send(number);
  assert.deepEqual(await messages.take(5_000), numbers);
  assert.equal(pauses, 5_000);
});

test('close sends what waits before it closes', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.pull();
  const push = rig.push({ linger: Number.POSITIVE_INFINITY });
  push.socket.connect(await socket.bind(ANY_PORT));
  const large = Buffer.alloc(3_000_000, 0x61);
  push.socket.send([large]);
  push.socket.send(parts('end'));
  await push.socket.close();
  assert.equal((await messages.next()).length, large.length);
  assert.equal(await messages.next(), 'end');
  assert.equal(rig.counters.messagesDropped, 0);
});

test('what a peer has sent before it closes arrives, also while its receiver rests or is paused', async (t) => {
  for (const paused of [false, true]) {
    for (const dials of ['pull', 'push']) {
      const rig = new ZmqRig(t);
      const { socket: pull, messages } = rig.pull();
      const { socket: push } = rig.push({ linger: Number.POSITIVE_INFINITY });
      if (dials === 'pull') pull.connect(await push.bind(ANY_PORT));
      else push.connect(await pull.bind(ANY_PORT));
      while (!push.send(parts('first'))) await turn();
      assert.equal(await messages.next(), 'first');
      if (paused) pull.pause();
      const numbers = Array.from({ length: 900 }, (_, index) => String(index));
      for (const number of numbers) assert.ok(push.send(parts(number)));
      await push.close();
      while (rig.counters.peersOpen > 1) await turn();
      for (let i = 0; i < 20; i++) await turn();
      pull.resume();
      assert.deepEqual(await messages.take(900), numbers);
    }
  }
});

test('close waits for a peer that is not connected yet', async (t) => {
  const rig = new ZmqRig(t);
  const endpoint = `ipc://${join(temporaryFolder(t), 's')}`;
  const push = rig.push({ linger: Number.POSITIVE_INFINITY, reconnectInterval: 1 });
  push.socket.connect(endpoint);
  push.socket.send(parts('late'));
  const closed = push.socket.close();
  const { socket, messages } = rig.pull();
  await socket.bind(endpoint);
  await closed;
  assert.equal(await messages.next(), 'late');
});

test('close gives up after the linger time, and counts what was not sent', async (t) => {
  const advance = manualClock(t);
  const rig = new ZmqRig(t);
  const { endpoint, sockets } = await rawListener(t);
  const push = rig.push({ linger: 2_000 });
  push.socket.connect(endpoint);
  (await sockets.next()).pause();
  push.socket.send(parts('one'));
  push.socket.send(parts('two'));
  const closed = push.socket.close();
  assert.equal(rig.counters.messagesDropped, 0);
  advance(3);
  await closed;
  assert.equal(rig.counters.messagesDropped, 2);
});

test('close without linger drops what waits', async (t) => {
  const rig = new ZmqRig(t);
  const push = rig.push({ linger: 0 });
  push.socket.connect('tcp://127.0.0.1:1');
  push.socket.send(parts('one'));
  await push.socket.close();
  assert.equal(rig.counters.messagesDropped, 1);
});

test('messages that came during a pause and were never taken are counted', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.pull();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PUSH' });
  socket.pause();
  peer.send('one');
  while (rig.counters.messagesReceived < 1) await turn();
  await socket.close();
  assert.equal(rig.counters.messagesDropped, 1);
});

test('messages that come while a closing socket sends are counted as dropped', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.dealer({ linger: Number.POSITIVE_INFINITY });
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'DEALER' });
  await rig.connected(1);
  peer.socket.pause();
  for (let i = 0; i < 20; i++) socket.send([Buffer.alloc(1_000_000)]);
  const closed = socket.close();
  peer.send('too late');
  while (rig.counters.messagesReceived < 1) await turn();
  peer.socket.resume();
  await closed;
  assert.deepEqual(messages.all, []);
  assert.equal(rig.counters.messagesDropped, 1);
  assert.equal(peer.events.all.length, 20);
});

test('a closed socket takes no more messages', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.push();
  await socket.close();
  assert.throws(() => socket.connect('tcp://127.0.0.1:1'), { kind: 'closed' });
  assert.throws(() => socket.send(parts('x')), { kind: 'closed' });
  await assert.rejects(socket.bind(ANY_PORT), { kind: 'closed' });
  await socket.close();
});

test('a socket that is closed while it binds does not listen', async (t) => {
  const rig = new ZmqRig(t);
  const path = join(temporaryFolder(t), 's');
  const { socket } = rig.pull();
  const bound = socket.bind(`ipc://${path}`);
  await socket.close();
  await assert.rejects(bound, (error) => error instanceof ZmqError && error.kind === 'closed');
  assert.equal(existsSync(path), false);
});

// ---- writes

/** A socket with one peer, and a look at what leaves in each write. */
async function countedWrites(t: TestContext) {
  const rig = new ZmqRig(t);
  const { socket } = rig.push();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'PULL' });
  await rig.connected(1);
  await turn();
  const writes: number[] = [];
  const { write } = Socket.prototype;
  t.mock.method(Socket.prototype, 'write', function (this: Socket, ...args: [Buffer]) {
    // A frame of one byte has three.
    writes.push(args[0].length / 3);
    return Reflect.apply(write, this, args);
  });
  return { socket, peer, writes };
}

test('messages of consecutive turns leave in few writes, after seven turns at most', async (t) => {
  manualClock(t);
  const { socket, peer, writes } = await countedWrites(t);
  for (let i = 0; i < 14; i++) {
    socket.send(parts('x'));
    await turn();
  }
  await peer.events.take(14);
  assert.deepEqual(writes, [7, 7]);
});

test('a single message leaves in the next turn, many leave in their own', async (t) => {
  manualClock(t);
  const { socket, peer, writes } = await countedWrites(t);
  socket.send(parts('x'));
  await turn();
  assert.deepEqual(writes, []);
  await turn();
  assert.deepEqual(writes, [1]);
  for (let i = 0; i < 16; i++) socket.send(parts('x'));
  await turn();
  assert.deepEqual(writes, [1, 16]);
  await peer.events.take(17);
});

test('messages of a turn that comes late leave at its end', async (t) => {
  const advance = manualClock(t);
  const { socket, peer, writes } = await countedWrites(t);
  for (let i = 1; i <= 3; i++) {
    advance(0.5);
    socket.send(parts('x'));
    await turn();
    assert.equal(writes.length, i);
  }
  await peer.events.take(3);
});
