import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { BodyDecoder } from '../../../src/codec/content/body-decoder.ts';
import { requirePeer } from '../../support/peers.ts';
import { Program } from '../../support/program.ts';
import { eventually, type RunningApp, startApp } from '../../support/running-app.ts';
import { type OriginPeer, startOrigin } from '../../support/scripted-origin.ts';
import { settled } from '../../support/settled.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const RESPONSE = 'HTTP/1.1 200 OK\r\nGrip-Hold: response\r\nGrip-Channel: a\r\nContent-Length: 0\r\n\r\n';
const STREAM = RESPONSE.replace('response', 'stream');

interface Asked {
  readonly app: RunningApp;
  readonly client: OriginPeer;
  readonly origin: OriginPeer;
}

/** A request that is at the origin. */
async function asked(t: TestContext, request = GET, properties = ''): Promise<Asked> {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`*${properties} 127.0.0.1:${scripted.origin.port}`]);
  const client = await app.client.connect(t);
  client.write(request);
  const origin = await scripted.accept();
  await origin.received();
  return { app, client, origin };
}

/** Resolves when all that the client caused is over, and asserts that nothing is left of it. */
async function assertForgotten(app: RunningApp): Promise<void> {
  await eventually(() => app.counters.requestsAborted === 1);
  assert.equal(app.counters.holdsOpen, 0);
  // An item finds nobody, and goes without harm.
  await app.publish({ channel: 'a', formats: { 'http-response': { body: 'x' }, 'http-stream': { content: 'x' } } });
  await app.recover();
  await settled(() => app.counters.originRequests);
  assert.equal(app.counters.itemsDelivered, 0);
  assert.equal(app.counters.requestsFailed, 0);
  assert.deepEqual(
    app.log.records.filter(({ level }) => level === 'error'),
    [],
  );
}

test('A client that leaves before the response ends the connection to the origin', async (t) => {
  const { app, client, origin } = await asked(t);
  client.reset();
  await origin.closed;
  await assertForgotten(app);
  assert.equal(app.counters.originRequests, 1);
});

test('A client that leaves within its upload ends the connection to the origin', async (t) => {
  const { app, client, origin } = await asked(t, 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello');
  client.reset();
  await origin.closed;
  await assertForgotten(app);
  assert.equal(origin.text, 'hello');
});

test('A client that leaves within its response ends the connection to the origin', async (t) => {
  const { app, client, origin } = await asked(t);
  origin.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
  await client.received('hello');
  client.reset();
  await origin.closed;
  await assertForgotten(app);
});

test('A client that leaves while the instructions come is not held', async (t) => {
  const { app, client, origin } = await asked(t);
  origin.write(RESPONSE.replace('Length: 0', 'Length: 10'));
  origin.write('hello');
  await settled(() => origin.socket.bytesWritten);
  client.reset();
  await origin.closed;
  await assertForgotten(app);
  assert.equal(app.counters.holdsStarted, 0);
});

test('A client that leaves while its instructions are decoded is not held', async (t) => {
  const destroyed = t.mock.method(BodyDecoder.prototype, 'destroy');
  const { app, client, origin } = await asked(t);
  const body = gzipSync(Buffer.alloc(32_000_000));
  origin.write(STREAM.replace('Length: 0', `Length: ${body.length}\r\nContent-Encoding: gzip`));
  origin.socket.write(body);
  client.socket.pause();
  await settled(() => origin.socket.bytesWritten);
  client.reset();
  await assertForgotten(app);
  assert.equal(destroyed.mock.callCount(), 1);
  assert.equal(app.counters.holdsStarted, 0);
});

test('A client that leaves while it is held is removed, in either mode', async (t) => {
  for (const answer of [RESPONSE, STREAM]) {
    const { app, client, origin } = await asked(t);
    origin.write(answer);
    await app.held();
    client.reset();
    await assertForgotten(app);
  }
});

test('A client that closes its connection while its response is held is removed, and not replayed', async (t) => {
  const { app, client, origin } = await asked(t);
  origin.write(RESPONSE);
  await app.held();
  client.end();
  await assertForgotten(app);
  await client.closed;
  assert.equal(app.counters.originRequests, 1);
});

test('A client that closes its connection while its stream is held is removed at once, unless the route has half_close', async (t) => {
  const { app, client, origin } = await asked(t);
  origin.write(STREAM);
  await app.held();
  client.end();
  await assertForgotten(app);
  await client.closed;

  const other = await asked(t, GET, ',half_close');
  other.origin.write(STREAM);
  await other.app.held();
  other.client.end();
  await settled(() => other.app.counters.requestsAborted);
  assert.equal(other.app.counters.holdsOpen, 1);
  await other.app.publish({ channel: 'a', formats: { 'http-stream': { content: 'published' } } });
  await other.client.received('published');
});

test('A client that closes its connection before its response is held is removed', async (t) => {
  const { app, client, origin } = await asked(t);
  client.end();
  await settled(() => app.counters.requestsAborted);
  origin.write(RESPONSE);
  await assertForgotten(app);
});

test('curl that is stopped while its response is held is removed', async (t) => {
  const curl = requirePeer(t, 'curl');
  if (curl === null) return;
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port}`]);
  const client = new Program(t, curl, ['-s', `http://${app.app.addresses.clients[0]}/`]);
  const origin = await scripted.accept();
  await origin.received();
  origin.write(RESPONSE);
  await app.held();
  client.kill('SIGTERM');
  await assertForgotten(app);
  assert.equal(app.counters.originRequests, 1);
});

