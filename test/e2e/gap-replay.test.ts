import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Client, type StreamedResponse } from '../support/client.ts';
import { cursorIn, dataOf, got } from '../support/history/kept-channels.ts';
import { runServer } from '../support/holdfast.ts';
import { httpOrigin, type Origin } from '../support/http-origin.ts';
import { startOrigin } from '../support/origin.ts';
import { portOf } from '../support/port-of.ts';
import { eventually } from '../support/running-app.ts';

const CLIENTS = 1_000;

/** Requests that are sent again to one origin at the same time (`REPLAYS_AT_ONCE`). */
const AT_ONCE = 64;

const HELD = { 'Content-Type': 'text/event-stream', 'Grip-Hold': 'stream', 'Grip-Channel': 'a' };

interface Rig {
  readonly origin: Origin;
  readonly client: Client;
  stream(id: string | null, query?: string): Promise<StreamedResponse>;
  publish(...texts: readonly string[]): Promise<void>;
}

/** The built program, with channels of three items whose gaps are asked of the origin. The initial body says which request it is of. */
async function started(t: TestContext, workers: number, target?: string): Promise<Rig> {
  const origin = await httpOrigin(t, ({ target }, earlier) => {
    const mode = new URL(target, 'http://x').searchParams.get('h') ?? 'stream';
    const type = mode === 'stream' ? 'text/event-stream' : 'text/plain';
    const headers = { ...HELD, 'Content-Type': type, 'Grip-Hold': mode };
    return { headers, body: mode === 'stream' ? `data: state ${earlier}\n\n` : `state ${earlier}` };
  });
  const toml = `[server]
workers = ${workers}
[[channel]]
match = ">"
history_items = 3
on_gap = "replay"
[[route]]
host = "*"
prefix = "p."
targets = ["${target ?? origin.target}"]
`;
  const { clients, controlUrl } = await runServer(t, [], toml);
  const client = new Client(t, portOf(clients[0] ?? ''));
  return {
    origin,
    client,
    stream: (id, query = '') =>
      client.stream({ path: `/x${query}`, headers: id === null ? {} : { 'Last-Event-ID': id } }),
    publish: async (...texts) => {
      const items = texts.map((text) => ({
        channel: 'p.a',
        formats: { 'http-stream': { content: `data: ${text}\n\n` }, 'http-response': { body: text } },
      }));
      const url = `${controlUrl}/publish`;
      assert.equal((await fetch(url, { method: 'POST', body: JSON.stringify({ items }) })).status, 200);
    },
  };
}

for (const workers of [1, 2]) {
  const title = `the origin is asked again for a client that has missed too much (${workers} ${workers === 1 ? 'process' : 'workers'})`;
  test(title, async (t) => {
    const { origin, client, stream, publish } = await started(t, workers);
    const first = await stream(null);
    const [begin] = [cursorIn(await got(first, 'id: '))];
    await publish('1', '2', '3', '4');
    const known = cursorIn(await got(first, 'data: 4'));
    first.request.destroy();

    // One that has missed nothing that is gone is no matter of the origin.
    await got(await stream(known), 'state 1');
    assert.equal(origin.requests.length, 2);

    const again = await stream(begin, `?x=1&last_event_id=${begin}`);
    await got(again, 'id: ');
    assert.deepEqual(dataOf(again.text), ['state 3']);
    const [told, asked] = origin.requests.slice(2);
    assert.deepEqual([told?.header('last-event-id'), told?.header('event-gap')], [begin, undefined]);
    assert.deepEqual([asked?.header('last-event-id'), asked?.header('event-gap')], [undefined, '["a"]']);
    assert.equal(asked?.target, '/x?x=1');
    await publish('5');
    await got(again, 'data: 5');
    assert.deepEqual(dataOf(again.text), ['state 3', '5']);

    const poll = client.send({ path: '/x?h=response', headers: { 'Last-Event-ID': begin } });
    await origin.request(6);
    assert.equal(origin.requests[5]?.header('event-gap'), '["a"]');
    const ended = await Promise.race([poll.then(() => true), publishUntil(publish, poll)]);
    assert.equal(ended, true);
    assert.equal((await poll).header('event-gap'), undefined);
    assert.equal(origin.requests.length, 6);
  });
}

/** The new hold comes after the response of the origin: what was published before is not for it. */
async function publishUntil(publish: Rig['publish'], poll: Promise<unknown>): Promise<boolean> {
  let over = false;
  void poll.then(() => {
    over = true;
  });
  while (!over) await publish('next');
  return true;
}

test('a thousand clients that come back after a new epoch ask the origin a few at a time', async (t) => {
  const [waiting, counts] = [new Set<() => void>(), { all: 0, replayed: 0, together: 0 }];
  const target = await startOrigin(t, (request, response) => {
    counts.all++;
    const answer = (): void => {
      response.writeHead(200, HELD);
      response.end('data: state\n\n');
    };
    if (request.headers['event-gap'] !== '["a"]') {
      answer();
      return;
    }
    counts.replayed++;
    waiting.add(answer);
    counts.together = Math.max(counts.together, waiting.size);
    // All those that are there by now are answered together.
    setImmediate(() => {
      if (waiting.size < AT_ONCE && counts.replayed < CLIENTS) return;
      for (const each of waiting) each();
      waiting.clear();
    });
  });
  const { stream } = await started(t, 1, target);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => stream('gone00000000-7')));
  for (const each of clients) await eventually(() => each.text.includes('id: '));
  assert.deepEqual(counts, { all: 2 * CLIENTS, replayed: CLIENTS, together: AT_ONCE });
  for (const { text } of clients) assert.doesNotMatch(text, /event: gap/);
});
