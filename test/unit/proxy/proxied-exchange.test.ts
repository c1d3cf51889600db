import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { request } from 'undici';
import { GRIP_FEATURES } from '../../../src/proxy/request-headers.ts';
import { responseOf } from '../../support/client.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { httpOrigin } from '../../support/http-origin.ts';
import { type RunningApp, startApp } from '../../support/running-app.ts';
import { startOrigin } from '../../support/scripted-origin.ts';

/** An app in front of an origin that writes `response`, byte by byte what the test says, to every request. */
async function inFrontOf(t: TestContext, response: string): Promise<RunningApp> {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port}`]);
  void (async () => {
    for (;;) {
      const peer = await scripted.accept();
      void (async () => {
        for (;;) {
          await peer.received();
          peer.write(response);
        }
      })();
    }
  })();
  return app;
}

test('A request reaches the origin as it was sent, and its response reaches the client', async (t) => {
  const origin = await httpOrigin(t, () => ({
    status: 207,
    reason: 'Many Things',
    headers: [
      ['Set-Cookie', 'a=1'],
      ['X-Own', 'caf\u00e9'],
      ['set-cookie', 'b=2'],
      ['Date', 'then'],
    ],
    body: 'hello',
  }));
  const app = await startApp(t, [`* ${origin.target}`], { server: { requestId: 'off' } });
  const headers = { Cookie: 'a=1', 'X-Twice': ['1', '2'], Host: 'Example.com:8080' };
  const answer = await app.send({ path: '/a%2Fb/c?d=%61/../&e', headers });
  assert.deepEqual([answer.status, answer.reason, answer.text], [207, 'Many Things', 'hello']);
  assert.deepEqual(answer.headers, [
    ...['Set-Cookie', 'a=1', 'X-Own', 'caf\u00e9', 'set-cookie', 'b=2', 'Date', 'then', 'Content-Length', '5'],
  ]);
  const received = await origin.request();
  assert.deepEqual([received.method, received.target], ['GET', '/a%2Fb/c?d=%61/../&e']);
  assert.deepEqual(received.headers, [
    ...['Host', 'Example.com:8080', 'Cookie', 'a=1', 'X-Twice', '1', 'X-Twice', '2'],
    ...['X-Forwarded-For', '127.0.0.1', 'Via', '1.1 holdfast', 'Grip-Feature', GRIP_FEATURES],
  ]);
});

test('Another client library gets its response too', async (t) => {
  const origin = await httpOrigin(t, ({ method, target, body }) => ({ body: `${method} ${target} ${body}` }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const { statusCode, body } = await request(`http://127.0.0.1:${app.client.port}/x`, { method: 'PATCH', body: 'hi' });
  assert.deepEqual([statusCode, await body.text()], [200, 'PATCH /x hi']);
});

test('Escapes that are decoded for routing reach the origin decoded', async (t) => {
  const origin = await httpOrigin(t, () => ({}));
  const app = await startApp(t, [`*,path_beg=/api,replace_beg=/v2 ${origin.target}`]);
  await app.send({ path: '/%61pi/%2f?%61' });
  assert.equal((await origin.request()).target, '/v2/%2f?%61');
});

test('A body of known length arrives with that length', async (t) => {
  const origin = await httpOrigin(t, () => ({}));
  const app = await startApp(t, [`* ${origin.target}`]);
  const body = Buffer.alloc(200_000, 'abc');
  await app.send({ method: 'PUT', body, headers: { 'Content-Length': String(body.length) } });
  const received = await origin.request();
  assert.equal(received.header('content-length'), '200000');
  assert.equal(received.header('transfer-encoding'), undefined);
  assert.ok(received.body.equals(body));
});

test('A chunked body arrives chunked, and an empty one too', async (t) => {
  const origin = await httpOrigin(t, () => ({}));
  const app = await startApp(t, [`* ${origin.target}`]);
  for (const [index, body] of ['hello', ''].entries()) {
    await app.send({ method: 'POST', body, headers: { 'Transfer-Encoding': 'chunked' } });
    const received = await origin.request(index + 1);
    assert.equal(received.header('transfer-encoding'), 'chunked');
    assert.equal(received.header('content-length'), undefined);
    assert.equal(received.body.toString(), body);
  }
});

