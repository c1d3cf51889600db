import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { App } from '../../../src/app/index.ts';
import { openFileLimit } from '../../../src/app/open-files.ts';
import { type Config, parseConfig, parseListenAddress } from '../../../src/config/index.ts';
import { FilesCounters } from '../../../src/files/index.ts';
import { Client } from '../../support/client.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { httpOrigin } from '../../support/http-origin.ts';
import { configOf, eventually, RunningApp, startApp } from '../../support/running-app.ts';
import { OriginPeer, startOrigin } from '../../support/scripted-origin.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const HELD = 'HTTP/1.1 200 OK\r\nGrip-Hold: response\r\nGrip-Channel: a\r\nContent-Length: 7\r\n\r\nnothing';
const STREAM = HELD.replace('response', 'stream');

/** A folder for sockets that goes with the test. */
function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

/** A configuration that listens at these addresses. */
function listening(clients: readonly string[], publishers: readonly string[] = []): Config {
  const config = configOf(['* 127.0.0.1:1']);
  return {
    ...config,
    server: { ...config.server, listen: clients.map(parseListenAddress) },
    control: { ...config.control, listen: publishers.map(parseListenAddress) },
  };
}

/** An address that somebody else has, for as long as the test runs. */
async function taken(t: TestContext): Promise<string> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Whether somebody listens there. */
async function answers(path: string): Promise<boolean> {
  const socket = connect({ path });
  return new Promise((resolve) => {
    socket.on('connect', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
  }).then((result) => {
    socket.destroy();
    return result as boolean;
  });
}

test('Every configured address is bound, and reported with its actual port', async (t) => {
  const path = join(folder(t), 'clients');
  const config = listening(['127.0.0.1:0', '[::1]:0', `unix:${path}`], ['127.0.0.1:0']);
  const log = new FakeLog();
  const app = await App.start(config, log);
  t.after(() => app.stop(0));
  assert.match(app.addresses.clients.join(' '), /^127\.0\.0\.1:[1-9]\d+ \[::1\]:[1-9]\d+ unix:\//);
  assert.equal(app.addresses.clients[2], `unix:${path}`);
  assert.match(app.addresses.control.join(' '), /^127\.0\.0\.1:[1-9]\d+$/);
  assert.equal(await answers(path), true);
  assert.deepEqual(log.of('started'), [
    { clients: app.addresses.clients, publishers: app.addresses.control, edge: [] },
  ]);
});

test('Without a control address publishing is not possible', async (t) => {
  const app = await App.start(listening(['127.0.0.1:0']), new FakeLog());
  t.after(() => app.stop(0));
  assert.deepEqual(app.addresses.control, []);
});

test('An address in use makes the start fail, and addresses bound before are released', async (t) => {
  const path = join(folder(t), 'clients');
  const other = await taken(t);
  for (const config of [listening([`unix:${path}`, other]), listening([`unix:${path}`], [other])]) {
    const log = new FakeLog();
    await assert.rejects(App.start(config, log), (error: Error) => error.message.includes(other));
    assert.equal(await answers(path), false);
    assert.deepEqual([log.of('started'), log.of('stopped')], [[], []]);
  }
  const app = await App.start(listening([`unix:${path}`]), new FakeLog());
  await app.stop(0);
});

test('A folder of certificates that is missing makes the start fail before anything is bound or logged', async (t) => {
  const handlers = join(folder(t), 'handlers');
  const config = parseConfig({
    server: { listen: [] },
    edge: {
      listen: ['127.0.0.1:0,stream,tls'],
      zclient_stream: [`ipc://${handlers}`],
      tls_identities_dir: '/nonexistent',
    },
  });
  for (const workers of [1, 2]) {
    const log = new FakeLog();
    await assert.rejects(
      App.start({ ...config, edge: { ...config.edge, workers } }, log),
      /^Error: \/nonexistent is not a folder: create it/,
    );
    assert.deepEqual(log.records, []);
  }
});

test('A key that cannot be read or used makes the start fail before anything is bound', async (t) => {
  const path = join(folder(t), 'clients');
  const config = listening([`unix:${path}`]);
  for (const keys of [{ sigKey: 'file:/nonexistent/key' }, { upstreamKey: 'file:/nonexistent/key' }]) {
    await assert.rejects(App.start({ ...config, proxy: { ...config.proxy, ...keys } }, new FakeLog()), /key file/);
    assert.equal(await answers(path), false);
  }
});

test('An open-file limit below the maximum of connections is logged at the start', async (t) => {
  const limit = openFileLimit();
  const config = listening(['127.0.0.1:0']);
  for (const more of [0, 1]) {
    const maxConnections = (limit ?? 0) + more;
    const log = new FakeLog();
    const app = await App.start({ ...config, server: { ...config.server, maxConnections } }, log);
    t.after(() => app.stop(0));
    const advice = log.records.filter(({ message }) => message.includes('ulimit -n'));
    assert.deepEqual(
      advice.map(({ fields }) => fields),
      limit === null || more === 0 ? [] : [{ openFiles: limit, maxConnections }],
    );
  }
});

test('Publishers do not count among the clients', async (t) => {
  const app = await startApp(t, ['* 127.0.0.1:1']);
  await app.publish({ channel: 'a', 'http-stream': { content: 'x' } });
  assert.equal(app.counters.itemsPublished, 1);
  assert.deepEqual([app.counters.requests, app.counters.connectionsAccepted], [0, 0]);
  assert.deepEqual([app.app.counters.control.requests, app.app.counters.control.connectionsAccepted], [1, 1]);
  await app.post([{}]);
  assert.equal(app.app.counters.control.publishesRefused, 1);
});

test('After a stop no address is bound, every connection is closed, and the final counters are logged', async (t) => {
  const directory = folder(t);
  const paths = ['clients', 'publishers'].map((name) => join(directory, name));
  const [clients, publishers] = paths as [string, string];
  const log = new FakeLog();
  const app = await App.start(listening([`unix:${clients}`], [`unix:${publishers}`]), log);
  const peers = paths.map((path) => new OriginPeer(connect({ path })));
  await Promise.all(peers.map(({ socket }) => once(socket, 'connect')));
  await eventually(() => app.counters.proxy.connectionsOpen === 1);
  await app.stop(10);
  await Promise.all(peers.map(({ closed }) => closed));
  for (const path of paths) assert.equal(await answers(path), false);
  const [{ proxy, control } = {}] = log.of('stopped');
  assert.deepEqual(proxy, { ...app.counters.proxy });
  assert.deepEqual(control, { ...app.counters.control, pages: { ...new FilesCounters() } });
  // Neither has the other's numbers, which would always be 0.
  assert.deepEqual(
    ['publishesRefused', 'itemsDelivered', 'requests'].map((name) => [
      name in (proxy as object),
      name in (control as object),
    ]),
    [
      [false, true],
      [true, false],
      [true, true],
    ],
  );
  assert.equal(app.counters.control.connectionsAccepted, 1);
  assert.equal(app.counters.proxy.connectionsOpen, 0);
});

/** An app, and clients whose requests are at the origin. */
async function asking(
  t: TestContext,
  count: number,
): Promise<{ app: RunningApp; clients: OriginPeer[]; origins: OriginPeer[] }> {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port}`]);
  const clients: OriginPeer[] = [];
  const origins: OriginPeer[] = [];
  for (let i = 0; i < count; i++) {
    const client = await app.client.connect(t);
    client.write(GET);
    const origin = await scripted.accept();
    await origin.received();
    clients.push(client);
    origins.push(origin);
  }
  return { app, clients, origins };
}

test('A stop waits for the responses of requests in flight, and closes their connections after that', async (t) => {
  const { app, clients, origins } = await asking(t, 2);
  const [client, late] = clients as [OriginPeer, OriginPeer];
  origins[1]?.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
  await late.received('hello');
  const stopped = app.app.stop(10);
  origins[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  assert.match(await client.received('\r\n\r\nok'), /\r\nConnection: close\r\n/);
  origins[1]?.write('world');
  await late.received('world');
  for (const { socket } of clients) socket.end();
  await stopped;
  assert.equal(app.counters.requestsAborted, 0);
  assert.equal(app.counters.connectionsOpen, 0);
});

test('A stop ends held streams cleanly, and sends held requests their timeout response', async (t) => {
  const { app, clients, origins } = await asking(t, 2);
  const [stream, response] = clients as [OriginPeer, OriginPeer];
  origins[0]?.write(STREAM);
  origins[1]?.write(HELD);
  await app.held(2);
  await stream.received('nothing\r\n');
  const stopped = app.app.stop(10);
  assert.equal(await stream.received('0\r\n\r\n'), '0\r\n\r\n');
  assert.match(await response.received('nothing'), /^HTTP\/1\.1 200 OK\r\n/);
  for (const { socket } of clients) socket.end();
  await stopped;
  assert.equal(app.counters.holdsOpen, 0);
  assert.equal(app.counters.requestsAborted, 0);
});

test('What is published just before a stop reaches the held clients', async (t) => {
  const { app, clients, origins } = await asking(t, 1);
  const [stream] = clients as [OriginPeer];
  origins[0]?.write(STREAM);
  await app.held();
  await app.publish({ channel: 'a', 'http-stream': { content: 'last words' } });
  const stopped = app.app.stop(10);
  assert.match(await stream.received('0\r\n\r\n'), /last words\r\n0\r\n\r\n$/);
  stream.socket.end();
  await stopped;
});

test('A request that would be held during a stop gets its response at once', async (t) => {
  const { app, clients, origins } = await asking(t, 2);
  const [stream, response] = clients as [OriginPeer, OriginPeer];
  const stopped = app.app.stop(10);
  origins[0]?.write(STREAM);
  origins[1]?.write(HELD);
  await stream.received('0\r\n\r\n');
  await response.received('nothing');
  for (const { socket } of clients) socket.end();
  await stopped;
  assert.equal(app.counters.holdsOpen, 0);
});

test('A held request that is being replayed at a stop gets the new response', async (t) => {
  const { app, clients, origins } = await asking(t, 1);
  const [client] = clients as [OriginPeer];
  origins[0]?.write(HELD);
  await app.held();
  await app.recover();
  await origins[0]?.received();
  const stopped = app.app.stop(10);
  origins[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfresh');
  await client.received('fresh');
  client.socket.end();
  await stopped;
});

test('Connections that are not done when the time of a stop is over are cut off', async (t) => {
  const { app, clients, origins } = await asking(t, 3);
  const [waiting, begun, slow] = clients as [OriginPeer, OriginPeer, OriginPeer];
  origins[1]?.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
  await begun.received('hello');
  slow.socket.pause();
  origins[2]?.write(STREAM);
  await app.held();
  for (let i = 0; i < 12; i++) await app.publish({ channel: 'a', 'http-stream': { content: 'x'.repeat(900_000) } });
  await app.app.stop(0.1);
  assert.deepEqual([app.counters.connectionsOpen, app.counters.holdsOpen], [0, 0]);
  await Promise.all([waiting.closed, begun.closed, origins[0]?.closed, origins[1]?.closed]);
  assert.equal(waiting.text, '');
});

test('A stop with no time cuts off every connection', async (t) => {
  const { app, clients, origins } = await asking(t, 1);
  await app.app.stop(0);
  await Promise.all([clients[0]?.closed, origins[0]?.closed]);
  assert.equal(app.counters.requestsAborted, 1);
});

test('By default a stop takes drain_timeout', async (t) => {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port}`], { server: { drainTimeout: 0.1 } });
  const client = await app.client.connect(t);
  client.write(GET);
  await (await scripted.accept()).received();
  await app.app.stop();
  await client.closed;
  assert.equal(app.counters.requestsAborted, 1);
});

test('A stopped app can be started again on the same address', async (t) => {
  const origin = await httpOrigin(t, () => ({ body: 'ok' }));
  const first = await startApp(t, [`* ${origin.target}`]);
  await first.send();
  await first.app.stop(0);
  const config = configOf([`* ${origin.target}`]);
  const listen = [parseListenAddress(`127.0.0.1:${first.client.port}`)];
  const app = await App.start({ ...config, server: { ...config.server, listen } }, new FakeLog());
  t.after(() => app.stop(0));
  const second = new RunningApp(t, app, new FakeLog());
  assert.equal((await new Client(t, first.client.port).send()).text, 'ok');
  assert.equal(second.client.port, first.client.port);
});
