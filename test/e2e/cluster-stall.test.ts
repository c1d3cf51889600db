import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CuttingRelay } from '../support/cutting-relay.ts';
import { cursorIn, dataOf, got, startKeeping } from '../support/history/kept-channels.ts';
import { startNats } from '../support/nats.ts';
import { eventually } from '../support/running-app.ts';

const RULES = '[[channel]]\nmatch = "kept"\nhistory_items = 1000\n';

function clusterOf(url: string): string {
  return `[cluster]\nnats = ["${url}"]\n${RULES}`;
}

test('publishers wait while the broker stalls for a moment, and no item is lost', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await startKeeping(t, clusterOf(nats.url));
  const b = await startKeeping(t, clusterOf(nats.url), a.target);
  const client = await b.stream('kept');
  await got(client, 'id: ');
  await nats.stop();
  const texts = Array.from({ length: 24 }, (_, index) => String(index).padEnd(500_000, '.'));
  const posts = texts.map((text) => a.publish('kept', text));
  // What is kept is answered once it is stored.
  const first = await Promise.race([...posts, a.stream('other').then(() => 'served')]);
  assert.equal(first, 'served', 'requests go on');
  nats.resume();
  await Promise.all(posts);
  await eventually(() => dataOf(client.text).length === texts.length);
  assert.deepEqual(dataOf(client.text).sort(), texts.toSorted());
  assert.equal(a.app.app.counters.cluster.itemsUnsent, 0);
});

test('a node that is cut off as a slow consumer catches up: its clients get all items in order', async (t) => {
  const nats = await startNats(t, { config: 'max_pending: 1100000\n' });
  if (nats === null) return;
  const relay = await CuttingRelay.start(t, nats.url.slice('nats://'.length));
  const a = await startKeeping(t, clusterOf(nats.url));
  const slow = await startKeeping(t, clusterOf(relay.url.replace('http', 'nats')), a.target);
  const client = await slow.stream('kept');
  cursorIn(await got(client, 'id: '));
  relay.stall();
  const published: string[] = [];
  let isCut = false;
  void nats.logged(/Slow Consumer Detected/).then(() => {
    isCut = true;
  });
  while (!isCut) {
    const text = String(published.length).padEnd(200_000, '.');
    await a.publish('kept', text);
    published.push(text);
  }
  relay.goOn();
  await slow.app.log.until('broker is back');
  await a.publish('kept', 'end');
  await got(client, 'data: end');
  assert.deepEqual(dataOf(client.text), [...published, 'end']);
});
