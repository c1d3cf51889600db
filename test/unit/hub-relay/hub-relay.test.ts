import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_UNDELIVERED } from '../../../src/hub/index.ts';
import { KIND, numberPacket, valuePacket } from '../../../src/hub-relay/relay-packet.ts';
import { MAX_UNDERWAY } from '../../../src/hub-relay/worker-hub.ts';
import { turn } from '../../support/manual-clock.ts';
import { eventually } from '../../support/running-app.ts';
import { HubRelayRig, relayedItem } from './support.ts';

test('items go once to each worker that has their channel, in order, and reach all clients there', async (t) => {
  const rig = new HubRelayRig(t);
  const workers = [await rig.worker('1.'), await rig.worker('2.'), await rig.worker('3.')];
  const [one, two, three] = workers;
  const clients = [one?.stream('a'), one?.stream('a'), two?.stream('a')];
  const other = three?.stream('b');
  await rig.told();
  for (let i = 0; i < 100; i++) rig.publish(relayedItem('a', `${i},`));
  const expected = Array.from({ length: 100 }, (_, i) => `${i},`).join('');
  await eventually(() => clients.every((client) => client?.body.length === expected.length));
  for (const client of clients) assert.equal(client?.body, expected);
  assert.equal(other?.body, '');
  assert.equal(rig.main.counters.itemsPublished, 100);
});

test('a channel that a worker forgets gets no items there any more', async (t) => {
  const rig = new HubRelayRig(t);
  const worker = await rig.worker('1.');
  const heard: string[] = [];
  rig.relay.watchChannels({
    channelAdded: (name) => heard.push(`+${name}`),
    channelRemoved: (name) => heard.push(`-${name}`),
  });
  const client = worker.stream('a');
  await eventually(() => heard.length === 1);
  client.responder?.onRequestError(new Error('left') as never);
  await eventually(() => heard.length === 2);
  assert.deepEqual(heard, ['+a', '-a']);
});

test('a repeated item is dropped for all workers, and an early one waits for the one before it', async (t) => {
  const rig = new HubRelayRig(t);
  const [one, two] = [await rig.worker('1.'), await rig.worker('2.')];
  const clients = [one.stream('a'), two.stream('a')];
  await rig.told();
  const first = relayedItem('a', '1', { id: '1' });
  rig.publish(
    first,
    relayedItem('a', '3', { id: '3', prevId: '2' }),
    first,
    relayedItem('a', '2', { id: '2', prevId: '1' }),
  );
  await eventually(() => clients.every(({ body }) => body.length === 3));
  assert.deepEqual(
    clients.map(({ body }) => body),
    ['123', '123'],
  );
  assert.equal(rig.main.counters.itemsRepeated, 1);
});

test('a client whose channel is new to its worker learns that it has missed an item', async (t) => {
  const rig = new HubRelayRig(t);
  const [one, two] = [await rig.worker('1.'), await rig.worker('2.')];
  const stream = one.stream('a');
  await rig.told();
  rig.publish(relayedItem('a', 'x', { id: '2', prevId: '1' }));
  await eventually(() => stream.body === 'x');
  two.poll('a', '1');
  two.poll('a', '1');
  two.poll('a', '2');
  await eventually(() => two.replays === 2);
  rig.publish(relayedItem('a', 'y', { id: '3', prevId: '2' }));
  await eventually(() => stream.body === 'xy');
  assert.equal(two.replays, 2);
});

test('a worker that ends leaves the last ids to those who come back to another one', async (t) => {
  const rig = new HubRelayRig(t);
  const [one, two] = [await rig.worker('1.'), await rig.worker('2.')];
  const stream = one.stream('a');
  await rig.told();
  rig.publish(relayedItem('a', 'x', { id: '2' }));
  await eventually(() => stream.body === 'x');
  await one.end();
  assert.equal(rig.relay.channels, 0);
  rig.publish(relayedItem('a', 'y', { id: '3', prevId: '2' }));
  await rig.told();
  two.poll('a', '2');
  await eventually(() => two.replays === 1);
});

