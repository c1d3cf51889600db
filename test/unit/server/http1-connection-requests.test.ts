import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { nextRead } from '../../support/next-read.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { type RunningServer, startServer, startUnixServer } from '../../support/running-server.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

function get(target: string, fields = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
}

/** Answers every request with its own target, at once. */
async function startEcho(t: TestContext): Promise<RunningServer> {
  const running = await startServer(t);
  running.script.onExchange = (exchange) => exchange.respond(exchange.request.target);
  return running;
}

/** Takes answers that have these bodies, in this order. */
async function takeBodies(client: RawClient, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) {
    const response = await client.takeResponse();
    assert.deepEqual([response.status, response.body], [200, body]);
  }
}

test('a request reaches the service as it was sent', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write('PATCH /a%20b?c=d HTTP/1.1\r\nHOST: Example.com:81\r\nX-A: 1\r\nx-b:\r\nX-A:  2 \r\n\r\n');
  const { id, method, target, scheme, authority, version, headers, bodyLength, peer, credits } = (await running.next())
    .request;
  const request = { id, method, target, scheme, authority, version, headers, bodyLength, peer, credits };
  assert.deepEqual(request, {
    id: '1-1',
    method: 'PATCH',
    target: '/a%20b?c=d',
    scheme: 'http',
    authority: 'Example.com:81',
    version: '1.1',
    headers: ['HOST', 'Example.com:81', 'X-A', '1', 'x-b', '', 'X-A', '2'],
    bodyLength: 0,
    peer: { address: '127.0.0.1', port: client.socket.localPort },
    credits: 65_536,
  });
});

test('the authority of an absolute-form target counts, not Host', async (t) => {
  const running = await startServer(t);
  (await running.connect()).write('GET http://real.example/x HTTP/1.1\r\nHost: other.example\r\n\r\n');
  const { request } = await running.next();
  assert.deepEqual([request.authority, request.target], ['real.example', '/x']);
});

test('an HTTP/1.1 connection carries one request after the other, and each has an id of its own', async (t) => {
  const running = await startEcho(t);
  const client = await running.connect();
  for (const target of ['/1', '/2', '/3']) {
    const response = await client.request(get(target));
    assert.equal(response.body, target);
    assert.equal(response.headers.get('connection'), undefined);
  }
  await (await running.connect()).request(GET);
  assert.deepEqual(
    running.script.exchanges.map(({ request }) => request.id),
    ['1-1', '1-2', '1-3', '2-1'],
  );
  const { requests, connectionsAccepted, connectionsOpen } = running.counters;
  assert.deepEqual(
    { requests, connectionsAccepted, connectionsOpen },
    { requests: 4, connectionsAccepted: 2, connectionsOpen: 2 },
  );
});

test('a request with Connection: close is the last one: its response says so, and no more is read', async (t) => {
  const running = await startEcho(t);
  const client = await running.connect();
  const response = await client.request(get('/last', 'Connection: close\r\n') + get('/more'));
  assert.equal(response.headers.get('connection'), 'close');
  assert.equal(await client.ended, 'fin');
  assert.equal(running.counters.requests, 1);
});

test('an HTTP/1.0 connection ends with its response unless the client asked to keep it', async (t) => {
  const running = await startEcho(t);
  const closing = await running.connect();
  const last = await closing.request('GET /a HTTP/1.0\r\n\r\n');
  assert.deepEqual([last.body, last.headers.get('connection')], ['/a', 'close']);
  assert.equal(await closing.ended, 'fin');

  const keeping = await running.connect();
  for (const target of ['/b', '/c']) {
    const response = await keeping.request(`GET ${target} HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n`);
    assert.deepEqual([response.body, response.headers.get('connection')], [target, 'keep-alive']);
  }
});

test('one empty line in front of a request is skipped', async (t) => {
  const running = await startEcho(t);
  const client = await running.connect();
  client.write(`\r\n${get('/1')}\r\n${get('/2')}`);
  await takeBodies(client, ['/1', '/2']);
});

test('many requests in one segment get their responses in order', async (t) => {
  const running = await startEcho(t);
  const client = await running.connect();
  const targets = Array.from({ length: 500 }, (_, i) => `/${i}`);
  client.write(targets.map((target) => get(target)).join(''));
  await takeBodies(client, targets);
});

test('a request reaches the service only after the response to the one before it', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  const targets = Array.from({ length: 20 }, (_, i) => `/${i}`);
  client.write(targets.map((target) => get(target)).join(''));
  for (const target of targets) {
    const exchange = await running.next();
    assert.equal(exchange.request.target, target);
    assert.equal(running.script.exchanges.at(-1), exchange);
    exchange.head();
    exchange.send('a');
    assert.equal(running.script.exchanges.at(-1), exchange);
    exchange.send('b', false);
    assert.equal((await client.takeResponse()).body, 'ab');
  }
});

test('requests and their bodies are the same wherever the bytes are split', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = (exchange) => {
    if (exchange.bodyDone) exchange.respond(exchange.request.target);
    else {
      exchange.grant(1_000);
      void exchange.until(() => exchange.bodyDone).then(() => exchange.respond(exchange.body));
    }
  };
  const stream = `${get('/1')}POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello${get('/3')}POST /4 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n1\r\nd\r\n0\r\nT: u\r\n\r\n${get('/5')}`;
  for (let split = 1; split < stream.length; split++) {
    const client = await running.connect();
    const socket = await running.serverEnd(client);
    client.write(stream.slice(0, split));
    await nextRead(socket);
    client.write(stream.slice(split));
    await takeBodies(client, ['/1', 'hello', '/3', 'abcd', '/5']);
    client.reset();
  }
});

test('a client may send only a bounded number of bytes ahead of its responses', async (t) => {
  const running = await startUnixServer(t, { pipelineBytes: 4_096 });
  const client = await running.connect();
  client.write(get('/0'));
  const first = await running.next();
  const requests = Array.from({ length: 5_000 }, (_, i) => get(`/${i + 1}`));
  const socket = await running.serverEnd(client);
  const paused = once(socket, 'pause');
  client.write(requests.join(''));
  await paused;
  // Meanwhile others are served as ever.
  const other = await running.connect();
  for (let i = 0; i < 20; i++) {
    other.write(get('/other'));
    (await running.next()).respond();
    await other.takeResponse();
  }
  // What is kept, a read on its way, and what the socket itself takes before it really stops.
  assert.ok(socket.bytesRead < 4_096 + 3 * 65_536, `${socket.bytesRead} bytes`);
  running.script.onExchange = (exchange) => exchange.respond(exchange.request.target);
  first.respond('/0');
  await takeBodies(
    client,
    Array.from({ length: 5_001 }, (_, i) => `/${i}`),
  );
});

test('a client that does not read gets no further responses until it reads again, and then all of them', async (t) => {
  const running = await startUnixServer(t, { pipelineBytes: 4_096 });
  const body = 'x'.repeat(8_192);
  running.script.onExchange = (exchange) => exchange.respond(exchange.request.target + body);
  const client = await running.connect();
  client.socket.pause();
  const targets = Array.from({ length: 1_000 }, (_, i) => `/${i}`);
  client.write(targets.map((target) => get(target)).join(''));
  const socket = await running.serverEnd(client);
  await once(socket, 'pause');
  const answered = running.counters.requests;
  assert.ok(answered * body.length < 2_000_000, `${answered} answers`);
  assert.ok(socket.writableLength < 3 * 65_536, `${socket.writableLength} bytes wait`);
  client.socket.resume();
  await takeBodies(
    client,
    targets.map((target) => target + body),
  );
});
