import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { Payload } from '../../../src/exchange/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { nextRead } from '../../support/next-read.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { type RunningServer, startServer, startUnixServer } from '../../support/running-server.ts';
import type { ScriptedExchange } from '../../support/scripted-service.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const OLD_GET = 'GET / HTTP/1.0\r\n\r\n';

async function ask(running: RunningServer, request = GET): Promise<{ client: RawClient; exchange: ScriptedExchange }> {
  const client = await running.connect();
  client.write(request);
  return { client, exchange: await running.next() };
}

test('a response with a known length is written with Content-Length, whatever the version', async (t) => {
  const running = await startServer(t);
  for (const request of [GET, OLD_GET]) {
    const { client, exchange } = await ask(running, request);
    exchange.head({ status: 201, reason: 'Made', headers: ['X', '1', 'X', '2'], bodyLength: 6 });
    exchange.send('abc');
    exchange.send('def', false);
    const { statusLine, headers, body } = await client.takeResponse();
    assert.equal(statusLine, 'HTTP/1.1 201 Made');
    assert.equal(body, 'abcdef');
    assert.deepEqual([headers.get('x'), headers.get('content-length')], ['1, 2', '6']);
    assert.equal(headers.get('transfer-encoding'), undefined);
  }
});

test('responses leave at the end of the turn, those of one client in order and in one write', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = (exchange) => exchange.respond(exchange.request.target);
  const client = await running.connect();
  const socket = await running.serverEnd(client);
  const writes = t.mock.method(socket as Required<Socket>, '_writev');
  const read = nextRead(socket);
  client.write(['/1', '/2', '/3'].map((target) => GET.replace('/', target)).join(''));
  await read;
  assert.ok(socket.writableLength > 0);
  for (const body of ['/1', '/2', '/3']) assert.equal((await client.takeResponse()).body, body);
  assert.equal(writes.mock.callCount(), 1);
});

test('the last response on a connection does not wait for the end of the turn', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running, GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  const socket = await running.serverEnd(client);
  exchange.respond('done');
  assert.equal(socket.writableLength, 0);
  assert.equal(socket.destroyed, true);
  assert.equal((await client.takeResponse()).body, 'done');
});

test('a complete response arrives, even if the next one breaks off in the same turn', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = (exchange) => {
    if (exchange.request.target === '/1') {
      exchange.respond('whole');
      return;
    }
    exchange.head({ bodyLength: 5 });
    exchange.send('half');
    exchange.fail('HF_ORIGIN_TRUNCATED');
  };
  const client = await running.connect();
  client.write(GET.replace('/', '/1') + GET.replace('/', '/2'));
  assert.equal((await client.takeResponse()).body, 'whole');
  assert.ok((await client.takeAll()).endsWith('\r\n\r\nhalf'));
});

test('a head that cannot be written holds back nothing', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running);
  exchange.head({ headers: ['X', 'a\nb'] });
  assert.equal((await client.takeResponse()).status, 502);
});

test('an empty reason is replaced by the registered phrase', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running);
  exchange.respond('', { status: 404 });
  assert.equal((await client.takeResponse()).statusLine, 'HTTP/1.1 404 Not Found');
});

test('a response of unknown length is chunked for HTTP/1.1, piece by piece as it comes', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running);
  exchange.head();
  const head = await client.takeHead();
  assert.equal(head.headers.get('transfer-encoding'), 'chunked');
  for (const piece of ['a', 'b'.repeat(5_000)]) {
    exchange.send(piece);
    assert.equal(await client.takeChunk(), piece);
  }
  exchange.send('end', false);
  assert.equal(await client.takeChunk(), 'end');
  assert.equal(await client.take(), '0\r\n\r\n');
});

test('a response of unknown length ends with the connection for HTTP/1.0', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  exchange.head();
  exchange.send('abc');
  exchange.send(Buffer.from('def'));
  exchange.send('', false);
  const response = await client.takeResponse();
  assert.equal(response.body, 'abcdef');
  assert.equal(response.headers.get('transfer-encoding'), undefined);
  assert.equal(response.headers.get('connection'), 'close');
});

test('a response of unknown length that is complete before its head has left gets a Content-Length', async (t) => {
  const running = await startServer(t);
  for (const request of [GET, OLD_GET]) {
    const { client, exchange } = await ask(running, request);
    exchange.head();
    exchange.send('whole', false);
    const { headers, body } = await client.takeResponse();
    assert.deepEqual([body, headers.get('content-length')], ['whole', '5']);
  }
});

