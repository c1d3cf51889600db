import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { openTo, type RawClient, type RawResponse } from '../../support/raw-client.ts';
import { type RunningServer, startServer, startUnixServer } from '../../support/running-server.ts';
import type { ScriptedExchange } from '../../support/scripted-service.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

function get(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
}

/** Everything that a connection that is turned away is told, and how it ends. */
async function turnedAway(t: TestContext, running: RunningServer): Promise<string> {
  const client = openTo(t, running.address);
  return client.takeAll();
}

/** Answers the next request with its target. */
async function serveNext(running: RunningServer): Promise<string> {
  const exchange = await running.next();
  exchange.respond(exchange.request.target);
  return exchange.request.target;
}

for (const [kind, start] of [
  ['TCP', startServer],
  ['a unix socket', startUnixServer],
] as const) {
  test(`connections over the maximum wait, unread, and are served in their order: ${kind}`, async (t) => {
    const running = await start(t, { maxConnections: 2 });
    const clients = [];
    for (let i = 0; i < 6; i++) {
      const client = await running.connect();
      client.write(get(`/${i}`));
      await running.serverEnd(client);
      clients.push(client);
    }
    const exchanges = [await running.next(), await running.next()];
    assert.equal((await running.serverEnd(clients[4] as RawClient)).bytesRead, 0);
    for (let i = 0; i < 6; i++) {
      const exchange = exchanges[i] as ScriptedExchange;
      assert.equal(exchange.request.target, `/${i}`);
      exchange.respond(`served ${i}`);
      const response: RawResponse = await (clients[i] as RawClient).takeResponse();
      assert.equal(response.body, `served ${i}`);
      // As long as others wait, a connection carries one request.
      assert.equal(response.headers.get('connection'), i < 5 ? 'close' : undefined);
      clients[i]?.end();
      if (i < 4) exchanges.push(await running.next());
    }
    const { connectionsRefused, connectionsAccepted } = running.counters;
    assert.deepEqual([connectionsRefused, connectionsAccepted], [0, 6]);
  });
}

test('at a maximum of one, clients that connect right after a close are served', async (t) => {
  const running = await startServer(t, { maxConnections: 1 });
  for (let i = 0; i < 30; i++) {
    const client = await running.connect();
    client.write(get(`/${i}`));
    assert.equal(await serveNext(running), `/${i}`);
    assert.equal((await client.takeResponse()).body, `/${i}`);
    client.socket.destroy();
  }
  assert.equal(running.counters.connectionsRefused, 0);
});

test('a connection that is idle between two requests makes room for one that waits', async (t) => {
  const running = await startServer(t, { maxConnections: 1 });
  const idle = await running.connect();
  idle.write(GET);
  await serveNext(running);
  await idle.takeResponse();
  const next = await running.connect();
  next.write(get('/next'));
  assert.equal(await idle.ended, 'fin');
  idle.end();
  assert.equal(await serveNext(running), '/next');
  assert.equal((await next.takeResponse()).body, '/next');
});

test('a request that arrived before its idle connection is closed gets its response', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(GET);
  await serveNext(running);
  await client.takeResponse();
  // The request is in the kernel when the server is told to end.
  client.write('POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc');
  running.server.drain();
  const exchange = await running.next();
  exchange.grant(3);
  exchange.respond(exchange.body);
  const response = await client.takeResponse();
  assert.deepEqual([response.body, response.headers.get('connection')], ['abc', 'close']);
  assert.equal(await client.ended, 'fin');
});

test('a connection that waits for too long gets a 503, counted and logged', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { maxConnections: 1, acceptTimeout: 10 });
  const first = await running.connect();
  first.write(GET);
  const exchange = await running.next();
  const second = openTo(t, running.address);
  while (!running.server.crowded) await turn();
  advance(9);
  await turn();
  assert.equal(second.text, '');
  advance(2);
  const response = await second.takeResponse();
  assert.deepEqual(
    [response.status, response.body, response.headers.get('connection')],
    [503, 'Too many connections, try again later.\n', 'close'],
  );
  assert.equal(await second.ended, 'fin');
  const { connectionsRefused, connectionsAccepted, connectionsOpen } = running.counters;
  assert.deepEqual([connectionsRefused, connectionsAccepted, connectionsOpen], [1, 1, 1]);
  assert.equal(running.log.with('connection refused')[0]?.fields.code, 'HF_TOO_MANY_CONNECTIONS');
  exchange.respond('served');
  assert.equal((await first.takeResponse()).body, 'served');
});

test('waiting connections get an error when the server shuts down', async (t) => {
  const running = await startServer(t, { maxConnections: 1 });
  const first = await running.connect();
  first.write(GET);
  const exchange = await running.next();
  const second = openTo(t, running.address);
  while (!running.server.crowded) await turn();
  running.server.drain();
  assert.match((await second.takeResponse()).body, /shutting down/);
  exchange.respond('served');
  assert.equal((await first.takeResponse()).body, 'served');
});

test('beyond 1,024 that wait, 256 get a 503 at once, and a further one is closed without a response', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { maxConnections: 1 });
  const first = await running.connect();
  first.write(GET);
  await running.next();
  const waiting = Array.from({ length: 1_024 }, () => openTo(t, running.address));
  await Promise.all(waiting.map(({ socket }) => once(socket, 'connect')));
  await running.serverEnd(first);
  while (running.accepted < 1_025) await turn();
  // Each of these stays, because the client does not close its side.
  const told = [];
  for (let i = 0; i < 256; i++) {
    const client = openTo(t, running.address);
    told.push(client);
    await client.ended;
  }
  assert.ok(told.every((client) => client.text.startsWith('HTTP/1.1 503 ')));
  assert.equal(await turnedAway(t, running), '');
  assert.equal(running.counters.connectionsRefused, 257);
  assert.equal(running.counters.connectionsOpen, 1);
  // They are closed in time, and then others can be told again.
  advance(2);
  await Promise.all(told.map(async (client) => client.end().closed));
  await turn();
  assert.match(await turnedAway(t, running), /^HTTP\/1\.1 503 /);
});
