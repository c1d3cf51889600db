import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Client } from '../support/client.ts';
import { dataOf, got } from '../support/history/kept-channels.ts';
import { runServer } from '../support/holdfast.ts';
import { httpOrigin } from '../support/http-origin.ts';
import { portOf } from '../support/port-of.ts';

/** The built program with a channel that is kept, and an origin that knows the item which the query says (`id`). */
async function started(t: TestContext, workers: number) {
  const origin = await httpOrigin(t, ({ target }) => {
    const query = new URL(target, 'http://x').searchParams;
    const mode = query.get('h') ?? 'stream';
    const type = mode === 'stream' ? 'text/event-stream' : 'text/plain';
    const headers = {
      'Content-Type': type,
      'Grip-Hold': mode,
      'Grip-Channel': `a; prev-id=${query.get('id')}`,
      ...(mode === 'stream' && { 'Grip-Link': '</next>; rel=next' }),
    };
    return { headers, body: mode === 'stream' ? 'data: hello\n\n' : 'nothing new' };
  });
  const toml = `[[channel]]\nmatch = "a"\nhistory_items = 10\n[server]\nworkers = ${workers}`;
  const { clients, controlUrl } = await runServer(t, ['--route', `* ${origin.target}`], toml);
  const publish = async (...ids: readonly number[]): Promise<void> => {
    const items = ids.map((id) => ({
      channel: 'a',
      id: String(id),
      'prev-id': String(id - 1),
      formats: { 'http-stream': { content: `data: ${id}\n\n` }, 'http-response': { body: `item ${id}` } },
    }));
    const response = await fetch(`${controlUrl}/publish/`, { method: 'POST', body: JSON.stringify({ items }) });
    assert.equal(response.status, 200);
  };
  return { origin, client: new Client(t, portOf(clients[0] ?? '')), publish };
}

for (const workers of [1, 2]) {
  const processes = workers === 1 ? 'one process' : `${workers} workers`;
  test(`what came after the item that the origin knows is sent from the log, without another request (${processes})`, async (t) => {
    const { origin, client, publish } = await started(t, workers);
    await publish(1);
    await publish(2, 3);

    const poll = await client.send({ path: '/?h=response&id=1' });
    assert.equal(poll.text, 'item 2');

    const stream = await client.stream({ path: '/?id=1' });
    await got(stream, 'data: 3');
    await publish(4);
    await got(stream, 'data: 4');
    assert.deepEqual(dataOf(stream.text), ['hello', '2', '3', '4']);

    assert.deepEqual(
      origin.requests.map(({ target }) => target),
      ['/?h=response&id=1', '/?id=1'],
    );
  });
}

test('an item that the log does not know makes the origin be asked again', async (t) => {
  const { origin, client, publish } = await started(t, 1);
  const holder = await client.stream({ path: '/?id=0' });
  await publish(1);
  await got(holder, 'data: 1');
  await client.stream({ path: '/?id=unknown' });
  const asked = await origin.request(3);
  assert.deepEqual([asked.target, asked.header('grip-last')], ['/next', 'a; last-id=unknown']);
});
