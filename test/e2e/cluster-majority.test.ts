import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { dataOf, got, startKeeping, THREE_ITEMS } from '../support/history/kept-channels.ts';
import { startNatsCluster } from '../support/nats.ts';

test('where most servers of the broker are away publishers are refused, and clients get all once they are back', async (t) => {
  const brokers = await startNatsCluster(t);
  if (brokers === null) return;
  const urls = JSON.stringify(brokers.map(({ url }) => url));
  const node = await startKeeping(t, `[cluster]\nnats = ${urls}\nreplicas = 3\n${THREE_ITEMS}`);
  const client = await node.stream('a');
  await got(client, 'id: ');
  // One that is refused may be kept later: with its id the next try is the same item.
  const publish = async (text: string): Promise<number> =>
    (await node.app.post([{ channel: 'a', id: text, formats: { 'http-stream': { content: `data: ${text}\n\n` } } }]))
      .status;
  assert.equal(await publish('1'), 200);
  await got(client, 'data: 1');
  const away = brokers.slice(0, 2);
  await Promise.all(away.map((broker) => broker.kill()));
  // It has its answer when it is known that the broker keeps nothing. It may be kept later.
  while ((await publish('perhaps')) !== 503) await setTimeout(50);
  assert.match(JSON.stringify(await node.control.send('GET', '/readyz')), /degraded[^a-z]+the broker/);
  await Promise.all(away.map((broker) => broker.start()));
  while ((await publish('2')) !== 200) await setTimeout(50);
  await node.app.log.until('broker keeps items again');
  await got(client, 'data: 2');
  const items = dataOf(client.text).filter((text) => text !== 'perhaps');
  assert.deepEqual(items, ['1', '2']);
  assert.doesNotMatch(client.text, /gap/);
});