test('questions are answered by all workers, and not by those that end', async (t) => {
  const rig = new HubRelayRig(t);
  const [one, two] = [await rig.worker('1.'), await rig.worker('2.')];
  one.stream('a');
  one.stream('a');
  two.stream('a');
  await rig.told();
  const counts = await new Promise((resolve) => {
    rig.relay.countReceivers([relayedItem('a', ''), relayedItem('b', '')], resolve);
  });
  assert.deepEqual(counts, [3, 0]);
  await rig.fake('3.');
  const asked = [
    new Promise((resolve) => rig.relay.findHeld(new Set(['c1-1', 'c9-1']), resolve)),
    new Promise((resolve) => rig.relay.refresh('c1-1', resolve)),
  ];
  rig.relay.remove('3.');
  assert.deepEqual(await Promise.all(asked), [['c1-1', 'c1-1'], false]);
});

test('a worker that is about to end gets no further items, and none count as dropped', async (t) => {
  const rig = new HubRelayRig(t);
  const worker = await rig.worker('1.');
  worker.stream('a');
  await eventually(() => rig.relay.router.hubsOf('a').length === 1);
  await worker.close();
  await eventually(() => rig.relay.router.hubsOf('a').length === 0);
  rig.publish(relayedItem('a', 'x'));
  await turn();
  assert.equal(rig.main.counters.itemsUndelivered, 0);
});

test('publishers wait for a worker that takes nothing, up to a second; then items are dropped for it alone', async (t) => {
  const rig = new HubRelayRig(t);
  const worker = await rig.worker('1.');
  const stalled = await rig.fake('2.');
  const client = worker.stream('a');
  client.credits = Number.MAX_SAFE_INTEGER;
  stalled.send(valuePacket(KIND.channels, ['+a', '+b']));
  await eventually(() => rig.relay.channels === 2);
  const large = relayedItem('b', 'x'.repeat(1_048_576));
  const batch = Array.from({ length: MAX_UNDELIVERED / 2_097_152 + 1 }, () => large);
  let turns = 0;
  const publication = {
    bytes: 1,
    onTurn: () => {
      turns++;
      return true;
    },
    onFault: (thrown: unknown) => assert.fail(thrown as Error),
  };
  rig.publish(...batch);
  await eventually(() => stalled.packets.some((packet) => packet[0] === KIND.items));
  rig.relay.requestTurn(publication);
  assert.equal(turns, 0);
  await eventually(() => turns === 1);
  assert.equal(rig.main.log.with('worker takes no items: publishers no longer wait for it').length, 1);
  // Half of the content is in each of the two formats.
  for (let sent = 0; sent <= MAX_UNDERWAY; sent += 2_097_152) rig.publish(large);
  rig.publish(relayedItem('a', 'still here'));
  await eventually(() => client.body === 'still here');
  for (let sent = 0; sent <= MAX_UNDERWAY; sent += 16_777_216) {
    rig.publish(...Array.from({ length: 8 }, () => large));
    await eventually(() => rig.relay.publishers === 0);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually(() => rig.main.counters.itemsUndelivered > 0);
  assert.ok(rig.main.log.with('worker takes too few items, items dropped').length > 0);
  // It takes items again, and hears that it has missed some.
  stalled.send(numberPacket(KIND.taken, 0x7fffffff));
  await eventually(() => stalled.packets.some((packet) => packet[0] === KIND.missed));
});

test('a worker that could not tell of a channel has its clients recover what they have missed', async (t) => {
  const rig = new HubRelayRig(t);
  const worker = await rig.fallenBehind('1.');
  worker.poll('a', '1');
  const stream = worker.stream('a');
  rig.publish(relayedItem('a', 'missed', { id: '2', prevId: '1' }));
  await eventually(() => rig.relay.channels === 1);
  await eventually(() => worker.replays === 1);
  rig.publish(relayedItem('a', 'x', { id: '3', prevId: '2' }));
  await eventually(() => stream.body === 'x');
});

test('a malformed packet is a fault that is counted, and nothing else', async (t) => {
  const rig = new HubRelayRig(t);
  const worker = await rig.worker('1.');
  const broken = await rig.fake('2.');
  const client = worker.stream('a');
  const packets = [
    valuePacket(KIND.channels, { a: 1 }),
    Buffer.from('cnot JSON'),
    Buffer.from('?'),
    Buffer.of(KIND.taken, 1),
    Buffer.from('a'),
  ];
  for (const packet of packets) broken.send(packet);
  await eventually(() => rig.main.counters.faults === packets.length);
  await eventually(() => rig.relay.channels === 1);
  rig.publish(relayedItem('a', 'goes on'));
  await eventually(() => client.body === 'goes on');
});
