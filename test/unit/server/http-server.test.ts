import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { Counters, type RequestHead, silentLog, textResponse } from '../../../src/exchange/index.ts';
import { HttpServer } from '../../../src/server/index.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { connectTo, openTo, type RawClient, type RawResponse } from '../../support/raw-client.ts';
import { type RunningServer, startServer, startUnixServer, unixAddress } from '../../support/running-server.ts';
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

test('one server listens on IPv4, IPv6 and a unix socket', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = ({ request, requester }) => {
    const { head, body } = textResponse(200, JSON.stringify(request.peer.address));
    requester.onResponse(head);
    requester.onResponseData(body, false);
  };
  const ipv6 = await running.server.listen({ kind: 'tcp', host: '::1', port: 0 });
  const unix = await running.server.listen(unixAddress(t));
  assert.match(ipv6.address, /^\[::1\]:\d+$/);
  const peers: unknown[] = [];
  for (const address of [running.address, ipv6.address, unix.address]) {
    const client = await connectTo(t, address);
    peers.push(JSON.parse((await client.request(GET)).body));
  }
  assert.deepEqual(peers, ['127.0.0.1', '::1', '']);
});

/** Answers the next request with its target. */
async function serveNext(running: RunningServer): Promise<string> {
  const exchange = await running.next();
  exchange.answer(exchange.request.target);
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
      exchange.answer(`served ${i}`);
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

test('a request that has arrived on an idle connection that is to end is answered before', async (t) => {
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
  exchange.answer(exchange.body);
  const response = await client.takeResponse();
  assert.deepEqual([response.body, response.headers.get('connection')], ['abc', 'close']);
  assert.equal(await client.ended, 'fin');
});

test('a connection that waits for too long is answered 503, counted and logged', async (t) => {
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
  exchange.answer('served');
  assert.equal((await first.takeResponse()).body, 'served');
});

test('connections that wait are told that the server shuts down', async (t) => {
  const running = await startServer(t, { maxConnections: 1 });
  const first = await running.connect();
  first.write(GET);
  const exchange = await running.next();
  const second = openTo(t, running.address);
  while (!running.server.crowded) await turn();
  running.server.drain();
  assert.match((await second.takeResponse()).body, /shutting down/);
  exchange.answer('served');
  assert.equal((await first.takeResponse()).body, 'served');
});

test('beyond 1,024 that wait, 256 are answered 503 at once, and a further one is closed without a response', async (t) => {
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

test('draining closes idle connections at once and the listeners too', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = (exchange) => exchange.answer();
  const idle = await running.connect();
  await idle.request(GET);
  running.server.drain();
  assert.equal(await idle.takeAll(), '');
  idle.end();
  await running.server.whenEmpty();
  const late = openTo(t, running.address);
  const [error] = await once(late.socket, 'error');
  assert.equal(error.code, 'ECONNREFUSED');
});

test('draining lets exchanges be answered, with Connection: close', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(GET + GET);
  const exchange = await running.next();
  running.server.drain();
  exchange.answer('in time');
  const response = await client.takeResponse();
  assert.deepEqual([response.body, response.headers.get('connection')], ['in time', 'close']);
  assert.equal(await client.takeAll(), '');
  assert.equal(running.counters.requests, 1);
});

test('draining lets a request that is arriving be answered', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  const read = once(await running.serverEnd(client), 'data');
  client.write(GET.slice(0, 5));
  await read;
  running.server.drain();
  client.write(GET.slice(5));
  (await running.next()).answer('in time');
  const response = await client.takeResponse();
  assert.deepEqual([response.body, response.headers.get('connection')], ['in time', 'close']);
});

test('draining lets a stream go on until its responder ends it', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(GET);
  const exchange = await running.next();
  exchange.head();
  await client.takeHead();
  running.server.drain();
  exchange.send('bye', false);
  assert.equal(await client.takeAll(), '3\r\nbye\r\n0\r\n\r\n');
});

test('the server is empty only when its last connection is closed', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(GET);
  const exchange = await running.next();
  running.server.drain();
  let empty = false;
  const settled = running.server.whenEmpty().then(() => {
    empty = true;
  });
  await turn();
  assert.equal(empty, false);
  exchange.answer();
  await client.takeResponse();
  client.end();
  await settled;
  assert.equal(running.counters.connectionsOpen, 0);
  await running.server.whenEmpty();
});

test('destroying cuts every connection, and the responders hear of it', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(GET);
  const exchange = await running.next();
  exchange.head();
  exchange.send('part');
  await client.take('part\r\n');
  running.server.destroy();
  assert.equal((await exchange.failed()).code, 'HF_CLIENT_GONE');
  assert.equal(await client.takeAll(), '');
});

test('destroying resets a response that only the end of the connection would end', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write('GET / HTTP/1.0\r\n\r\n');
  const exchange = await running.next();
  exchange.head();
  exchange.send('part');
  await client.take('part');
  running.server.destroy();
  assert.equal(await client.ended, 'reset');
});

test('destroying does not disturb a response that is complete and on its way', async (t) => {
  const running = await startUnixServer(t);
  const client = await running.connect();
  client.write(GET);
  const exchange = await running.next();
  running.server.drain();
  exchange.answer('whole');
  running.server.destroy();
  assert.equal((await client.takeResponse()).body, 'whole');
});

test('the responses to requests that the server refuses by itself can be chosen', async (t) => {
  const wheel = new TimerWheel();
  const seen: RequestHead[] = [];
  const server = new HttpServer({
    service: (request) => {
      seen.push(request);
      throw new Error('not to be called');
    },
    limits: { current: (await startServer(t)).limits },
    wheel,
    counters: new Counters(),
    log: silentLog,
    describeError: (error) => textResponse(499, `${error.code}, ${error.detail}`),
  });
  t.after(() => {
    server.drain();
    server.destroy();
    wheel.stop();
  });
  const { address } = await server.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  const response = await (await connectTo(t, address)).request('GET / HTTP/1.1\r\n\r\n');
  assert.deepEqual([response.status, response.body], [499, 'HF_BAD_REQUEST, missing Host\n']);
  assert.deepEqual(seen, []);
});

test('a connection that could not be accepted is counted, and the first one is a warning', async (t) => {
  const listen = t.mock.method(Server.prototype, 'listen');
  const running = await startServer(t);
  const listener = listen.mock.calls[0]?.this as Server;
  for (let i = 0; i < 3; i++) listener.emit('error', new Error('accept EMFILE'));
  assert.equal(running.counters.connectionsLost, 3);
  assert.deepEqual(
    running.log.with('connection could not be accepted').map(({ level }) => level),
    ['warn', 'debug', 'debug'],
  );
});
