import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { httpOrigin } from '../../support/http-origin.ts';
import { type Changes, type RunningApp, startApp } from '../../support/running-app.ts';
import { type OriginPeer, startOrigin } from '../../support/scripted-origin.ts';
import { settled } from '../../support/settled.ts';
import { Flood, floodHash, Sink, TOTAL } from './support/flood.ts';

/** Far more than a window and a socket's buffer in the proxy, together with what the kernel takes on two connections. */
const IN_FLIGHT = 32 * 1024 * 1024;

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** Both ends of a request through the proxy: neither is read before the test says so. */
interface Ends<T> {
  readonly begun: T;
  readonly app: RunningApp;
  readonly client: Socket;
  readonly origin: Socket;
}

/** @param begin lets the client begin to send */
async function ends<T>(t: TestContext, begin: (client: Socket) => T, overrides: Changes = {}): Promise<Ends<T>> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const other = await httpOrigin(t, () => ({ body: 'served meanwhile' }));
  const { port } = server.address() as AddressInfo;
  const app = await startApp(t, [`* 127.0.0.1:${port}`, `*,path_beg=/other ${other.target}`], overrides);
  const client = connect({ host: '127.0.0.1', port: app.client.port });
  client.on('error', () => {});
  client.pause();
  const begun = begin(client);
  const [origin] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    server.close();
    client.destroy();
    origin.destroy();
  });
  return { begun, app, client, origin };
}

/** Begins an upload without end. */
function upload(client: Socket): Flood {
  return new Flood(client, `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${TOTAL}\r\n\r\n`);
}

function get(client: Socket): void {
  client.write(GET);
}

/** Resolves with what arrives first. */
async function firstPiece(socket: Socket): Promise<string> {
  const piece = once(socket, 'data');
  socket.resume();
  return String((await piece)[0]);
}

test('A client that reads nothing holds the origin back, loses nothing, and delays no other client', async (t) => {
  const { app, client, origin } = await ends(t, get);
  await firstPiece(origin);
  const flood = new Flood(origin, `HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL}\r\n\r\n`);
  const written = await settled(() => flood.written);
  assert.ok(written < IN_FLIGHT, `${written} bytes are on their way`);
  assert.equal((await app.send({ path: '/other' })).text, 'served meanwhile');
  const sink = new Sink(client);
  assert.equal(await sink.complete, floodHash());
});

test('An origin that reads nothing holds the client back, loses nothing, and delays no other client', async (t) => {
  const { begun: flood, app, client, origin } = await ends(t, upload);
  const written = await settled(() => flood.written);
  assert.ok(written < IN_FLIGHT, `${written} bytes are on their way`);
  assert.equal((await app.send({ path: '/other' })).text, 'served meanwhile');
  const sink = new Sink(origin);
  assert.equal(await sink.complete, floodHash());
  origin.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  assert.match(await firstPiece(client), /\r\n\r\nok$/);
});

test('A client that never reads is cut off, and its origin with it', async (t) => {
  const { app, origin } = await ends(t, get, { server: { writeTimeout: 0.1 } });
  await firstPiece(origin);
  const closed = new Promise<void>((resolve) => origin.once('close', () => resolve()));
  const flood = new Flood(origin, `HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL}\r\n\r\n`);
  await closed;
  assert.ok(flood.written < IN_FLIGHT, `${flood.written} bytes were taken`);
  assert.equal(app.counters.clientsStalled, 1);
});

test('An origin that never reads is given up', async (t) => {
  const { begun: flood, app, client } = await ends(t, upload, { proxy: { bodyTimeout: 0.1 } });
  const record = await app.log.heard('request failed');
  assert.match(String(record.detail), /origin stopped reading the request$/);
  assert.ok(flood.written < IN_FLIGHT, `${flood.written} bytes were taken`);
  assert.match(await firstPiece(client), /^HTTP\/1\.1 504 /);
});

/** Both ends of a request that was sent with `head`, at the origin already. */
async function talking(t: TestContext, head: string): Promise<{ client: OriginPeer; origin: OriginPeer }> {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port}`]);
  const client = await app.client.connect(t);
  client.write(head);
  const origin = await scripted.accept();
  await origin.received();
  return { client, origin };
}

test('Every piece of a response reaches the client before the origin sends the next', async (t) => {
  const { client, origin } = await talking(t, GET);
  origin.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  await client.received();
  for (let i = 0; i < 5; i++) {
    origin.write('6\r\npiece');
    origin.write(`${i}\r\n`);
    await client.received(`${i}\r\n`);
  }
  origin.write('0\r\n\r\n');
  await client.received('0\r\n\r\n');
});

test('Every piece of a request body reaches the origin before the client sends the next', async (t) => {
  const { client, origin } = await talking(t, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let i = 0; i < 5; i++) {
    client.write(`6\r\npiece${i}\r\n`);
    await origin.received(`${i}\r\n`);
  }
  client.write('0\r\n\r\n');
  await origin.received('0\r\n\r\n');
  origin.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  await client.received('\r\n\r\nok');
});

test('The head of a response does not wait for its body', async (t) => {
  const { client, origin } = await talking(t, GET);
  origin.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
  assert.match(await client.received(), /^HTTP\/1\.1 200 OK\r\n/);
  origin.write('hello');
  await client.received('hello');
});

test('The head of a request does not wait for its body', async (t) => {
  const { client, origin } = await talking(t, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n');
  client.write('hello');
  await origin.received('hello');
});

test('Both directions of one exchange flow at the same time', async (t) => {
  const { client, origin } = await talking(t, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n');
  origin.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n');
  await client.received();
  for (let i = 0; i < 5; i++) {
    client.write(`>${i}`);
    await origin.received(`>${i}`);
    origin.write(`<${i}`);
    await client.received(`<${i}`);
  }
  client.write(GET);
  assert.match(await origin.received(), /^GET /);
});
