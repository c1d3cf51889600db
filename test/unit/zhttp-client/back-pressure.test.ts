import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FULL, UNKNOWN } from '../../../src/zhttp/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { edgeRig } from '../../support/zhttp/edge-rig.ts';

test('a client whose handler takes nothing is paused until it does', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  rig.link.reaches.set('h1', FULL);
  client.message('one');
  assert.equal(client.paused, true);
  client.ping('two');
  rig.advance(30);
  assert.deepEqual(rig.link.take(), []);
  rig.link.ready();
  assert.equal(client.paused, false);
  client.message('three');
  assert.deepEqual(rig.link.take(), [
    `h1 ${id}#1 data text "one"`,
    `h1 ${id}#2 ping "two"`,
    `h1 ${id}#3 data text "three"`,
  ]);
});

test('clients of a stalled handler wait in turn, and all stay open', (t) => {
  const rig = edgeRig(t);
  const all = Array.from({ length: 6 }, () => rig.openWebSocket());
  rig.link.reaches.set('h1', FULL);
  for (const { client } of all) client.message('a');
  // The handler takes one packet each time.
  rig.link.onRouted = () => rig.link.reaches.set('h1', FULL);
  for (const { client, id } of all) {
    rig.link.ready();
    assert.deepEqual(rig.link.take(), [`h1 ${id}#1 data text "a"`]);
    assert.deepEqual([client.paused, client.take()], [false, []]);
  }
});

test('a resumed client waits after those that wait already', (t) => {
  const rig = edgeRig(t);
  const [flooder, other] = [rig.openWebSocket(), rig.openWebSocket()];
  rig.link.reaches.set('h1', FULL);
  flooder.client.message('1');
  other.client.message('x');
  flooder.client.onPause = (paused) => {
    if (!paused) flooder.client.message('2');
  };
  rig.link.onRouted = () => rig.link.reaches.set('h1', FULL);
  for (let i = 0; i < 3; i++) rig.link.ready();
  assert.deepEqual(
    rig.link.routed.map(({ packet }) => packet.body.toString()),
    ['1', 'x', '2'],
  );
});

test('a client that sends while paused is ended at its own bound, and no other is', (t) => {
  const rig = edgeRig(t);
  const [flooder, ...others] = Array.from({ length: 6 }, () => rig.openWebSocket());
  assert.ok(flooder !== undefined);
  rig.link.reaches.set('h1', FULL);
  for (const { client } of others) client.message('x');
  for (let i = 0; i < 1_024; i++) flooder.client.ping();
  assert.deepEqual(flooder.client.take(), []);
  flooder.client.ping();
  assert.deepEqual(flooder.client.take(), ['error HF_BACKEND_OVERLOADED']);
  for (const { client } of others) client.message('y');
  rig.link.ready();
  for (const { client } of others) assert.deepEqual([client.paused, client.take()], [false, []]);
  assert.equal(rig.link.routed.length, 11, 'a cancel and two messages of each other client');
});

test('with 16 MB held the sessions that hold the most end, and others continue', async (t) => {
  const rig = edgeRig(t);
  const other = rig.openWebSocket();
  const stalled = Array.from({ length: 100 }, () => {
    const opened = rig.webSocket();
    rig.link.respond(opened.id, { code: 101, credits: 200_000 }, 'h2');
    return opened;
  });
  rig.link.reaches.set('h2', FULL);
  // Ten of them hold little, the others much.
  for (const { client } of stalled.slice(0, 10)) client.message('x'.repeat(1_000));
  for (const { client } of stalled.slice(10)) client.message('x'.repeat(200_000));
  await turn();
  const ended = stalled.map(({ client }) => client.take().includes('error HF_BACKEND_OVERLOADED'));
  assert.deepEqual(ended.slice(0, 10), new Array(10).fill(false));
  const count = ended.filter(Boolean).length;
  assert.ok(count >= 20 && count <= 30, `${count} sessions have ended`);
  assert.equal(other.client.paused, false);
  assert.equal(rig.webSocket().client.paused, false, 'a new one neither');
  other.client.message('still read');
  assert.match(rig.link.take().at(-1) ?? '', /"still read"$/);
});

test('a handler that takes nothing for the session timeout loses the sessions that wait for it', (t) => {
  const rig = edgeRig(t);
  const [waiting, idle] = [rig.openWebSocket(), rig.openWebSocket()];
  rig.link.reaches.set('h1', FULL);
  waiting.client.message('x');
  for (let second = 0; second < 62; second++) {
    for (const { id } of [waiting, idle]) rig.link.respond(id, { type: 'keep-alive' });
    rig.advance(1);
  }
  assert.deepEqual(waiting.client.take(), ['error HF_BACKEND_OVERLOADED']);
  assert.equal(waiting.client.error?.detail, 'the handler has taken nothing for 60 s');
  assert.deepEqual(idle.client.take(), []);
});

test('a session whose handler does not connect within 5 seconds ends at the next byte of its client', (t) => {
  const rig = edgeRig(t);
  rig.link.reaches.set('h1', UNKNOWN);
  const [sending, taking] = [rig.openWebSocket(), rig.openWebSocket()];
  sending.client.message('x');
  rig.link.respond(taking.id, { body: 'x'.repeat(8_000) });
  rig.advance(4);
  assert.deepEqual(sending.client.take(), []);
  rig.advance(2);
  assert.deepEqual(sending.client.take(), ['error HF_BACKEND_OVERLOADED']);
  assert.equal(sending.client.error?.detail, 'the handler has not been connected for 5 s');
  // What is owed to such a handler waits for it, and ends nothing.
  rig.advance(10);
  assert.equal(taking.client.error, null);
  rig.link.routed.length = 0;
  rig.link.reaches.delete('h1');
  rig.advance(1);
  assert.deepEqual(rig.link.take(), [`h1 ${taking.id}#1 credit 8000`]);
});

