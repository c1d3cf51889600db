import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { FULL, READY, RouterOutbox, UNKNOWN } from '../../../src/zhttp/router-outbox.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { ZmqRig } from '../../support/zmq/zmq-rig.ts';

/** An outbox whose peers connect when the test says so. */
async function openOutbox(t: TestContext) {
  const advance = manualClock(t);
  const zmq = new ZmqRig(t);
  const { socket } = zmq.router({ mandatory: true, sendHwm: 1 });
  const endpoint = await socket.bind(`ipc://${join(temporaryFolder(t), 'router')}`);
  const dropped: string[] = [];
  const ready: string[] = [];
  const outbox = new RouterOutbox({
    router: socket,
    wheel: zmq.wheel,
    patience: 60_000,
    onDropped: (address, packets) => dropped.push(...packets.map((packet) => `${address} ${packet}`)),
    onReady: (address) => ready.push(address),
  });
  const send = (address: string, ...packets: string[]) => {
    for (const packet of packets) outbox.route(address, Buffer.from(packet));
  };
  const peer = (name: string, count: number) => {
    const dealer = zmq.dealer({ routingId: Buffer.from(name) });
    dealer.socket.connect(endpoint);
    return zmq.connected(count).then(() => dealer.messages);
  };
  return { outbox, advance, dropped, ready, send, peer };
}

test('packets go at once to a connected peer, in order', async (t) => {
  const { send, peer } = await openOutbox(t);
  const messages = await peer('me', 2);
  send('me', 'a', 'b', 'c');
  assert.deepEqual(await messages.take(3), ['|a', '|b', '|c']);
});

test('packets wait in order for a peer that connects late', async (t) => {
  const { outbox, send, peer, dropped, ready } = await openOutbox(t);
  send('me', 'a', 'b');
  assert.equal(outbox.reach('me'), UNKNOWN);
  const messages = await peer('me', 2);
  send('me', 'c');
  assert.equal(outbox.reach('me'), FULL);
  outbox.retry();
  assert.deepEqual([ready, outbox.reach('me')], [['me'], READY]);
  send('me', 'd');
  assert.deepEqual(await messages.take(4), ['|a', '|b', '|c', '|d']);
  assert.deepEqual(dropped, []);
});

test('a peer that does not connect in time gets nothing, and others are not affected', async (t) => {
  const { outbox, send, peer, advance, dropped } = await openOutbox(t);
  send('gone', 'a', 'b');
  advance(3);
  send('late', 'c');
  advance(2);
  outbox.retry();
  assert.deepEqual(dropped, ['gone a', 'gone b']);
  const messages = await peer('late', 2);
  outbox.retry();
  assert.equal(await messages.next(), '|c');
});

test('what waits for addresses that are not connected is bounded, for each and in all', async (t) => {
  const { outbox, send, dropped } = await openOutbox(t);
  const large = 'x'.repeat(65_536 - 256);
  for (let n = 0; n < 64; n++) send(`h${n}`, large);
  send('h0', 'small', 'too much');
  assert.deepEqual(dropped, ['h0 too much']);
  for (let n = 1; n < 64; n++) send(`h${n}`, 'small');
  assert.equal(dropped.length, 1);
  send('h64', 'another');
  assert.deepEqual(dropped.slice(1), ['h64 another']);
  assert.equal(outbox.clear(), 128);
  assert.equal(dropped.length, 2);
});

test('what waited for an address no longer counts once its peer has connected', async (t) => {
  const { outbox, send, peer, dropped } = await openOutbox(t);
  for (let n = 0; n < 64; n++) send(`h${n}`, 'x'.repeat(65_536));
  const messages = await peer('h0', 2);
  outbox.retry();
  await messages.next();
  send('h64', 'fits');
  assert.deepEqual(dropped, []);
});

test('what waits for connected peers is bounded in all as well', (t) => {
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  let full = true;
  const router = { reaches: () => true, sendTo: () => !full };
  const dropped: string[] = [];
  const outbox = new RouterOutbox({ router, wheel, patience: 60_000, onDropped: (address) => dropped.push(address) });
  const packet = Buffer.alloc(1_048_576);
  for (let n = 0; n < 64; n++) outbox.route(`h${n}`, packet);
  assert.deepEqual(dropped, []);
  outbox.route('h64', Buffer.from('too much'));
  assert.deepEqual(dropped, ['h64']);
  // What the peers have taken counts no more.
  full = false;
  outbox.retry();
  full = true;
  outbox.route('h64', packet);
  assert.deepEqual([dropped.length, outbox.clear()], [1, 1]);
});
