import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turn } from '../../support/manual-clock.ts';
import { parts, ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { peerAt } from '../../support/zmq/zmtp-peer.ts';

const ANY_PORT = 'tcp://127.0.0.1:*';

test('a reply goes back in the envelope of its request', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.rep();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'DEALER' });
  peer.send('hop 1', 'hop 2', '', 'question', '');
  assert.equal(await messages.next(), 'question|');
  assert.equal(socket.send(parts('answer')), true);
  assert.equal(await peer.events.next(), 'hop 1|hop 2||answer');
});

test('requests are taken one at a time, of each peer in turn', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.rep();
  const endpoint = await socket.bind(ANY_PORT);
  const one = await peerAt(t, endpoint, { type: 'DEALER' });
  const two = await peerAt(t, endpoint, { type: 'DEALER' });
  for (const text of ['a1', 'a2', 'a3']) one.send('', text);
  while (rig.counters.messagesReceived < 3) await turn();
  two.send('', 'b1');
  while (rig.counters.messagesReceived < 4) await turn();
  for (const request of ['a1', 'a2', 'b1', 'a3']) {
    assert.deepEqual(messages.all, [request]);
    assert.equal(await messages.next(), request);
    socket.send(parts(`re ${request}`));
  }
  assert.deepEqual(await one.events.take(3), ['|re a1', '|re a2', '|re a3']);
  assert.equal(await two.events.next(), '|re b1');
});

test('a reply without a request is not taken', (t) => {
  const { socket } = new ZmqRig(t).rep();
  assert.equal(socket.send(parts('x')), false);
});

test('a reply to a peer that has left is dropped and counted, and the next request is taken', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.rep();
  const endpoint = await socket.bind(ANY_PORT);
  const gone = await peerAt(t, endpoint, { type: 'REQ' });
  const here = await peerAt(t, endpoint, { type: 'REQ' });
  gone.send('', 'one');
  assert.equal(await messages.next(), 'one');
  here.send('', 'two');
  while (rig.counters.messagesReceived < 2) await turn();
  gone.socket.destroy();
  while (rig.counters.peersOpen > 1) await turn();
  assert.equal(socket.send(parts('x')), true);
  assert.equal(rig.counters.messagesDropped, 1);
  assert.equal(await messages.next(), 'two');
});

test('a request without envelope or content is counted and skipped', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.rep();
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'DEALER' });
  peer.send('no', 'delimiter');
  peer.send('hop', '');
  peer.send('', 'good');
  assert.equal(await messages.next(), 'good');
  assert.equal(rig.counters.messagesUnexpected, 2);
});

test('a REP that replies within its handler takes any number of requests', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.rep();
  const endpoint = await socket.bind(ANY_PORT);
  Object.defineProperty(messages, 'add', { value: (request: string) => socket.send(parts(`re ${request}`)) });
  const peer = await peerAt(t, endpoint, { type: 'DEALER' });
  for (let i = 0; i < 5_000; i++) peer.send('', String(i));
  const replies = await peer.events.take(5_000);
  assert.equal(replies[4_999], '|re 4999');
});
