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
  test(`connections over the maximum wait and are served in order: ${kind}`, async (t) => {
    const running = await start(t, { maxConnections: 2 });
    const clients = [];
    for (let i = 0; i < 6; i++) {
      const client = await running.connect();
      client.write(get(`/${i}`));
      await running.serverEnd(client);
      clients.push(client);
    }
    const exchanges = [await running.next(), await running.next()];
    await turn();
    assert.equal(running.script.exchanges.length, 2);
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
  // The first one is a warning, and the others are not news within the same second.
  const warned = running.log.at('warn').map(({ fields }) => [fields.code, fields.refused, fields.maxConnections]);
  assert.deepEqual(warned, [['HF_TOO_MANY_CONNECTIONS', 1, 1]]);
  // They are closed in time, and then others can be told again.
  advance(2);
  await Promise.all(told.map(async (client) => client.end().closed));
  await turn();
  assert.match(await turnedAway(t, running), /^HTTP\/1\.1 503 /);
  assert.deepEqual(
    running.log.at('warn').map(({ fields }) => fields.refused),
    [1, 258],
  );
});

/** Takes the only place with a request, and returns its exchange. */
async function takePlace(running: RunningServer): Promise<ScriptedExchange> {
  const client = await running.connect();
  client.write(get('/first'));
  return running.next();
}

for (const [what, limits, leave] of [
  ['that closes without a word', {}, (client) => client.end()],
  ['whose connection breaks', {}, (client, running) => running.serverEnd(client).then((socket) => socket.destroy())],
  ['that closes behind a request', { abortOnHalfClose: true }, (client) => client.end(GET)],
] as const satisfies [string, object, (client: RawClient, running: RunningServer) => unknown][]) {
  test(`a client ${what} while it waits gives up its turn`, async (t) => {
    const running = await startServer(t, { maxConnections: 1, ...limits });
    const exchange = await takePlace(running);
    const leaving = await running.connect();
    while (!running.server.crowded) await turn();
    await leave(leaving, running);
    await leaving.ended;
    assert.equal(running.server.crowded, false);
    assert.equal(running.server.unread.used, 0);
    exchange.respond();
    await turn();
    assert.equal(running.counters.connectionsAccepted, 1);
  });
}

test('a client that closes its sending side while it waits gets its response', async (t) => {
  const running = await startServer(t, { maxConnections: 1 });
  const exchange = await takePlace(running);
  const waiting = await running.connect();
  waiting.end(get('/half-closed'));
  await once(await running.serverEnd(waiting), 'end');
  exchange.respond();
  const next = await running.next();
  assert.equal(next.request.target, '/half-closed');
  next.respond('served');
  assert.equal((await waiting.takeResponse()).body, 'served');
  assert.equal(await waiting.ended, 'fin');
});

test('what a client sends while it waits is bounded, and is read whole when it has its turn', async (t) => {
  const running = await startServer(t, { maxConnections: 1, pipelineBytes: 4_096 });
  const exchange = await takePlace(running);
  const waiting = await running.connect();
  const socket = await running.serverEnd(waiting);
  const held = once(socket, 'pause');
  const body = 'x'.repeat(1_000_000);
  waiting.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await held;
  assert.ok(running.server.unread.used > 0);
  exchange.respond();
  const next = await running.next();
  next.grant(body.length);
  await next.until(() => next.bodyDone);
  assert.equal(next.body, body);
});

test('a client that has its whole response and does not close leaves its place to the next one', async (t) => {
  manualClock(t);
  const running = await startServer(t, { maxConnections: 1 });
  const first = await running.connect();
  first.write(GET);
  const exchange = await running.next();
  const second = await running.connect();
  second.write(get('/second'));
  while (!running.server.crowded) await turn();
  exchange.respond('served');
  assert.equal((await first.takeResponse()).body, 'served');
  assert.equal(await serveNext(running), '/second');
  assert.equal((await second.takeResponse()).body, '/second');
  assert.equal(running.counters.connectionsOpen, 2);
});

test('a client that does not take its response keeps its place', async (t) => {
  const running = await startUnixServer(t, { maxConnections: 1 });
  const first = await running.connect();
  first.socket.pause();
  first.write(GET);
  const exchange = await running.next();
  const second = await running.connect();
  second.write(get('/second'));
  while (!running.server.crowded) await turn();
  exchange.respond(Buffer.alloc(4_000_000));
  for (let i = 0; i < 10; i++) await turn();
  assert.equal(running.script.exchanges.length, 1);
  first.socket.resume();
  assert.equal(await serveNext(running), '/second');
});

test('beyond 1,024 clients that have their response and do not close, one more keeps its place', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { maxConnections: 1 });
  for (let i = 0; i < 1_025; i++) {
    const client = await running.connect();
    client.write('GET\r\n\r\n');
    await client.ended;
    assert.match(client.text, /^HTTP\/1\.1 400 /);
  }
  const next = await running.connect();
  next.write(get('/next'));
  while (!running.server.crowded) await turn();
  await turn();
  assert.equal(running.counters.requests, 0);
  advance(2);
  assert.equal(await serveNext(running), '/next');
});

test('the record of a refused connection has its own number', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { maxConnections: 1, acceptTimeout: 10 });
  await takePlace(running);
  const second = await running.connect();
  advance(5);
  await running.connect();
  while (running.accepted < 3) await turn();
  advance(5);
  await second.ended;
  assert.deepEqual(
    running.log.with('connection refused').map(({ fields }) => fields.id),
    ['2-0'],
  );
});