test('a head whose body has not begun leaves at the end of the turn', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running);
  exchange.head({ bodyLength: 3 });
  assert.equal((await client.takeHead()).headers.get('content-length'), '3');
  exchange.send('abc', false);
  assert.equal(await client.takeBytes(3), 'abc');
});

test("fields that frame the message or belong to the connection are the server's own", async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running);
  const headers = [
    'Content-Length',
    '99',
    'transfer-encoding',
    'gzip',
    'CONNECTION',
    'upgrade',
    'Keep-Alive',
    'timeout=1',
    'A',
    'b',
  ];
  exchange.respond('four', { headers });
  const response = await client.takeResponse();
  assert.deepEqual(Object.fromEntries(response.headers), { a: 'b', 'content-length': '4' });
});

test('responses to HEAD have no body, and the connection stays open', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  const head = 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n';
  client.write(head + head + head + GET);
  (await running.next()).respond('', { headers: ['Content-Length', '1234'], bodyLength: 0 });
  assert.equal((await client.takeResponse('HEAD')).headers.get('content-length'), '1234');
  // What a service gives as body is what a GET would get.
  (await running.next()).respond('five!');
  assert.equal((await client.takeResponse('HEAD')).headers.get('content-length'), '5');
  const stream = await running.next();
  stream.head();
  stream.send('never sent');
  stream.requester.onResponsePayload(new Payload(Buffer.from('neither')));
  stream.send('', false);
  assert.equal((await client.takeResponse('HEAD')).status, 200);
  (await running.next()).respond('body');
  assert.equal((await client.takeResponse()).body, 'body');
});

test('204 has neither body nor length, 304 no body, and the connection stays open', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(GET + GET + GET);
  (await running.next()).respond('dropped', { status: 204, headers: ['Content-Length', '7'] });
  const noContent = await client.takeResponse();
  assert.deepEqual([noContent.status, noContent.headers.get('content-length')], [204, undefined]);
  assert.equal(noContent.headers.get('transfer-encoding'), undefined);
  (await running.next()).respond('', { status: 304, headers: ['Content-Length', '1234'] });
  const notModified = await client.takeResponse();
  assert.deepEqual([notModified.status, notModified.headers.get('content-length')], [304, '1234']);
  (await running.next()).respond('body');
  assert.equal((await client.takeResponse()).body, 'body');
});

test('a payload is encoded once for all HTTP/1.1 clients, and goes out as it is to HTTP/1.0 ones', async (t) => {
  const running = await startServer(t);
  const asked = [];
  for (const request of [GET, GET, OLD_GET]) asked.push(await ask(running, request));
  const payload = new Payload(Buffer.from('item\n'));
  for (const { exchange } of asked) exchange.head();
  for (const { exchange } of asked) exchange.requester.onResponsePayload(payload);
  const encoded = payload.http1Chunk;
  assert.equal(encoded?.toString(), '5\r\nitem\n\r\n');
  for (const { exchange } of asked) exchange.requester.onResponsePayload(payload);
  assert.equal(payload.http1Chunk, encoded);
  for (const { exchange } of asked) exchange.send('', false);
  for (const { client } of asked) assert.equal((await client.takeResponse()).body, 'item\nitem\n');
});

test('payloads, data and lengths mix', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running);
  exchange.head({ bodyLength: 9 });
  exchange.requester.onResponsePayload(new Payload(Buffer.from('abc')));
  exchange.send('def');
  exchange.requester.onResponsePayload(new Payload(Buffer.from('ghi')));
  exchange.send('', false);
  assert.equal((await client.takeResponse()).body, 'abcdefghi');
});

test('an empty payload or piece does not end a chunked body', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running);
  exchange.head();
  const empty = new Payload(Buffer.alloc(0));
  exchange.requester.onResponsePayload(empty);
  exchange.requester.onResponsePayload(empty);
  exchange.requester.onResponseData(Buffer.alloc(0), true);
  exchange.send('still here', false);
  assert.equal((await client.takeResponse()).body, 'still here');
});

