import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { cursorIn, dataOf, got, type KeepingRig, startKeeping, THREE_ITEMS } from '../support/history/kept-channels.ts';
import { startNats } from '../support/nats.ts';
import { eventually } from '../support/running-app.ts';

/** Two nodes on one broker. */
async function twoNodes(t: TestContext, sections = '', second = sections) {
  const nats = await startNats(t);
  if (nats === null) return null;
  const cluster = `[cluster]\nnats = ["${nats.url}"]\n`;
  const a = await startKeeping(t, cluster + sections);
  const b = await startKeeping(t, cluster + second, a.target);
  return { nats, a, b, cluster };
}

/** Publishes at a node until a client of another one has got something: the broker has the subscription then. */
async function warm(publisher: KeepingRig, client: { readonly text: string }, channel: string): Promise<void> {
  while (!client.text.includes('data: warm')) await publisher.publish(channel, 'warm');
}

test('what is published at one node reaches the clients of both, once and in order', async (t) => {
  const rig = await twoNodes(t);
  if (rig === null) return;
  const { a, b } = rig;
  const clients = [await a.stream('news'), await b.stream('news')] as const;
  await warm(a, clients[1], 'news');
  const numbers = Array.from({ length: 200 }, (_, number) => String(number));
  for (const number of numbers) await a.publish('news', number);
  for (const client of clients) {
    await got(client, 'data: 199\n');
    assert.deepEqual(
      dataOf(client.text).filter((text) => text !== 'warm'),
      numbers,
    );
  }
});

test('a client that comes back to the other node gets what it has missed, and then what comes', async (t) => {
  const rig = await twoNodes(t, THREE_ITEMS);
  if (rig === null) return;
  const { a, b } = rig;
  const client = await a.stream('a');
  await got(client, 'id: ');
  await b.publish('a', '1');
  const cursor = cursorIn(await got(client, 'data: 1'));
  client.request.destroy();
  await a.publish('a', '2');
  await b.publish('a', '3');
  const again = await b.stream('a', cursor);
  await got(again, 'data: 3');
  await a.publish('a', '4');
  await got(again, 'data: 4');
  assert.deepEqual(dataOf(again.text), ['2', '3', '4']);
});

test('clients of both nodes get the items of both in the same order, with the same cursors', async (t) => {
  const rig = await twoNodes(t, '[[channel]]\nmatch = ">"\nhistory_items = 1000\n');
  if (rig === null) return;
  const { a, b } = rig;
  const clients = [await a.stream('a'), await b.stream('a')] as const;
  for (const client of clients) await got(client, 'id: ');
  await Promise.all(
    [a, b].map(async (rig, node) => {
      for (let i = 0; i < 50; i++) await rig.publish('a', `${node}-${i}`);
    }),
  );
  for (const client of clients) await eventually(() => dataOf(client.text).length === 100);
  assert.equal(
    clients[0].text.slice(clients[0].text.indexOf('data')),
    clients[1].text.slice(clients[1].text.indexOf('data')),
  );
});

test('a client that has missed more than is kept is told so at the other node', async (t) => {
  const rig = await twoNodes(t, THREE_ITEMS);
  if (rig === null) return;
  const { a, b } = rig;
  const cursor = cursorIn(await got(await a.stream('a'), 'id: '));
  await a.publish('a', '1', '2', '3', '4');
  const again = await b.stream('a', cursor);
  await got(again, 'event: gap');
  await b.publish('a', '5');
  await got(again, 'data: 5');
  assert.deepEqual(dataOf(again.text), ['{"channels":["a"]}', '5']);
});

test('an item with an id that was published at the other node already is dropped', async (t) => {
  const rig = await twoNodes(t, '[[channel]]\nmatch = "kept.>"\nhistory_items = 10\n');
  if (rig === null) return;
  const { a, b } = rig;
  const clients = [await a.stream('kept.a,other'), await b.stream('kept.a,other')] as const;
  await warm(a, clients[1], 'other');
  await warm(b, clients[0], 'other');
  for (const rig of [a, b]) {
    for (const channel of ['kept.a', 'other']) {
      await rig.app.publish({ channel, id: 'x', formats: { 'http-stream': { content: `data: ${channel}-x\n\n` } } });
    }
    await rig.publish('other', 'end');
  }
  for (const client of clients) {
    await eventually(() => dataOf(client.text).filter((text) => text === 'end').length === 2);
    await got(client, 'kept.a-x');
    for (const channel of ['kept.a', 'other']) {
      assert.equal(dataOf(client.text).filter((text) => text === `${channel}-x`).length, 1, client.text);
    }
  }
});

test('while the broker is away clients stay and publishers are refused; then clients get what they have missed', async (t) => {
  const rig = await twoNodes(t, THREE_ITEMS);
  if (rig === null) return;
  const { nats, a, b } = rig;
  const client = await a.stream('a');
  await got(client, 'id: ');
  await b.publish('a', '1');
  await got(client, 'data: 1');
  await nats.kill();
  const publish = async (text: string): Promise<number> =>
    (await b.app.post([{ channel: 'a', formats: { 'http-stream': { content: `data: ${text}\n\n` } } }])).status;
  while ((await publish('2')) !== 503) await setTimeout(10);
  // The control API tells what the node knows.
  const channel = (await a.control.send('GET', '/channels/a')).json;
  assert.equal((await b.control.send('GET', '/channels/a')).status, 503);
  assert.deepEqual([channel.name, channel.history], ['a', undefined]);
  assert.equal((await b.control.send('GET', '/channels/a/history')).status, 503);
  await nats.start();
  while ((await publish('3')) !== 200) await setTimeout(10);
  await got(client, 'data: 3');
  assert.deepEqual(dataOf(client.text), ['1', '3']);
});

test('a publisher is not told that an item is published before it is stored', async (t) => {
  const rig = await twoNodes(t, '[[channel]]\nmatch = "kept"\nhistory_items = 10\n');
  if (rig === null) return;
  const { nats, a } = rig;
  const post = (channel: string) => a.app.post([{ channel, formats: { 'http-stream': { content: 'data: 1\n\n' } } }]);
  assert.equal((await post('kept')).status, 200);
  await nats.stop();
  assert.equal((await post('other')).status, 200);
  const answer = post('kept');
  await eventually(() => a.app.counters.itemsPublished === 3);
  await nats.kill();
  assert.equal((await answer).status, 503);
});
