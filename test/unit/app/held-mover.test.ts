import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { HandOverRig } from '../../support/hand-over-rig.ts';
import { httpOrigin } from '../../support/http-origin.ts';
import { turn } from '../../support/manual-clock.ts';
import { MovingRig } from '../../support/moving-rig.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { eventually } from '../../support/running-app.ts';

const STREAMS = 150;

function item(number: number): object {
  return { channel: 'a', id: String(number), formats: { 'http-stream': { content: `<${number}>` } } };
}

async function streams(rig: MovingRig, count = STREAMS): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let i = 0; i < count; i++) {
    const client = await rig.connect();
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    clients.push(client);
  }
  await Promise.all(clients.map((client) => client.takeHead()));
  return clients;
}

/** The numbers of the items that a client has got. */
function numbersOf({ text }: RawClient): number[] {
  return Array.from(text.matchAll(/<(\d+)>/g), ([, number]) => Number(number));
}

async function rigOf(t: TestContext): Promise<MovingRig> {
  const origin = await httpOrigin(t, () => ({ headers: { 'Grip-Hold': 'stream', 'Grip-Channel': 'a' } }));
  return MovingRig.start(t, [`* ${origin.target}`]);
}

async function assertAllGot(clients: readonly RawClient[], count: number): Promise<void> {
  await eventually(() => clients.every(({ text }) => text.includes(`<${count}>`)));
  const expected = Array.from({ length: count }, (_, i) => i + 1);
  for (const client of clients) assert.deepEqual(numbersOf(client), expected);
}

test('clients that move while items are published in both processes get each item once, in order', async (t) => {
  const rig = await rigOf(t);
  const clients = await streams(rig);
  const over = await HandOverRig.start(t, rig);
  let published = 0;
  let done = false;
  const publish = async (): Promise<void> => {
    while (!done) {
      over.publish(over.oldPublishing, item(++published));
      // A publisher of the new process has an order of its own.
      over.publish(over.nextPublishing, { channel: 'a', formats: { 'http-stream': { content: `(${published})` } } });
      await turn();
    }
  };
  const publisher = publish();
  await over.mover.giveOver();
  assert.equal(rig.old.role.connections.length, 0);
  assert.equal(rig.next.counters.connectionsMovedIn, STREAMS);
  assert.equal(rig.next.counters.holdsOpen, STREAMS);
  assert.ok(over.batches >= 3);
  for (let i = 0; i < 20; i++) await turn();
  done = true;
  await publisher;
  await assertAllGot(clients, published);
  const last = `(${published})`;
  await eventually(() => clients.every(({ text }) => text.includes(last)));
  const expected = Array.from({ length: published }, (_, i) => i + 1);
  for (const { text } of clients) {
    assert.deepEqual(
      Array.from(text.matchAll(/\((\d+)\)/g), ([, number]) => Number(number)),
      expected,
    );
  }
  over.publish(over.nextPublishing, item(++published));
  await assertAllGot(clients, published);
});

test('items that both processes take before and after the swap reach the clients that stay, and those that came', async (t) => {
  const rig = await rigOf(t);
  const over = await HandOverRig.start(t, rig);
  const old = await streams(rig, 2);
  // They have a request under way, as far as the mover can tell.
  over.tamper = (message, pass) => {
    if (message.kind !== 'taken') pass();
    else over.mover.onMessage({ ...message, refused: ['1', '2'] });
  };
  over.publish(over.nextPublishing, item(1));
  await assertAllGot(old, 1);
  over.publish(over.oldPublishing, item(2));
  await assertAllGot(old, 2);
  const giving = over.mover.giveOver();
  await eventually(() => over.batches === 1);
  over.tamper = (_, pass) => pass();
  await giving;
  over.publish(over.oldPublishing, item(3));
  await assertAllGot(old, 3);
  over.publish(over.nextPublishing, item(4));
  await assertAllGot(old, 4);
  // Seen ids have moved too.
  over.publish(over.nextPublishing, item(3));
  over.publish(over.oldPublishing, item(5));
  await assertAllGot(old, 5);
});

