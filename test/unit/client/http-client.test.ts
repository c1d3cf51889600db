import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Origin, originOf } from '../../../src/client/index.ts';
import { UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import type { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { Fixture } from './fixture.ts';

/** An origin that is an ordinary program: node's own HTTP server. */
async function startNodeOrigin(t: TestContext, listener: RequestListener): Promise<{ server: Server; origin: Origin }> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, origin: originOf('127.0.0.1', (server.address() as AddressInfo).port) };
}

/** Takes the response at its own pace and sends the body as it is granted, until the exchange is over. */
function run(requester: FakeRequester, body: Buffer = Buffer.alloc(0)): Promise<unknown> {
  let sent = 0;
  let taken = 0;
  let busy = false;
  requester.onCall = () => {
    if (busy) return;
    busy = true;
    while (sent < body.length && requester.requestCredit > 0) {
      const part = body.subarray(sent, sent + requester.requestCredit);
      sent += part.length;
      requester.send(part, sent < body.length);
    }
    while (taken < requester.chunks.length) {
      const { length } = requester.chunks[taken++] as Buffer;
      if (requester.end === null) requester.grant(length);
    }
    busy = false;
  };
  requester.onCall();
  return requester.completed();
}

test('A node:http origin sees the request as it was meant, and its response arrives as it was given', async (t) => {
  const { origin } = await startNodeOrigin(t, (request, response) => {
    response.setHeader('X-Seen', JSON.stringify([request.method, request.url, request.rawHeaders]));
    response.end('hello');
  });
  const headers = ['Host', 'a.example', 'X-A', '1', 'x-a', '2'];
  const requester = new Fixture(t).send(origin, { method: 'DELETE', target: '/a/b?c', headers });
  await run(requester);
  const { head } = requester;
  const seen = head?.headers[head.headers.indexOf('X-Seen') + 1];
  assert.deepEqual(JSON.parse(seen ?? ''), ['DELETE', '/a/b?c', headers]);
  assert.equal(head?.status, 200);
  assert.equal(head?.reason, 'OK');
  assert.equal(head?.bodyLength, 5);
  assert.equal(requester.body, 'hello');
});

for (const [what, known] of [
  ['of known length', true],
  ['of unknown length', false],
] as const) {
  test(`Bodies ${what}, large and small, come back from an origin that echoes them`, async (t) => {
    const { origin } = await startNodeOrigin(t, (request, response) => {
      const length = request.headers['content-length'];
      if (length !== undefined) response.setHeader('Content-Length', length);
      request.pipe(response);
    });
    const fixture = new Fixture(t);
    for (const size of [1, 4_096, 4_097, 65_536, 65_537, 2_000_000]) {
      const body = Buffer.alloc(size, 'The quick brown fox. ');
      const requester = fixture.send(origin, {
        method: 'POST',
        bodyLength: known ? size : UNKNOWN_LENGTH,
        credits: 30_000,
      });
      await run(requester, body);
      const digest = (data: Buffer) => createHash('sha256').update(data).digest('hex');
      assert.equal(digest(Buffer.concat(requester.chunks)), digest(body));
      assert.equal(requester.head?.bodyLength, known ? size : UNKNOWN_LENGTH);
    }
  });
}

test('HEAD, 204, 304 and trailers of a node:http origin leave the connection fit for the next request', async (t) => {
  const { server, origin } = await startNodeOrigin(t, (request, response) => {
    const status = Number(request.url?.slice(1));
    response.statusCode = status;
    if (request.method === 'HEAD') response.setHeader('Content-Length', '1000');
    if (request.method === 'GET' && status === 200) {
      response.setHeader('Trailer', 'X-Sum');
      response.write('some ');
      response.addTrailers({ 'X-Sum': '1' });
    }
    response.end(status === 200 ? 'body' : undefined);
  });
  let connections = 0;
  server.on('connection', () => connections++);
  const fixture = new Fixture(t);
  for (const [method, status, body] of [
    ['HEAD', 200, ''],
    ['GET', 204, ''],
    ['GET', 304, ''],
    ['GET', 200, 'some body'],
    ['OPTIONS', 200, 'body'],
  ] as const) {
    const requester = fixture.send(origin, { method, target: `/${status}` });
    await run(requester);
    assert.equal(requester.head?.status, status);
    assert.equal(requester.body, body);
  }
  assert.equal(connections, 1);
});

test('An interim response of a node:http origin is not the response', async (t) => {
  const { origin } = await startNodeOrigin(t, (_request, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    response.writeProcessing();
    response.end('done');
  });
  const requester = new Fixture(t).send(origin);
  await run(requester);
  assert.equal(requester.head?.status, 200);
  assert.equal(requester.body, 'done');
});

test('Many exchanges at once each get their own response', async (t) => {
  const { origin } = await startNodeOrigin(t, (request, response) => {
    response.end(request.url);
  });
  const fixture = new Fixture(t);
  for (let round = 0; round < 3; round++) {
    const requesters = Array.from({ length: 100 }, (_, i) => fixture.send(origin, { target: `/${round}/${i}` }));
    await Promise.all(requesters.map((requester) => run(requester)));
    assert.deepEqual(
      requesters.map((requester) => requester.body),
      requesters.map((_, i) => `/${round}/${i}`),
    );
  }
  assert.equal(fixture.counters.originRequests, 300);
  assert.equal(fixture.counters.originErrors, 0);
});

test('A client that was closed still carries exchanges, each on a connection of its own', async (t) => {
  const { server, origin } = await startNodeOrigin(t, (_request, response) => {
    response.end('ok');
  });
  let connections = 0;
  server.on('connection', () => connections++);
  const fixture = new Fixture(t);
  fixture.client.close();
  await run(fixture.send(origin));
  await run(fixture.send(origin));
  assert.equal(connections, 2);
});