test('what a session holds goes to its new handler', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  rig.link.reaches.set('h1', FULL);
  client.message('x');
  rig.link.respond(id, { type: 'keep-alive' }, 'h2');
  assert.deepEqual(rig.link.take(), [`h2 ${id}#1 data text "x"`]);
  assert.equal(client.paused, false);
  rig.link.ready();
  assert.deepEqual(rig.link.take(), []);
});

test('keep-alives do not wait for a handler that takes nothing', (t) => {
  const rig = edgeRig(t);
  const { id } = rig.openWebSocket();
  rig.link.reaches.set('h1', FULL);
  rig.advance(30);
  rig.link.respond(id, { type: 'keep-alive' });
  rig.advance(20);
  assert.deepEqual(rig.link.take(), []);
  rig.link.ready();
  rig.advance(1);
  assert.deepEqual(rig.link.take(), [`h1 ${id}#1 keep-alive`]);
});

test('keep-alives of many sessions stop when their handler takes no more', (t) => {
  const rig = edgeRig(t);
  const all = Array.from({ length: 20 }, () => rig.openWebSocket());
  rig.link.onRouted = () => {
    if (rig.link.routed.length === 5) rig.link.reaches.set('h1', FULL);
  };
  rig.advance(50);
  assert.equal(rig.link.take().length, 5);
  rig.link.onRouted = () => {};
  rig.link.ready();
  rig.advance(1);
  assert.equal(rig.link.take().length, 15);
  assert.ok(all.every(({ client }) => client.error === null));
});

test('credits for a handler that takes nothing are collected and leave in one packet', (t) => {
  const rig = edgeRig(t);
  const { id } = rig.request();
  rig.link.respond(id, { code: 200, body: 'x'.repeat(5_000), more: true });
  rig.link.take();
  rig.link.reaches.set('h1', FULL);
  rig.link.respond(id, { body: 'x'.repeat(5_000), more: true });
  rig.link.respond(id, { body: 'x'.repeat(3_000), more: true });
  rig.advance(2);
  assert.deepEqual(rig.link.take(), []);
  rig.link.ready();
  assert.deepEqual(rig.link.take(), [`h1 ${id}#2 credit 8000`]);
});

test('the close of a WebSocket reaches a handler that stalls for a while', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  rig.link.reaches.set('h1', FULL);
  client.message('last words');
  rig.link.respond(id, { type: 'close', code: 1000 });
  client.close(1000);
  assert.deepEqual(client.take(), ['close 1000']);
  rig.link.ready();
  assert.deepEqual(rig.link.take(), [`h1 ${id}#1 data text "last words"`, `h1 ${id}#2 close 1000`]);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('the bytes of a client that leaves are dropped, and the handler gets a cancel', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  rig.link.reaches.set('h1', FULL);
  client.message('x');
  client.leave();
  assert.deepEqual(rig.link.take(), [`h1 ${id}#1 cancel`]);
  rig.link.ready();
  assert.deepEqual(rig.link.take(), []);
});

test('packets for ended sessions from addresses that are not connected get no reply', (t) => {
  const rig = edgeRig(t);
  rig.link.reaches.set('made-up', UNKNOWN);
  rig.link.respond('e-0-0', { type: 'keep-alive' }, 'made-up');
  assert.deepEqual(rig.link.take(), []);
  assert.deepEqual([rig.counters.packetsUnclaimed, rig.counters.packetsUndelivered], [1, 1]);
});

test('a client is read again when its handler has gone before it was granted what the client took', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  rig.link.reaches.set('h1', FULL);
  client.message('one');
  client.responder?.onResponseCredit(8_192);
  // The handler takes one packet, and then its connection goes.
  rig.link.onRouted = () => rig.link.reaches.set('h1', UNKNOWN);
  rig.link.ready();
  assert.deepEqual(rig.link.take(), [`h1 ${id}#1 data text "one"`]);
  assert.equal(client.paused, true);
  rig.advance(7);
  assert.equal(client.paused, false);
  rig.link.onRouted = () => {};
  rig.link.ready();
  rig.advance(3);
  client.message('two');
  assert.deepEqual(rig.link.take(), [`h1 ${id}#2 credit 8192`, `h1 ${id}#3 data text "two"`]);
});

test('a client is read again when another handler takes its session over while it waits to grant credits', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  rig.link.reaches.set('h1', FULL);
  client.message('one');
  client.responder?.onResponseCredit(8_192);
  rig.link.onRouted = () => rig.link.reaches.set('h1', FULL);
  rig.link.ready();
  assert.equal(client.paused, true);
  rig.link.onRouted = () => {};
  rig.link.respond(id, { type: 'keep-alive' }, 'h2');
  assert.equal(client.paused, false);
  assert.deepEqual(rig.link.take(), [`h1 ${id}#1 data text "one"`, `h2 ${id}#2 credit 8192`]);
});

test('a session whose close has left ends, though its handler takes no more credits', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  rig.link.reaches.set('h1', FULL);
  rig.link.respond(id, { type: 'close' });
  client.responder?.onResponseCredit(8_192);
  client.close(1000, '');
  rig.link.onRouted = () => rig.link.reaches.set('h1', FULL);
  rig.link.ready();
  assert.deepEqual(rig.link.take(), [`h1 ${id}#1 close 1000`]);
  assert.equal(rig.counters.sessionsOpen, 0);
});
