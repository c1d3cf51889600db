import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { type TestContext, test } from 'node:test';
import { freePorts } from '../support/free-ports.ts';
import { runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { requirePeer } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { connectTo, type RawClient } from '../support/raw-client.ts';

/** A server with these routes and a client that is connected to it. */
async function clientOf(t: TestContext, ...routes: readonly string[]): Promise<RawClient> {
  const { clients } = await runServer(
    t,
    routes.flatMap((line) => ['--route', line]),
  );
  return connectTo(t, clients[0] ?? '');
}

/** An address at which nobody listens. */
async function nobody(): Promise<string> {
  const [port] = await freePorts(1);
  return `127.0.0.1:${port}`;
}

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

test('a request reaches the origin with its headers, and the response comes back with its own', async (t) => {
  let seen: IncomingMessage | null = null;
  const origin = await startOrigin(t, (request, response) => {
    seen = request;
    response.writeHead(201, 'Made', [
      ['X-Mood', 'good'],
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
      ['Connection', 'keep-alive, X-Hop'],
      ['X-Hop', 'not for the client'],
    ]);
    response.end('hello');
  });
  const client = await clientOf(t, `* ${origin}`);
  const response = await client.request(
    'GET /a%20b?c=d HTTP/1.1\r\nHost: a.example:80\r\nX-Twice: 1\r\nx-twice: 2\r\nAccept-Encoding: gzip\r\n' +
      'Connection: X-Mine\r\nX-Mine: not for the origin\r\nGrip-Sig: forged\r\n\r\n',
  );
  const { method, url, rawHeaders } = seen as unknown as IncomingMessage;
  assert.deepEqual([method, url], ['GET', '/a%20b?c=d']);
  const text = rawHeaders.join('\n');
  assert.match(text, /^Host\na\.example:80\n/);
  assert.match(text, /\nX-Twice\n1\nx-twice\n2\nAccept-Encoding\ngzip\n/);
  assert.match(text, /\nGrip-Feature\nstatus/);
  assert.doesNotMatch(text, /X-Mine|Grip-Sig/i);
  assert.equal(response.statusLine, 'HTTP/1.1 201 Made');
  assert.equal(response.headers.get('x-mood'), 'good');
  assert.equal(response.headers.get('set-cookie'), 'a=1, b=2');
  assert.equal(response.headers.has('x-hop'), false);
  assert.equal(response.headers.get('content-length'), '5');
  assert.equal(response.body, 'hello');
});

test('connections of clients and to origins are reused', async (t) => {
  const ports = new Set<number | undefined>();
  const origin = await startOrigin(t, (request, response) => {
    ports.add(request.socket.remotePort);
    response.end('hello');
  });
  const client = await clientOf(t, `* ${origin}`);
  for (let i = 0; i < 3; i++) assert.equal((await client.request(GET)).body, 'hello');
  assert.equal(ports.size, 1);
});

test('the response to HEAD has the length of a body that does not come', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.writeHead(200, { 'Content-Length': 5 }).end());
  const client = await clientOf(t, `* ${origin}`);
  const head = await client.request('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', 'HEAD');
  assert.deepEqual([head.status, head.headers.get('content-length'), head.body], [200, '5', '']);
  // Had there been a body, it would stand in the way of this one.
  assert.equal((await client.request('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', 'HEAD')).status, 200);
});

test('a client that has closed its sending side gets its response', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end('hello'));
  const client = await clientOf(t, `* ${origin}`);
  client.end(GET);
  assert.match(await client.takeAll(), /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nhello$/s);
  assert.equal(await client.ended, 'fin');
});

test('the next target is used when the first one cannot be reached', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end('second'));
  const client = await clientOf(t, `* ${await nobody()} ${origin}`);
  assert.equal((await client.request(GET)).body, 'second');
});

test('an origin that is down gives a 502, with details only on routes with debug', async (t) => {
  const down = await nobody();
  const client = await clientOf(t, `* ${down}`, `b.example,debug ${down}`);
  const plain = await client.request(GET);
  assert.deepEqual([plain.status, plain.body], [502, 'Error while proxying to origin.\n']);
  const { status, body } = await client.request('GET / HTTP/1.1\r\nHost: b.example\r\n\r\n');
  assert.equal(status, 502);
  assert.ok(body.startsWith('Error while proxying to origin.\nUnable to connect to any targets. '), body);
  assert.ok(body.includes(`Tried: ${down} (`), body);
});

test('a request without a route gets a 502', async (t) => {
  const client = await clientOf(t, `only.example ${await nobody()}`);
  const { status, body } = await client.request('GET / HTTP/1.1\r\nHost: other.example:80\r\n\r\n');
  assert.deepEqual([status, body], [502, 'No route for host: other.example\n']);
});

for (const [framing, headers] of [
  ['a length', { 'Content-Length': '1000' }],
  ['chunks', {}],
] as const) {
  test(`an origin that dies within a body with ${framing} leaves a visibly truncated response`, async (t) => {
    const curl = requirePeer(t, 'curl');
    if (curl === null) return;
    const origin = await startOrigin(t, (request, response) => {
      response.writeHead(200, headers);
      response.write('beginning', () => request.socket.destroy());
    });
    const { clients, program } = await runServer(t, ['--route', `* ${origin}`]);
    const { code, stdout } = await new Program(t, curl, ['-sS', `http://${clients[0]}/`]).ended;
    // "Transferred a partial file".
    assert.equal(code, 18);
    assert.equal(stdout, 'beginning');
    const failed = await program.logged('request failed');
    assert.deepEqual([failed.level, failed.code], ['warn', 'HF_ORIGIN_TRUNCATED']);
  });
}