test('With half_close, a client that closes its sending side gets the held response', async (t) => {
  const { app, client, origin } = await asked(t, GET, ',half_close');
  origin.write(RESPONSE);
  await app.held();
  client.end();
  await settled(() => app.counters.requestsAborted);
  assert.equal(app.counters.holdsOpen, 1);
  await app.publish({ channel: 'a', formats: { 'http-response': { body: 'published' } } });
  await client.received('published');
  await client.closed;
});

test('A client that closes its sending side still gets an ordinary response', async (t) => {
  const { app, client, origin } = await asked(t);
  client.end();
  await settled(() => app.counters.requestsAborted);
  origin.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
  await client.received('hello');
});

test('A client that leaves during a replay ends it too', async (t) => {
  const { app, client, origin } = await asked(t);
  origin.write(RESPONSE);
  await app.held();
  await app.recover();
  await origin.received();
  client.reset();
  await origin.closed;
  await assertForgotten(app);
});

test('A client that leaves during a replay after an item came leaves nothing behind', async (t) => {
  const { app, client, origin } = await asked(t);
  origin.write(RESPONSE.replace('Channel: a', 'Channel: a; prev-id=1'));
  await app.held();
  await app.recover();
  await origin.received();
  // It would leave a gap, so it waits for the replay.
  await app.publish({ channel: 'a', id: '3', 'prev-id': '2', formats: { 'http-response': { body: 'x' } } });
  assert.equal(client.text, '');
  client.reset();
  await assertForgotten(app);
});

test('A client that leaves with items waiting is removed with them', async (t) => {
  const { app, client, origin } = await asked(t);
  client.socket.pause();
  origin.write(STREAM);
  await app.held();
  const content = 'x'.repeat(900_000);
  for (let i = 0; i < 12; i++) await app.publish({ channel: 'a', formats: { 'http-stream': { content } } });
  client.reset();
  await eventually(() => app.counters.holdsOpen === 0);
  assert.equal(app.counters.requestsAborted, 1);
});

test('Hundreds of clients that leave in every state leave nothing behind', async (t) => {
  const answers = [RESPONSE, STREAM, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello', ''];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (request) => socket.write(answers[Number(request.toString().charAt('GET /'.length))] ?? ''));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const app = await startApp(t, [`* 127.0.0.1:${(server.address() as AddressInfo).port}`]);
  for (let round = 1; round <= 50; round++) {
    const clients = await Promise.all(answers.map(() => app.client.connect(t)));
    for (const [index, client] of clients.entries()) client.write(`GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await eventually(() => app.counters.holdsOpen === 2 && app.counters.requests === round * answers.length);
    if (round % 2 === 0) await app.recover();
    for (const client of clients) client.reset();
    await eventually(() => app.counters.requestsAborted === round * answers.length);
    assert.equal(app.counters.holdsOpen, 0);
  }
  await app.app.stop(0);
  await eventually(() => open.size === 0);
});
