import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CuttingRelay } from '../support/cutting-relay.ts';
import { cursorIn, dataOf, got, type KeepingRig, startKeeping } from '../support/history/kept-channels.ts';
import { startNats } from '../support/nats.ts';
import { eventually } from '../support/running-app.ts';

const AWAY = 'broker is away: clients stay';

const RULES = '[[channel]]\nmatch = "kept"\nhistory_items = 1000\n';

function clusterOf(url: string): string {
  return `[cluster]\nnats = ["${url}"]\n${RULES}`;
}

/** Publishers that wait for their turn. */
async function waitingAt({ app }: KeepingRig): Promise<number> {
  const metrics = await fetch(`http://${app.app.addresses.control[0]}/metrics`);
  return Number(/^holdfast_publishers_waiting (\d+)$/m.exec(await metrics.text())?.[1]);
}

test('publishers wait while the broker stalls for a moment, and no item is lost', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await startKeeping(t, clusterOf(nats.url));
  const b = await startKeeping(t, clusterOf(nats.url), a.target);
  const client = await b.stream('kept');
  await got(client, 'id: ');
  // More than may wait for the broker, and not much more: after 3 s publishers would be refused.
  const texts = Array.from({ length: 12 }, (_, index) => String(index).padEnd(500_000, '.'));
  await nats.stop();
  const posts = texts.map((text) => a.publish('kept', text));
  // What is kept is answered once it is stored.
  const first = await Promise.race([...posts, a.stream('other').then(() => 'served')]);
  assert.equal(first, 'served', 'requests go on');
  // The first ones are stored in the end, and the others have to wait for their turn until then, though no client of their node gets anything.
  while ((await Promise.race([waitingAt(a), ...posts])) === 0);
  nats.resume();
  await Promise.all(posts);
  await eventually(() => dataOf(client.text).length === texts.length);
  assert.deepEqual(dataOf(client.text).sort(), texts.toSorted());
  assert.equal(a.app.app.counters.cluster.itemsUnsent, 0);
});

test('a node that is cut off as a slow consumer catches up: its clients get all items in order', async (t) => {
  // Three times as much as the node asks for at a time: with less it would be cut off again when it reads what it has missed.
  const nats = await startNats(t, { config: 'max_pending: 6000000\n' });
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
    const texts = [0, 1, 2, 3].map((index) => String(published.length + index).padEnd(200_000, '.'));
    await a.publish('kept', ...texts);
    published.push(...texts);
    // Otherwise it would not be cut off any more.
    assert.deepEqual(slow.app.log.with(AWAY), [], 'the broker cuts it off before it finds out that nothing comes');
  }
  relay.goOn();
  await slow.app.log.until('broker is back');
  await a.publish('kept', 'end');
  await got(client, 'data: end');
  assert.deepEqual(dataOf(client.text), [...published, 'end']);
});