test('clients of a batch that the new process never takes go on in the old one, and miss nothing', async (t) => {
  const rig = await rigOf(t);
  const clients = await streams(rig, 10);
  const over = await HandOverRig.start(t, rig);
  over.publish(over.oldPublishing, item(1));
  await assertAllGot(clients, 1);
  over.tamper = (message, pass) => {
    if (message.kind !== 'taken') pass();
  };
  void over.mover.giveOver();
  await eventually(() => over.batches === 1);
  over.publish(over.oldPublishing, item(2));
  for (let i = 0; i < 10; i++) await turn();
  over.mover.takeBack();
  over.publish(over.oldPublishing, item(3));
  await assertAllGot(clients, 3);
  assert.equal(rig.old.role.connections.length, 10);
  assert.equal(rig.next.counters.connectionsMovedIn, 0);
});

test('the new process goes on alone when the old one ends', async (t) => {
  const rig = await rigOf(t);
  const clients = await streams(rig, 10);
  const over = await HandOverRig.start(t, rig);
  over.publish(over.oldPublishing, item(1));
  await over.mover.giveOver();
  over.receiver.onOldProcessEnded();
  over.publish(over.nextPublishing, item(2));
  over.publish(over.nextPublishing, item(1));
  over.publish(over.nextPublishing, item(3));
  await assertAllGot(clients, 3);
  assert.equal(over.nextPublishing.current, rig.next.role.hub);
});

test('a client that leaves while it moves leaves nothing behind', async (t) => {
  const rig = await rigOf(t);
  const [leaving, staying] = (await streams(rig, 2)) as [RawClient, RawClient];
  const over = await HandOverRig.start(t, rig);
  over.tamper = (message, pass) => {
    if (message.kind === 'taken') leaving.reset();
    pass();
  };
  await over.mover.giveOver();
  over.publish(over.nextPublishing, item(1));
  over.publish(over.nextPublishing, item(2));
  await assertAllGot([staying], 2);
  await eventually(() => rig.next.counters.connectionsOpen === 1 && rig.next.counters.holdsOpen === 1);
  assert.equal(rig.old.counters.connectionsOpen, 0);
});

/** An item that is to come after another one. */
function linked(number: number): object {
  return { ...item(number), 'prev-id': String(number - 1) };
}

test('items that come while the order of the items moves wait for it', async (t) => {
  const rig = await rigOf(t);
  const clients = await streams(rig, 2);
  const over = await HandOverRig.start(t, rig);
  // What is known of so many ids moves in several turns, the last ones last.
  for (let i = 0; i < 6_000; i++)
    over.publish(over.oldPublishing, { channel: 'b', id: `${i}`, formats: { 'http-stream': { content: '' } } });
  over.publish(over.oldPublishing, item(1));
  await assertAllGot(clients, 1);
  let published = 1;
  let held = false;
  let swapped = false;
  over.tamper = (message, pass) => {
    if (message.kind === 'hold') held = true;
    if (message.kind === 'swapped') swapped = true;
    pass();
  };
  const giving = over.mover.giveOver();
  while (!swapped) {
    if (held) {
      over.publish(over.oldPublishing, item(1));
      over.publish(over.oldPublishing, linked(++published));
    }
    await turn();
  }
  await giving;
  over.publish(over.oldPublishing, linked(++published));
  await assertAllGot(clients, published);
});

test('a new process that never says that it orders the items leaves the old one with all that it had', async (t) => {
  const rig = await rigOf(t);
  const over = await HandOverRig.start(t, rig);
  let hold: (() => void) | null = null;
  let asked = false;
  over.tamper = (message, pass) => {
    if (message.kind === 'hold') hold = pass;
    else if (message.kind === 'swapped') asked = true;
    else pass();
  };
  void over.mover.giveOver();
  await eventually(() => hold !== null);
  // They have come too late to move.
  const clients = await streams(rig, 2);
  over.publish(over.oldPublishing, item(1));
  await assertAllGot(clients, 1);
  // One that waits for the item before it.
  over.publish(over.oldPublishing, linked(3));
  (hold as (() => void) | null)?.();
  await eventually(() => asked);
  // Its publisher waits for whoever orders the items.
  over.publish(over.oldPublishing, linked(4));
  over.mover.takeBack();
  over.publish(over.oldPublishing, item(1));
  over.publish(over.oldPublishing, linked(2));
  await assertAllGot(clients, 4);
  assert.equal(over.oldPublishing.current, rig.old.role.hub);
});
