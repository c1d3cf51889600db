import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RouterOutbox } from '../../../src/zhttp/router-outbox.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { ZmqRig } from '../../support/zmq/zmq-rig.ts';

/** An outbox whose peers connect when the test says so. */
async function openOutbox(t: TestContext, bounds: { maxWaiting?: number; maxPeers?: number } = {}) {
  const advance = manualClock(t);
  const zmq = new ZmqRig(t);
  const { socket } = zmq.router({ mandatory: true, sendHwm: 1 });
  const endpoint = await socket.bind(`ipc://${join(temporaryFolder(t), 'router')}`);
  const dropped: string[] = [];
  const outbox = new RouterOutbox({
    router: socket,
    wheel: zmq.wheel,
    patience: 60_000,
    onDropped: (address, packets) => dropped.push(...packets.map((packet) => `${address} ${packet}`)),
    ...bounds,
  });
  const send = (address: string, ...packets: string[]) => {
    for (const packet of packets) outbox.route(address, Buffer.from(packet));
  };
  const peer = (name: string, count: number) => {
    const dealer = zmq.dealer({ routingId: Buffer.from(name) });
    dealer.socket.connect(endpoint);
    return zmq.connected(count).then(() => dealer.messages);
  };
  return { outbox, advance, dropped, send, peer };
}

test('packets go at once to a peer that is there, in their order', async (t) => {
  const { send, peer } = await openOutbox(t);
  const messages = await peer('me', 2);
  send('me', 'a', 'b', 'c');
  assert.deepEqual(await messages.take(3), ['|a', '|b', '|c']);
});

test('packets wait for a peer that comes late, and later ones behind them', async (t) => {
  const { outbox, send, peer, dropped } = await openOutbox(t);
  send('me', 'a', 'b');
  const messages = await peer('me', 2);
  send('me', 'c');
  outbox.retry();
  send('me', 'd');
  assert.deepEqual(await messages.take(4), ['|a', '|b', '|c', '|d']);
  assert.deepEqual(dropped, []);
});

test('a peer that does not come in time gets nothing, and the others are not concerned', async (t) => {
  const { outbox, send, peer, advance, dropped } = await openOutbox(t);
  send('gone', 'a', 'b');
  advance(30);
  send('late', 'c');
  advance(31);
  outbox.retry();
  assert.deepEqual(dropped, ['gone a', 'gone b']);
  const messages = await peer('late', 2);
  outbox.retry();
  assert.equal(await messages.next(), '|c');
});

test('what waits for one peer is bounded, and for how many', async (t) => {
  const { outbox, send, dropped } = await openOutbox(t, { maxWaiting: 2, maxPeers: 2 });
  send('one', 'a', 'b', 'c');
  send('two', 'd');
  send('three', 'e');
  assert.deepEqual(dropped, ['one c', 'three e']);
  assert.equal(outbox.clear(), 3);
  assert.deepEqual(dropped, ['one c', 'three e']);
});
