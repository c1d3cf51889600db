import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { nextRead } from '../../support/next-read.ts';
import { startServer, startUnixServer } from '../../support/running-server.ts';
import { settled } from '../../support/settled.ts';

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

function post(length: number, fields = ''): string {
  return `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n${fields}\r\n`;
}

function postChunked(fields = ''): string {
  return `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n${fields}\r\n`;
}

test('a body is passed on only as far as credits are granted', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(`${post(10)}0123456789`);
  const exchange = await running.next();
  assert.equal(exchange.request.bodyLength, 10);
  assert.equal(exchange.body, '');
  const steps: string[] = [];
  for (const bytes of [1, 2, 3, 100]) {
    exchange.grant(bytes);
    steps.push(exchange.body);
  }
  assert.deepEqual(steps, ['0', '012', '012345', '0123456789']);
  assert.equal(exchange.bodyDone, true);
  exchange.respond('ok');
  assert.equal((await client.takeResponse()).body, 'ok');
});

test('only the data of a chunked body is passed on, within credits', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(
    `${postChunked()}5;ext=1\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n`,
  );
  const exchange = await running.next();
  assert.equal(exchange.request.bodyLength, UNKNOWN_LENGTH);
  const steps: string[] = [];
  for (const bytes of [3, 3, 9, 1]) {
    exchange.grant(bytes);
    steps.push(exchange.body);
  }
  assert.deepEqual(steps, ['hel', 'hello0', 'hello0123456789', 'hello0123456789']);
  assert.equal(exchange.bodyDone, true);
  exchange.respond();
  assert.equal((await running.next()).request.target, '/next');
});

test('an empty chunked body ends without data and without credits', async (t) => {
  const running = await startServer(t);
  (await running.connect()).write(`${postChunked()}0\r\n\r\n`);
  const exchange = await running.next();
  await exchange.until(() => exchange.bodyDone);
  assert.equal(exchange.body, '');
});

test('a request with Content-Length 0 has no body', async (t) => {
  const running = await startServer(t);
  (await running.connect()).write(post(0));
  const exchange = await running.next();
  assert.equal(exchange.request.bodyLength, 0);
  assert.deepEqual(exchange.chunks, []);
});

test('an upload that is not taken costs bounded memory, and continues when it is taken', async (t) => {
  const running = await startUnixServer(t, { pipelineBytes: 4_096 });
  const client = await running.connect();
  const socket = await running.serverEnd(client);
  const body = Buffer.alloc(5_000_000, 'abc');
  const paused = once(socket, 'pause');
  client.write(post(body.length)).write(body);
  const exchange = await running.next();
  await paused;
  for (let i = 0; i < 100; i++) await turn();
  assert.ok(socket.bytesRead < 4_096 + 3 * 65_536, `${socket.bytesRead} bytes`);
  while (!exchange.bodyDone) {
    const before = exchange.chunks.length;
    exchange.grant(10_000);
    await exchange.until(() => exchange.chunks.length > before);
  }
  assert.ok(Buffer.concat(exchange.chunks).equals(body));
});

test('100 (Continue) is sent when the body is first wanted, and only then', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(post(5, 'Expect: 100-Continue\r\n'));
  const exchange = await running.next();
  await turn();
  assert.equal(client.text, '');
  exchange.grant(2);
  exchange.grant(100);
  assert.equal(await client.take(), CONTINUE);
  client.write('hello');
  await exchange.until(() => exchange.bodyDone);
  exchange.respond('done');
  assert.equal((await client.takeResponse()).body, 'done');
  // The connection goes on.
  client.write(post(1, 'expect: 100-continue\r\n'));
  const second = await running.next();
  second.grant(1);
  assert.equal(await client.take(), CONTINUE);
});

test('no 100 (Continue) for a body that came along with its head', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = (exchange) => exchange.grant(100);
  const client = await running.connect();
  client.write(`${post(5, 'Expect: 100-continue\r\n')}hello`);
  const exchange = await running.next();
  await exchange.until(() => exchange.bodyDone);
  exchange.respond('done');
  assert.match(await client.take(), /^HTTP\/1\.1 200 OK\r\n/);
});