test('Trailers of a chunked body do not reach the client', async (t) => {
  const app = await inFrontOf(
    t,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n',
  );
  const answer = await app.send();
  assert.equal(answer.text, 'hello');
  assert.equal(answer.header('x-sum'), undefined);
  assert.deepEqual(answer.message.rawTrailers, []);
});

test("A body that ends with the origin's connection is framed again", async (t) => {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port}`]);
  const pending = app.stream();
  const peer = await scripted.accept();
  await peer.received();
  peer.write('HTTP/1.0 200 OK\r\n\r\nhello, ');
  const answer = await pending;
  await answer.until('hello, ');
  peer.end('world');
  assert.equal(await answer.ended(), true);
  assert.equal(answer.text, 'hello, world');
  assert.equal(answer.header('transfer-encoding'), 'chunked');
});

test('Interim responses of an origin do not reach the client', async (t) => {
  const interim = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n';
  const app = await inFrontOf(t, `${interim}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`);
  for (let i = 0; i < 2; i++) {
    const answer = await app.send();
    assert.deepEqual([answer.status, answer.text, answer.header('link')], [200, 'ok', undefined]);
  }
});

test('The response to HEAD has the Content-Length of the origin and no body, and the connection stays open', async (t) => {
  const origin = await httpOrigin(t, ({ method }) => ({ body: `hello ${method}`, headers: { 'Content-Length': '9' } }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const peer = await app.client.connect(t);
  peer.write('HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const head = await peer.received();
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(head, /\r\nContent-Length: 9\r\n/);
  assert.match(await peer.received(), /^HTTP\/1\.1 200 OK\r\n/);
  assert.equal(await peer.received('hello GET'), 'hello GET');
});

test('204 and 304 have no body, and the connection stays open', async (t) => {
  const tag: Record<string, string> = { ETag: '"1"', 'Content-Length': '5' };
  const origin = await httpOrigin(t, ({ target }) => ({
    status: Number(target.slice(1)),
    headers: target === '/304' ? tag : {},
  }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const peer = await app.client.connect(t);
  for (const status of [204, 304, 200]) {
    peer.write(`GET /${status} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const head = await peer.received();
    assert.ok(head.startsWith(`HTTP/1.1 ${status} `));
    assert.equal(head.includes('Transfer-Encoding'), false);
    assert.equal(/Content-Length: 5/.test(head), status === 304);
    assert.equal(peer.text, '');
  }
  assert.equal(origin.connections, 1);
});

test('Fields that belong to the connection of the origin do not reach the client', async (t) => {
  const fields = [
    'Connection: X-Private, keep-alive',
    'X-Private: 1',
    'Keep-Alive: timeout=5',
    'Upgrade: h2c',
    'X-Own: 1',
  ];
  const app = await inFrontOf(t, `HTTP/1.1 200 OK\r\n${fields.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`);
  const peer = await app.client.connect(t);
  peer.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(await peer.received(), 'HTTP/1.1 200 OK\r\nX-Own: 1\r\nContent-Length: 0\r\n\r\n');
});