test('credits come back at once while the client takes everything', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running);
  exchange.head();
  exchange.send('x'.repeat(1_000));
  assert.equal(exchange.credits, 65_536);
  exchange.requester.onResponsePayload(new Payload(Buffer.alloc(1_000)));
  assert.equal(exchange.credits, 65_536 + 1_000);
  await client.takeHead();
});

test('credits come back only as the client takes what was sent, which bounds what waits for it', async (t) => {
  const running = await startUnixServer(t);
  const { client, exchange } = await ask(running);
  client.socket.pause();
  exchange.head();
  const piece = Buffer.alloc(16_384, 'p');
  let sent = 0;
  // Until the client is full: no credit comes back for the last pieces.
  while (exchange.credits >= piece.length) {
    exchange.send(piece);
    sent += piece.length;
    await turn();
  }
  const socket = await running.serverEnd(client);
  // What may wait before the socket asks for patience, and a window on top.
  assert.ok(socket.writableLength <= 2 * 65_536 + 1_000, `${socket.writableLength} bytes wait`);
  const before = exchange.credits;
  client.socket.resume();
  await exchange.until(() => exchange.credits > before);
  assert.equal(exchange.credits, 65_536);
  exchange.send('', false);
  assert.equal((await client.takeResponse()).body.length, sent);
});

test('a failure before the response becomes its status and text, and the connection stays open', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running);
  exchange.fail('HF_ORIGIN_TIMEOUT', 'secret detail');
  const response = await client.takeResponse();
  assert.deepEqual([response.status, response.body], [504, 'The origin did not respond in time.\n']);
  assert.equal(response.headers.get('connection'), undefined);
  client.write(GET);
  (await running.next()).respond('next');
  assert.equal((await client.takeResponse()).body, 'next');
});

test('a failure takes the place of a head that has not left', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running);
  exchange.head({ headers: ['X', 'y'], bodyLength: 10 });
  exchange.fail('HF_ORIGIN_TRUNCATED', '');
  const response = await client.takeResponse();
  assert.deepEqual([response.status, response.headers.get('x')], [502, undefined]);
});

test('a failure within a chunked response ends the connection without the last chunk', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running);
  exchange.head();
  exchange.send('part');
  await client.take('part\r\n');
  exchange.fail('HF_ORIGIN_TRUNCATED', '');
  assert.equal(await client.takeAll(), '');
});

test('a failure within a response of known length ends the connection early', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running);
  exchange.head({ bodyLength: 100 });
  exchange.send('part');
  await client.take('part');
  exchange.fail('HF_ORIGIN_TRUNCATED', '');
  assert.equal(await client.takeAll(), '');
});

test('a failure within a response that ends with the connection is a reset', async (t) => {
  const running = await startServer(t);
  const { client, exchange } = await ask(running, OLD_GET);
  exchange.head();
  exchange.send('part');
  await client.take('part');
  exchange.fail('HF_ORIGIN_TRUNCATED', '');
  assert.equal(await client.ended, 'reset');
});

test('a 304 with a body keeps only its own Content-Length', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  for (const [headers, length] of [
    [[], undefined],
    [['Content-Length', '1234'], '1234'],
  ] as const) {
    client.write(GET);
    (await running.next()).respond('not to be sent', { status: 304, headers: [...headers] });
    const response = await client.takeResponse();
    assert.deepEqual([response.status, response.headers.get('content-length')], [304, length]);
  }
});

test('a 426 with Upgrade has it in Connection, and one without has not', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  for (const [headers, connection] of [
    [['Upgrade', 'TLS/1.0'], 'Upgrade'],
    [[], undefined],
  ] as const) {
    client.write(GET);
    (await running.next()).respond('', { status: 426, headers: [...headers] });
    const response = await client.takeResponse();
    assert.deepEqual([response.headers.get('upgrade'), response.headers.get('connection')], [headers[1], connection]);
  }
});

test('a failure before the body of the request was read says that the connection is closed', async (t) => {
  const running = await startServer(t);
  for (const body of ['Content-Length: 3\r\n\r\n', 'Transfer-Encoding: chunked\r\n\r\n']) {
    const client = await running.connect();
    client.write(`POST / HTTP/1.1\r\nHost: a\r\n${body}`);
    (await running.next()).fail('HF_ORIGIN_UNREACHABLE');
    const response = await client.takeResponse();
    assert.deepEqual([response.status, response.headers.get('connection')], [502, 'close']);
    assert.equal(await client.ended, 'fin');
  }
});