test('no 100 (Continue) for a body that came before it was wanted', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  const socket = await running.serverEnd(client);
  client.write(post(5, 'Expect: 100-continue\r\n'));
  const exchange = await running.next();
  const arrived = nextRead(socket);
  client.write('hello');
  await arrived;
  exchange.grant(100);
  assert.equal(exchange.body, 'hello');
  exchange.respond('done');
  assert.match(await client.take(), /^HTTP\/1\.1 200 OK\r\n/);
});

test('no 100 (Continue) once the final response has begun', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(post(5, 'Expect: 100-continue\r\n'));
  const exchange = await running.next();
  exchange.head({ status: 403, bodyLength: 4 });
  exchange.grant(100);
  exchange.send('nope', false);
  const response = await client.takeResponse();
  assert.deepEqual([response.status, response.body], [403, 'nope']);
  assert.equal(await client.ended, 'fin');
});

test('no 100 (Continue) for HTTP/1.0, nor for a request without a body', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = (exchange) => {
    exchange.grant(100);
    void exchange.until(() => exchange.bodyDone).then(() => exchange.respond());
  };
  const old = await running.connect();
  old.write('POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
  await running.next();
  old.write('ab');
  assert.match(await old.take(), /^HTTP\/1\.1 200 /);
  const bodyless = await running.connect();
  bodyless.write(post(0, 'Expect: 100-continue\r\n'));
  assert.match(await bodyless.take(), /^HTTP\/1\.1 200 /);
});

test('an unknown expectation gets a 417 and reaches no service', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  const response = await client.request(post(5, 'Expect: 100-continue, more\r\n'));
  assert.deepEqual(
    [response.status, response.body, response.headers.get('connection')],
    [417, 'The only supported expectation is 100-continue.\n', 'close'],
  );
  assert.equal(running.script.exchanges.length, 0);
  assert.equal(running.counters.requestsRefused, 1);
});

test('a response to an incomplete request is the last one, and reaches a client that keeps sending', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = (exchange) => exchange.respond('no', { status: 404 });
  const client = await running.connect();
  client.write(post(3_000_000)).write(Buffer.alloc(3_000_000));
  const response = await client.takeResponse();
  assert.deepEqual([response.status, response.body, response.headers.get('connection')], [404, 'no', 'close']);
  assert.equal(await client.ended, 'fin');
});

test('a malformed chunk gets a 400, and the responder gets the data before it and then the error', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(`${postChunked()}3\r\nabc\r\nxyz\r\n`);
  const exchange = await running.next();
  exchange.grant(100);
  const error = await exchange.failed();
  assert.equal(exchange.body, 'abc');
  assert.equal(error.code, 'HF_BAD_REQUEST');
  const response = await client.takeResponse();
  assert.deepEqual([response.status, response.headers.get('connection')], [400, 'close']);
});

test('a malformed chunk after the response has begun cuts the response off', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(postChunked());
  const exchange = await running.next();
  exchange.grant(100);
  exchange.head();
  exchange.send('part');
  await client.take('part\r\n');
  client.write('zz\r\n');
  assert.equal((await exchange.failed()).code, 'HF_BAD_REQUEST');
  assert.equal(await client.takeAll(), '');
});

test('no part of a body is passed on while the responder pauses it, whatever was granted', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(post(10));
  const exchange = await running.next();
  exchange.grant(100);
  exchange.requester.pauseRequest(true);
  client.write('01234');
  assert.equal(await settled(() => exchange.body.length), 0);
  client.write('56789');
  exchange.requester.pauseRequest(false);
  await exchange.until(() => exchange.bodyDone);
  assert.equal(exchange.body, '0123456789');
  exchange.respond('ok');
  assert.equal((await client.takeResponse()).body, 'ok');
});
