import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { nextRead } from '../../support/next-read.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { type RunningServer, startServer, startUnixServer } from '../../support/running-server.ts';
import type { ScriptedExchange } from '../../support/scripted-service.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** Sends as fast as credit allows, until the socket of a client that takes nothing is full. */
async function fillSocket(exchange: ScriptedExchange): Promise<void> {
  do {
    while (exchange.credits >= 16_384) exchange.send(Buffer.alloc(16_384, 'x'));
    await turn();
    await turn();
  } while (exchange.credits >= 16_384);
}

/** Sends bytes, and resolves when the server has read some. */
async function writeThrough(running: RunningServer, client: RawClient, text: string): Promise<void> {
  const read = nextRead(await running.serverEnd(client));
  client.write(text);
  await read;
}

const REFUSALS: readonly {
  readonly what: string;
  readonly bytes: string;
  readonly status: number;
  readonly text: string;
}[] = [
  { what: 'no HTTP', bytes: 'hello there\r\n\r\n', status: 400, text: 'Bad request.' },
  { what: 'a TLS handshake', bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc', status: 400, text: 'Bad request.' },
  { what: 'missing Host', bytes: 'GET / HTTP/1.1\r\n\r\n', status: 400, text: 'Bad request.' },
  {
    what: 'a target over the limit',
    bytes: `GET /${'a'.repeat(300)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    status: 414,
    text: 'Request target too long.',
  },
  {
    what: 'a start line without an end',
    bytes: `GET /${'a'.repeat(1_000)}`,
    status: 414,
    text: 'Request target too long.',
  },
  {
    what: 'a head over the limit',
    bytes: `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(1_000)}`,
    status: 431,
    text: 'Request header too large.',
  },
  {
    what: 'too many fields',
    bytes: `GET / HTTP/1.1\r\nHost: a\r\n${'A: b\r\n'.repeat(10)}\r\n`,
    status: 431,
    text: 'Request header too large.',
  },
  {
    what: 'CONNECT',
    bytes: 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n',
    status: 501,
    text: 'CONNECT is not supported.',
  },
  {
    what: 'an unknown transfer coding',
    bytes: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
    status: 501,
    text: 'The only supported transfer coding is chunked.',
  },
  {
    what: 'another version of HTTP',
    bytes: 'GET / HTTP/2.0\r\nHost: a\r\n\r\n',
    status: 505,
    text: 'The supported HTTP versions are 1.0 and 1.1.',
  },
];

for (const { what, bytes, status, text } of REFUSALS) {
  test(`${what} gets a ${status}, ends the connection, and reaches no service`, async (t) => {
    const running = await startServer(t, { maxTargetBytes: 256, maxHeadBytes: 1_000, maxHeaders: 10 });
    const client = await running.connect();
    const response = await client.request(bytes);
    assert.deepEqual(
      [response.status, response.body, response.headers.get('content-type'), response.headers.get('connection')],
      [status, `${text}\n`, 'text/plain', 'close'],
    );
    assert.equal(await client.ended, 'fin');
    assert.equal(running.script.exchanges.length, 0);
    assert.equal(running.counters.requestsRefused, 1);
    const [record] = running.log.with('request refused');
    assert.equal(record?.level, 'info');
    assert.deepEqual([record?.fields.id, record?.fields.peer], ['1-0', '127.0.0.1']);
  });
}

test('a malformed request after valid ones is refused after their responses', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(`${GET}GET / HTTP/1.1\nHost: a\r\n\r\n`);
  const exchange = await running.next();
  await turn();
  assert.equal(client.text, '');
  exchange.respond('good');
  assert.equal((await client.takeResponse()).body, 'good');
  assert.equal((await client.takeResponse()).status, 400);
});

test('a head that does not arrive in time gets a 408, even if its bytes trickle in', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { headerTimeout: 2 });
  const client = await running.connect();
  await writeThrough(running, client, 'GET / HT');
  advance(1.2);
  await writeThrough(running, client, 'TP/1.1\r\n');
  advance(0.2);
  assert.equal(running.counters.requestsRefused, 0);
  advance(0.2);
  const response = await client.takeResponse();
  assert.deepEqual([response.status, response.headers.get('connection')], [408, 'close']);
  assert.equal(running.log.with('request refused')[0]?.fields.code, 'HF_REQUEST_TIMEOUT');
});

test('a connection without a request is closed after the idle time, and so is one between two requests', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { idleTimeout: 3 });
  running.script.onExchange = (exchange) => exchange.respond();
  const silent = await running.connect();
  const used = await running.connect();
  await running.serverEnd(silent);
  await running.serverEnd(used);
  advance(2);
  await used.request(GET);
  advance(0.8);
  assert.equal(await silent.takeAll(), '');
  assert.equal(running.counters.connectionsOpen, 2);
  advance(2);
  assert.equal(await used.takeAll(), '');
  assert.equal(running.counters.requestsRefused, 0);
});

test('no deadline applies while a response is awaited', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { idleTimeout: 1, headerTimeout: 1, bodyTimeout: 1, writeTimeout: 1 });
  const client = await running.connect();
  client.write(GET);
  const exchange = await running.next();
  advance(1_000);
  exchange.head();
  await client.takeHead();
  advance(1_000);
  exchange.send('late', false);
  assert.equal(await client.takeChunk(), 'late');
});

test('a wanted body that stops arriving gets a 408, and the responder gets an error', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { bodyTimeout: 2 });
  const client = await running.connect();
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n');
  const exchange = await running.next();
  exchange.grant(100);
  advance(1.5);
  await writeThrough(running, client, '123');
  advance(1.5);
  assert.equal(exchange.failure(), '');
  advance(0.5);
  assert.equal(exchange.failure(), 'HF_REQUEST_TIMEOUT');
  assert.equal((await client.takeResponse()).status, 408);
});

test('a body without credits is not late; its time begins with the next credit', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { bodyTimeout: 2 });
  const client = await running.connect();
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n');
  const exchange = await running.next();
  advance(100);
  exchange.grant(5);
  advance(1.5);
  await writeThrough(running, client, '12345');
  advance(100);
  exchange.grant(5);
  advance(1.5);
  assert.equal(exchange.failure(), '');
  await writeThrough(running, client, '67890');
  assert.equal(exchange.bodyDone, true);
  advance(100);
  exchange.respond('ok');
  assert.equal((await client.takeResponse()).body, 'ok');
});

test('a request that takes too long in all gets a 408, even if it arrives steadily', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { requestTimeout: 5 });
  const client = await running.connect();
  await writeThrough(running, client, 'POST / HTTP/1.1\r\n');
  advance(1);
  client.write('Host: a\r\nContent-Length: 100\r\n\r\n');
  const exchange = await running.next();
  exchange.grant(100);
  for (let i = 0; i < 3; i++) {
    advance(1);
    await writeThrough(running, client, 'x');
    assert.equal(exchange.failure(), '');
  }
  advance(1);
  assert.equal(exchange.failure(), 'HF_REQUEST_TIMEOUT');
  assert.equal((await client.takeResponse()).status, 408);
});

test('the deadline of a whole request bounds its head too', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { headerTimeout: 10, requestTimeout: 1 });
  const client = await running.connect();
  await writeThrough(running, client, 'GET /');
  advance(1);
  assert.equal((await client.takeResponse()).status, 408);
});

test('each request of a connection has its own deadline', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { requestTimeout: 2, headerTimeout: 2 });
  running.script.onExchange = (exchange) => exchange.respond();
  const client = await running.connect();
  for (let i = 0; i < 5; i++) {
    await writeThrough(running, client, GET.slice(0, 10));
    advance(1);
    client.write(GET.slice(10));
    assert.equal((await client.takeResponse()).status, 200);
  }
});

test('a client that takes nothing for too long is cut off, counted and logged, and its responder gets an error', async (t) => {
  const advance = manualClock(t);
  const running = await startUnixServer(t, { writeTimeout: 3 });
  const client = await running.connect();
  client.socket.pause();
  client.write(GET);
  const exchange = await running.next();
  exchange.head();
  await fillSocket(exchange);
  // Further bytes within the credits, which it does not take either, win it no time.
  advance(1.5);
  exchange.send('x');
  advance(1);
  exchange.send('x');
  assert.equal(exchange.failure(), '');
  advance(0.5);
  assert.equal(exchange.failure(), 'HF_CLIENT_STALLED');
  assert.equal(running.counters.clientsStalled, 1);
  const [record] = running.log.with('client cut off');
  assert.deepEqual([record?.level, record?.fields.id, record?.fields.code], ['info', '1-1', 'HF_CLIENT_STALLED']);
  client.socket.resume();
  assert.equal((await client.takeAll()).endsWith('0\r\n\r\n'), false);
  assert.equal(running.counters.requestsAborted, 0);
});

test('a client that is cut off within a response that ends with the connection is cut off by a reset', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { writeTimeout: 3 });
  const client = await running.connect();
  client.socket.pause();
  client.write('GET / HTTP/1.0\r\n\r\n');
  const exchange = await running.next();
  const reset = t.mock.method(await running.serverEnd(client), 'resetAndDestroy');
  exchange.head();
  for (let i = 0; i < 1_000 && exchange.failure() === ''; i++) {
    while (exchange.credits >= 16_384) exchange.send(Buffer.alloc(16_384));
    await turn();
    advance(0.2);
  }
  assert.equal(exchange.failure(), 'HF_CLIENT_STALLED');
  assert.equal(reset.mock.callCount(), 1);
});

test('a client that reads slowly gets all of a response that ends the connection', async (t) => {
  const advance = manualClock(t);
  const running = await startUnixServer(t, { writeTimeout: 60 });
  const client = await running.connect();
  client.socket.pause();
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  const exchange = await running.next();
  exchange.head();
  let sent = 0;
  while (exchange.credits >= 16_384) {
    exchange.send(Buffer.alloc(16_384, 'x'));
    sent += 16_384;
  }
  exchange.send('end', false);
  await turn();
  advance(50);
  client.socket.resume();
  const response = await client.takeResponse();
  assert.equal(response.body.length, sent + 3);
});

test('a client that takes nothing of the last part of its response is cut off too', async (t) => {
  const advance = manualClock(t);
  const running = await startUnixServer(t, { writeTimeout: 5 });
  for (const fields of ['', 'Connection: close\r\n']) {
    const client = await running.connect();
    client.socket.pause();
    client.write(`GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
    const exchange = await running.next();
    exchange.head();
    await fillSocket(exchange);
    exchange.send('end', false);
    const closed = once(await running.serverEnd(client), 'close');
    await turn();
    advance(5);
    await closed;
    client.socket.resume();
    assert.equal((await client.takeAll()).endsWith('0\r\n\r\n'), false);
  }
  assert.equal(running.counters.clientsStalled, 2);
});

test('a client that takes its last response but does not close is disconnected', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t);
  const client = await running.connect();
  // Its body is still to come: to close at once could cost it the answer.
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n');
  (await running.next()).respond();
  await client.takeResponse();
  await client.ended;
  const socket = await running.serverEnd(client);
  assert.equal(socket.destroyed, false);
  const closed = once(socket, 'close');
  advance(2);
  await closed;
  assert.equal(running.counters.connectionsOpen, 0);
});

test('the connection is closed at once when its last request and response are complete', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  const socket = await running.serverEnd(client);
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  const exchange = await running.next();
  const closed = once(socket, 'close');
  exchange.respond();
  assert.equal(socket.destroyed, true);
  await client.takeResponse();
  assert.equal(await client.ended, 'fin');
  await closed;
  assert.equal(running.counters.connectionsOpen, 0);
  assert.equal(running.counters.requestsAborted, 0);
});