test('Redirects are passed to the client', async (t) => {
  const origin = await httpOrigin(t, () => ({ status: 302, headers: { Location: '/elsewhere' } }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const answer = await app.send();
  assert.deepEqual([answer.status, answer.header('location')], [302, '/elsewhere']);
  assert.equal(origin.requests.length, 1);
});

test('An encoded response passes byte for byte', async (t) => {
  const encoded = {
    gzip: gzipSync('hello'),
    deflate: deflateSync('hello'),
    br: brotliCompressSync('hello'),
    unknown: Buffer.from([0, 1, 2, 255]),
  };
  const origin = await httpOrigin(t, (incoming) => {
    const coding = incoming.header('accept-encoding') as keyof typeof encoded;
    return { headers: { 'Content-Encoding': coding }, body: encoded[coding] };
  });
  const app = await startApp(t, [`* ${origin.target}`]);
  for (const [coding, bytes] of Object.entries(encoded)) {
    const answer = await app.send({ headers: { 'Accept-Encoding': coding } });
    assert.equal(answer.header('content-encoding'), coding);
    assert.equal(answer.header('content-length'), String(bytes.length));
    assert.ok(answer.body.equals(bytes));
  }
});

test('The origin sees the Host of the request, of the route or of the target', async (t) => {
  const origin = await httpOrigin(t, () => ({}));
  const app = await startApp(t, [
    `* ${origin.target}`,
    `*,path_beg=/route,as_host=route.example:81 ${origin.target}`,
    `*,path_beg=/target,as_host=route.example ${origin.target},host=target.example`,
  ]);
  const paths = ['/', '/route', '/target'];
  for (const path of paths) await app.send({ path, headers: { Host: 'client.example:82' } });
  assert.deepEqual(
    origin.requests.map((received) => received.all('host')),
    [['client.example:82'], ['route.example:81'], ['target.example']],
  );
});

test('The host of an absolute-form target replaces the Host field', async (t) => {
  const origin = await httpOrigin(t, () => ({}));
  const app = await startApp(t, [`real.example ${origin.target}`]);
  const peer = await app.client.connect(t);
  peer.write('GET http://real.example/x?y HTTP/1.1\r\nHost: other.example\r\n\r\n');
  await peer.received();
  const received = await origin.request();
  assert.deepEqual([received.target, received.all('host')], ['/x?y', ['real.example']]);
});

test('An HTTP/1.0 request without Host gets that of its target, and a response that ends with the connection', async (t) => {
  for (const host of ['127.0.0.1', '::1']) {
    const scripted = await startOrigin(t, host);
    const target = `${host === '::1' ? '[::1]' : host}:${scripted.origin.port}`;
    const app = await startApp(t, [`* ${target}`]);
    const client = await app.client.connect(t);
    client.write('GET / HTTP/1.0\r\n\r\n');
    const peer = await scripted.accept();
    assert.ok((await peer.received()).includes(`\r\nHost: ${target}\r\n`));
    peer.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    assert.equal(await client.received(), 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
    peer.write('0\r\n\r\n');
    await once(client.socket, 'end');
    assert.equal(client.text, 'hello');
  }
});

test('Successive requests share a connection to the origin', async (t) => {
  const origin = await httpOrigin(t, ({ body }) => ({ body }));
  const app = await startApp(t, [`* ${origin.target}`]);
  for (let i = 0; i < 4; i++)
    await app.send({ method: i % 2 === 0 ? 'GET' : 'POST', body: i % 2 === 0 ? '' : 'hello' });
  assert.equal(origin.connections, 1);
  assert.equal(app.counters.originRequests, 4);
});

test('Without a pool every request gets a connection of its own', async (t) => {
  const origin = await httpOrigin(t, () => ({ body: 'ok' }));
  const app = await startApp(t, [`* ${origin.target}`], { proxy: { poolMaxIdle: 0 } });
  for (let i = 0; i < 3; i++) await app.send();
  assert.equal(origin.connections, 3);
});

test('A response that comes before the end of the upload reaches the client, and the connection ends with it', async (t) => {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port}`]);
  const outgoing = app.client.begin({ method: 'POST', headers: { 'Content-Length': '1000' } });
  outgoing.write('the beginning');
  const peer = await scripted.accept();
  await peer.received('the beginning');
  peer.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
  const answer = await responseOf(outgoing);
  await answer.ended();
  assert.deepEqual([answer.status, answer.text], [403, 'no']);
  await peer.closed;
});

test('100 (Continue) is sent when the origin is connected to take the body', async (t) => {
  const origin = await httpOrigin(t, ({ body }) => ({ body }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const peer = await app.client.connect(t);
  peer.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
  assert.equal(await peer.received(), 'HTTP/1.1 100 Continue\r\n\r\n');
  peer.write('hello');
  assert.match(await peer.received('\r\n\r\nhello'), /^HTTP\/1\.1 200 OK/);
  assert.equal((await origin.request()).header('expect'), undefined);
});

test('Every request is logged with its route and target at debug level, and none at others', async (t) => {
  const origin = await httpOrigin(t, () => ({ status: 201 }));
  const app = await startApp(t, [`*,id=mine ${origin.target}`]);
  await app.send({ path: '/x', headers: { Host: 'a.example' } });
  const { id, requestId, ...fields } = await app.log.heard('request');
  assert.match(String(id), /^\d+-1$/);
  assert.equal(String(requestId).endsWith(`-${id}`), true);
  assert.deepEqual(fields, {
    method: 'GET',
    uri: 'http://a.example/x',
    target: origin.target,
    route: 'mine',
    outcome: '201',
  });
  const quiet = await startApp(t, [`* ${origin.target}`], {}, new FakeLog(false));
  await quiet.send();
  assert.deepEqual(quiet.log.of('request'), []);
});
