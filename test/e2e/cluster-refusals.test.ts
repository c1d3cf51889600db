import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { got, startKeeping } from '../support/history/kept-channels.ts';
import { startNats } from '../support/nats.ts';

const MAX_PAYLOAD = 100_000;

async function startNode(t: TestContext) {
  const nats = await startNats(t, { config: `max_payload: ${MAX_PAYLOAD}\n` });
  if (nats === null) return null;
  return startKeeping(t, `[cluster]\nnats = ["${nats.url}"]\n[[channel]]\nmatch = "kept"\nhistory_items = 10\n`);
}

test('an item that is larger than the broker takes is refused with 413, and nothing of its request is published', async (t) => {
  const node = await startNode(t);
  if (node === null) return;
  for (const channel of ['kept', 'other']) {
    const client = await node.stream(channel);
    const item = (content: string, more: object = {}) => ({
      channel,
      formats: { 'http-stream': { content } },
      ...more,
    });
    const large = [
      item('x'.repeat(MAX_PAYLOAD - 500)),
      item('x', { meta: { a: '\u0001'.repeat(MAX_PAYLOAD / 6) } }),
      { channel, formats: { 'http-response': { headers: [['a', 'x'.repeat(60_000)]], body: 'x'.repeat(60_000) } } },
    ];
    for (const each of large) {
      const { status, body } = await node.app.post([item('data: no\n\n'), each]);
      assert.equal(status, 413);
      const text = `The item for ${channel} is too large: the broker of the cluster takes ${MAX_PAYLOAD} bytes (max_payload).`;
      assert.equal(String(body), `${text}\n`);
    }
    const most = 'x'.repeat(MAX_PAYLOAD - 1_000);
    await node.app.publish(item(`data: ${most}\n\n`));
    await got(client, most);
    assert.ok(!client.text.includes('data: no'));
  }
  const { itemsTooLarge, itemsUnsent } = node.app.app.counters.cluster;
  assert.deepEqual([itemsTooLarge, itemsUnsent], [6, 0]);
});

test('a name that has no subject is refused with 400; clients of it are counted and logged', async (t) => {
  const node = await startNode(t);
  if (node === null) return;
  const names = ['x'.repeat(1_001), 'é'.repeat(167), '\ud800'];
  for (const channel of names) {
    const { status, body } = await node.app.post([{ channel, formats: { 'http-stream': { content: 'x' } } }]);
    assert.equal(status, 400);
    assert.match(
      String(body),
      /the name of a channel cannot be used: in a cluster it has to be Unicode, and at most 1000 bytes as a/,
    );
  }
  const { cluster } = node.app.app.counters;
  assert.equal(cluster.itemsRefused, names.length);
  await node.stream('x'.repeat(1_001));
  await node.app.log.until('name of a channel cannot be used in the cluster');
  assert.equal(cluster.channelsRefused, 1);
  await node.app.publish({ channel: 'x'.repeat(1_000), formats: { 'http-stream': { content: 'x' } } });
});
