import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startOrigin } from '../../support/origin.ts';
import { portOf } from '../../support/port-of.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { eventually, type RunningApp, startApp } from '../../support/running-app.ts';

/** A request of a link at its origin, which the test responds to. */
interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

const HELD = {
  'Grip-Hold': 'stream',
  'Grip-Channel': 'a; prev-id=1',
  'Grip-Link': '</next?q=1>; rel=next; timeout=1000',
};
const LATER = { ...HELD, 'Grip-Channel': 'a; prev-id=3' };

/** An app whose origin holds streams. The test responds to their links. */
async function start(t: TestContext, linkOf: (path: string) => string = () => '/next?q=1') {
  const asked: Asked[] = [];
  /** From which request on the origin responds by itself. */
  const respond = { at: Number.POSITIVE_INFINITY };
  const origin = await startOrigin(t, (request, response) => {
    if (request.url?.startsWith('/next')) {
      if (asked.push({ request, response }) > respond.at) response.writeHead(200, LATER).end('2,3,');
      return;
    }
    const link = `<${linkOf(request.url ?? '')}>; rel=next; timeout=1000`;
    response.writeHead(200, { ...HELD, 'Grip-Link': link }).end('open\n');
  });
  const app = await startApp(t, [`* ${origin}`]);
  return { app, asked, respond };
}

async function streams(app: RunningApp, count: number, path = '/', fields = ''): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let i = 0; i < count; i++) {
    const client = await app.connect();
    client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
    await client.take('open\n\r\n');
    clients.push(client);
  }
  return clients;
}

/** Publishes an item that leaves a gap. */
function gap(app: RunningApp, id = '3', prevId = '2'): Promise<void> {
  return app.publish({
    channel: 'a',
    id,
    'prev-id': prevId,
    'no-seq': false,
    formats: { 'http-stream': { content: `${id},` } },
  });
}

async function requests(asked: readonly Asked[], count: number): Promise<Asked> {
  await eventually(() => asked.length >= count);
  assert.equal(asked.length, count);
  return asked[count - 1] as Asked;
}

test('Clients that miss the same items share one request, and each gets the response', async (t) => {
  const { app, asked } = await start(t);
  const clients = await streams(app, 100);
  await gap(app);
  const { request, response } = await requests(asked, 1);
  assert.equal(request.headers['grip-last'], 'a; last-id=1');
  await eventually(() => app.counters.linksShared === 99);
  response.writeHead(200, LATER).end('2,3,');
  for (const client of clients) await client.take('2,3,\r\n');
  await gap(app, '4', '3');
  for (const client of clients) await client.take('4,\r\n');
  assert.equal(asked.length, 1);
});

test('The one that began the request may leave, and so may all', async (t) => {
  const { app, asked } = await start(t);
  const [first, second, third] = await streams(app, 3);
  await gap(app);
  const { response } = await requests(asked, 1);
  await eventually(() => app.counters.linksShared === 2);
  first?.reset();
  third?.reset();
  await eventually(() => app.counters.holdsOpen === 1);
  response.writeHead(200, LATER).end('2,3,');
  await second?.take('2,3,\r\n');
  await gap(app, '5', '4');
  const last = await requests(asked, 2);
  const gone = new Promise((resolve) => last.response.on('close', resolve));
  second?.reset();
  await gone;
});

test('Other queries, positions and routes have requests of their own', async (t) => {
  const { app, asked } = await start(t, (path) => (path === '/b' ? '/next?q=2' : '/next?q=1'));
  await streams(app, 1, '/a');
  await streams(app, 1, '/b');
  await gap(app);
  await requests(asked, 2);
  assert.deepEqual(asked.map(({ request }) => request.url).sort(), ['/next?q=1', '/next?q=2']);
});

test('A request that was sent before an item does not serve those that missed the item', async (t) => {
  const { app, asked } = await start(t);
  const [first] = await streams(app, 1);
  await gap(app);
  const before = await requests(asked, 1);
  const [second] = await streams(app, 1);
  await gap(app, '5', '4');
  const after = await requests(asked, 2);
  assert.equal(after.request.url, before.request.url);
  after.response.writeHead(200, { ...HELD, 'Grip-Channel': 'a; prev-id=5' }).end('2-5,');
  await second?.take('2-5,\r\n');
  before.response.writeHead(200, LATER).end('2,3,');
  await first?.take('2,3,\r\n');
});

test('A single client gets a long response as it comes', async (t) => {
  const { app, asked } = await start(t);
  const [client] = await streams(app, 1);
  await gap(app);
  const { response } = await requests(asked, 1);
  response.writeHead(200, LATER).write('first part,');
  await client?.take('first part,\r\n');
  response.end('second part');
  await client?.take('second part\r\n');
});

test('A response over 100,000 bytes goes to the first client; the others ask for themselves', async (t) => {
  const { app, asked } = await start(t);
  const clients = await streams(app, 3);
  await gap(app);
  const { response } = await requests(asked, 1);
  await eventually(() => app.counters.linksShared === 2);
  const large = 'x'.repeat(150_000);
  response.writeHead(200, LATER).end(large);
  await requests(asked, 3);
  for (const { response } of asked.slice(1)) response.writeHead(200, LATER).end(large);
  for (const client of clients) {
    let length = 0;
    while (length < large.length) length += (await client.takeChunk()).length;
    assert.equal(length, large.length);
  }
});

test('A client that takes nothing does not hold back those that share its request', async (t) => {
  const { app, asked } = await start(t);
  const slow = connect(portOf(app.address), '127.0.0.1');
  t.after(() => slow.destroy());
  slow.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await app.held();
  const [quick] = await streams(app, 1);
  for (let round = 1; round <= 3; round++) {
    const id = 3 * round;
    await gap(app, String(id), String(id - 1));
    const { response } = await requests(asked, round);
    const body = `${round}`.padEnd(99_000, '.');
    response.writeHead(200, { ...HELD, 'Grip-Channel': `a; prev-id=${id}` }).end(body);
    let length = 0;
    while (length < body.length) length += ((await quick?.takeChunk()) ?? '').length;
  }
});

test('A failure is that of each client, and they try again together', async (t) => {
  const { app, asked, respond } = await start(t);
  const clients = await streams(app, 2);
  await gap(app);
  const { response } = await requests(asked, 1);
  await eventually(() => app.counters.linksShared === 1);
  response.writeHead(500).end();
  await eventually(() => app.log.with('next link failed').length === 2);
  respond.at = 1;
  for (const client of clients) await client.take('2,3,\r\n');
});
