import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { Counters, type RequestHead, silentLog, textResponse } from '../../../src/exchange/index.ts';
import { HttpServer } from '../../../src/server/index.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { connectTo, openTo } from '../../support/raw-client.ts';
import { type RunningServer, startServer, startUnixServer, unixAddress } from '../../support/running-server.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

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

test('a connection over the maximum is answered 503 without a request, and counted', async (t) => {
  const running = await startServer(t, { maxConnections: 2 });
  const first = await running.connect();
  const second = await running.connect();
  await running.serverEnd(second);
  const third = openTo(t, running.address);
  const response = await third.takeResponse();
  assert.deepEqual(
    [response.status, response.body, response.headers.get('connection')],
    [503, 'Too many connections, try again later.\n', 'close'],
  );
  assert.equal(await third.ended, 'fin');
  const { connectionsRefused, connectionsAccepted, connectionsOpen } = running.counters;
  assert.deepEqual([connectionsRefused, connectionsAccepted, connectionsOpen], [1, 2, 2]);
  assert.equal(running.log.with('connection turned away')[0]?.fields.code, 'HF_TOO_MANY_CONNECTIONS');

  // The two are served as ever, and when one leaves there is room again.
  first.write(GET);
  (await running.next()).answer('served');
  assert.equal((await first.takeResponse()).body, 'served');
  const end = await running.serverEnd(second);
  const left = new Promise((resolve) => end.on('close', resolve));
  second.reset();
  await left;
  const fourth = await connectTo(t, running.address);
  fourth.write(GET);
  (await running.next()).answer('room');
  assert.equal((await fourth.takeResponse()).body, 'room');
});

test('beyond 256 connections that are being turned away a further one is closed without a word', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { maxConnections: 1 });
  await running.serverEnd(await running.connect());
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

test('destroying resets an answer that only the end of the connection would end', async (t) => {
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

test('destroying does not disturb an answer that is complete and on its way', async (t) => {
  const running = await startUnixServer(t);
  const client = await running.connect();
  client.write(GET);
  const exchange = await running.next();
  running.server.drain();
  exchange.answer('whole');
  running.server.destroy();
  assert.equal((await client.takeResponse()).body, 'whole');
});

test('the answers to requests that the server refuses by itself can be chosen', async (t) => {
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
  assert.deepEqual([response.status, response.body], [499, 'HF_BAD_REQUEST, no Host\n']);
  assert.deepEqual(seen, []);
});
