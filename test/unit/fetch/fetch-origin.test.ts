import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ExchangeError, UNKNOWN_LENGTH, WINDOW } from '../../../src/exchange/index.ts';
import { HttpFetcher } from '../../../src/fetch/index.ts';
import { Guard } from '../../../src/net/index.ts';
import { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { OK, type ScriptedOrigin, startOrigin } from '../../support/scripted-origin.ts';
import { Fixture } from '../client/fixture.ts';
import { type RigRequest, requestOf } from './fetch-rig.ts';

/** A fetcher with a real client, and an origin for it. */
class Fetching {
  readonly fixture: Fixture;
  readonly scripted: ScriptedOrigin;
  readonly #fetcher: HttpFetcher;

  constructor(t: TestContext, scripted: ScriptedOrigin) {
    this.fixture = new Fixture(t);
    this.scripted = scripted;
    const { client, wheel, counters } = this.fixture;
    const opener = { open: () => assert.fail('nobody asks for a WebSocket') };
    this.#fetcher = new HttpFetcher({ client, opener, wheel, counters, log: new FakeLog(), ipv4Only: false });
  }

  /** `host:port` of the origin. */
  get authority(): string {
    return this.scripted.origin.name;
  }

  /** Makes a request to the origin, or to another one. */
  fetch(target: string, fields: RigRequest = {}): FakeRequester {
    const uri = target.startsWith('/') ? `http://${this.authority}${target}` : target;
    const request = requestOf(uri, fields);
    const requester = new FakeRequester(request.credits);
    requester.responder = this.#fetcher.fetch(request, requester);
    return requester;
  }
}

async function fetching(t: TestContext, host = '127.0.0.1'): Promise<Fetching> {
  return new Fetching(t, await startOrigin(t, host));
}

test('An origin gets the request', async (t) => {
  const run = await fetching(t);
  const requester = run.fetch('/a/../b?c=%20#d', { headers: ['X-A', '1', 'Connection', 'x-b', 'X-B', '2'] });
  const peer = await run.scripted.accept();
  assert.equal(await peer.received(), `GET /a/../b?c=%20 HTTP/1.1\r\nHost: ${run.authority}\r\nX-A: 1\r\n\r\n`);
  peer.write(OK);
  await requester.completed();
  assert.equal(requester.body, 'ok');
});

for (const [method, bodyLength, framing] of [
  ['GET', 0, ''],
  ['HEAD', 0, ''],
  ['OPTIONS', 0, ''],
  ['DELETE', 0, ''],
  ['POST', 0, 'Content-Length: 0\r\n'],
  ['PUT', 0, 'Content-Length: 0\r\n'],
  ['PATCH', 0, 'Content-Length: 0\r\n'],
  ['PROPFIND', 0, 'Content-Length: 0\r\n'],
  ['GET', 5, 'Content-Length: 5\r\n'],
  ['DELETE', 5, 'Content-Length: 5\r\n'],
  ['POST', 5, 'Content-Length: 5\r\n'],
  ['POST', UNKNOWN_LENGTH, 'Transfer-Encoding: chunked\r\n'],
] as const) {
  test(`${method} with a body of ${bodyLength} bytes is framed`, async (t) => {
    const run = await fetching(t);
    const headers = ['Content-Length', 'x', 'Transfer-Encoding', 'gzip'];
    const requester = run.fetch('/', { method, bodyLength, headers });
    const peer = await run.scripted.accept();
    if (bodyLength !== 0) {
      await requester.until(() => requester.requestCredit > 0);
      requester.send('hello', false);
    }
    const head = `${method} / HTTP/1.1\r\nHost: ${run.authority}\r\n${framing}\r\n`;
    const body = bodyLength === 0 ? '' : bodyLength === 5 ? 'hello' : '5\r\nhello\r\n0\r\n\r\n';
    assert.equal(await peer.received(head + body), head + body);
    assert.equal(peer.text, '');
    peer.write(method === 'HEAD' ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' : OK);
    await requester.completed();
  });
}

test('A body that is not as long as its Content-Length ends its connection', async (t) => {
  for (const pieces of [['abc', 'defg'], ['ab']]) {
    const run = await fetching(t);
    const fields = { method: 'POST', bodyLength: UNKNOWN_LENGTH, headers: ['Content-Length', '6'] };
    const requester = run.fetch('/', fields);
    const peer = await run.scripted.accept();
    await requester.until(() => requester.requestCredit > 0);
    // The head has left: with nothing sent the connection would be as good as before.
    await peer.received();
    for (const [index, piece] of pieces.entries()) requester.send(piece, index < pieces.length - 1);
    assert.equal((await requester.failed()).code, 'HF_FETCH_INVALID');
    await peer.closed;
    // Not a byte too many got there.
    assert.ok(!peer.text.includes('defg'));
    const next = run.fetch('/');
    const other = await run.scripted.accept();
    await other.received();
    other.write(OK);
    await next.completed();
  }
});

test('A redirect to the same origin uses the same connection', async (t) => {
  const run = await fetching(t);
  const requester = run.fetch('/a', { options: { followRedirects: true } });
  const peer = await run.scripted.accept();
  for (const target of ['/a', '/b', '/c']) {
    assert.match(await peer.received(), new RegExp(`^GET ${target} HTTP`));
    const next = String.fromCharCode(target.charCodeAt(1) + 1);
    if (target !== '/c') peer.write(`HTTP/1.1 302 Found\r\nLocation: ${next}\r\nContent-Length: 5\r\n\r\nmoved`);
  }
  peer.write(OK);
  assert.equal((await requester.completed()).status, 200);
  assert.equal(requester.body, 'ok');
  assert.equal(run.scripted.accepted, 1);
  assert.equal(run.fixture.counters.originRequests, 3);
});

test('A redirect to another origin sends the body, and no credentials', async (t) => {
  const run = await fetching(t);
  const there = await startOrigin(t);
  const requester = run.fetch('/a', {
    method: 'PUT',
    bodyLength: 5,
    headers: ['Authorization', 'x', 'X', '1'],
    options: { followRedirects: true },
  });
  const peer = await run.scripted.accept();
  await requester.until(() => requester.requestCredit > 0);
  requester.send('hello', false);
  assert.match(await peer.received('hello'), /\r\nAuthorization: x\r\n/);
  peer.write(`HTTP/1.1 307 \r\nLocation: http://${there.origin.name}/b\r\nContent-Length: 0\r\n\r\n`);
  const other = await there.accept();
  assert.equal(
    await other.received('hello'),
    `PUT /b HTTP/1.1\r\nHost: ${there.origin.name}\r\nX: 1\r\nContent-Length: 5\r\n\r\nhello`,
  );
  other.write(OK);
  await requester.completed();
});

test('A redirect with a long or endless body ends its connection', async (t) => {
  for (const framing of ['Content-Length: 65537\r\n', 'Transfer-Encoding: chunked\r\n']) {
    const run = await fetching(t);
    const requester = run.fetch('/a', { options: { followRedirects: true }, credits: 10 });
    const peer = await run.scripted.accept();
    await peer.received();
    peer.write(`HTTP/1.1 302 Found\r\nLocation: /b\r\n${framing}\r\n`);
    const endless = setInterval(() => peer.write(`1000\r\n${'x'.repeat(4_096)}\r\n`), 1);
    t.after(() => clearInterval(endless));
    const other = await run.scripted.accept();
    clearInterval(endless);
    await peer.closed;
    await other.received();
    other.write(OK);
    await requester.completed();
    assert.equal(requester.body, 'ok');
  }
});

test('A redirect before the end of the body ends its connection, and the body goes to the next origin', async (t) => {
  const run = await fetching(t);
  const requester = run.fetch('/a', { method: 'PUT', bodyLength: 10, options: { followRedirects: true } });
  const peer = await run.scripted.accept();
  await requester.until(() => requester.requestCredit > 0);
  requester.send('hello', true);
  await peer.received('hello');
  // Its answer has no end until the body has.
  peer.write('HTTP/1.1 308 \r\nLocation: /b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nmoved\r\n');
  const other = await run.scripted.accept();
  await peer.closed;
  assert.match(await other.received('hello'), /^PUT \/b HTTP/);
  requester.send('world', false);
  await other.received('world');
  other.write(OK);
  await requester.completed();
});

test('A redirect to an address that the guard denies is a policy violation without a dial', async (t) => {
  const guard = new Guard({
    defaultPolicy: 'allow',
    allow: ['127.0.0.1'],
    deny: ['127.0.0.0/8', '::1'],
    denyInternal: false,
  });
  const run = await fetching(t);
  const denied = await startOrigin(t, '::1');
  const { port } = denied.origin;
  for (const host of ['[::1]', 'localhost.', '127.1.2.3']) {
    const requester = run.fetch('/', { options: { followRedirects: true, guard } });
    const peer = await run.scripted.accept();
    await peer.received();
    peer.write(`HTTP/1.1 302 \r\nLocation: http://${host}:${port}/\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    const error = await requester.failed();
    // Of localhost one address is allowed, at which nobody listens.
    assert.ok(
      error.code === 'HF_POLICY_VIOLATION' || (host === 'localhost.' && error.code === 'HF_ORIGIN_UNREACHABLE'),
    );
    await peer.closed;
  }
  assert.equal(denied.accepted, 0);
});

test('An encoded body is decoded within credits, however large it grows, and its connection is reused', async (t) => {
  const run = await fetching(t);
  const size = 20_000_000;
  const encoded = gzipSync(Buffer.alloc(size, 'abcdefghijk'));
  const requester = run.fetch('/', { options: { decompress: true }, credits: WINDOW });
  const peer = await run.scripted.accept();
  await peer.received();
  peer.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${encoded.length}\r\n\r\n`);
  peer.socket.write(encoded);
  let received = 0;
  let seen = 0;
  requester.onCall = () => {
    const chunk = requester.chunks[seen];
    if (chunk === undefined) return;
    requester.chunks[seen++] = Buffer.alloc(0);
    received += chunk.length;
    if (requester.end === null) requester.grant(chunk.length);
  };
  await requester.completed();
  assert.equal(received, size);
  const next = run.fetch('/');
  await peer.received();
  peer.write(OK);
  await next.completed();
  assert.equal(run.scripted.accepted, 1);
});

test('A request that times out, is too large or cannot be decoded ends its connection', async (t) => {
  for (const [options, answer, code] of [
    [{ timeout: 20 }, '', 'HF_FETCH_TIMEOUT'],
    [{ timeout: 20 }, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\na', 'HF_FETCH_TIMEOUT'],
    [{ maxSize: 4 }, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\na', 'HF_ORIGIN_BODY_TOO_LARGE'],
    [{ maxSize: 4 }, 'HTTP/1.1 200 OK\r\n\r\nabcde', 'HF_ORIGIN_BODY_TOO_LARGE'],
    [{ decompress: true }, 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nabcde', 'HF_ORIGIN_PROTOCOL'],
  ] as const) {
    const run = await fetching(t);
    const requester = run.fetch('/', { options });
    const peer = await run.scripted.accept();
    await peer.received();
    peer.write(answer);
    assert.equal((await requester.failed()).code, code);
    await peer.closed;
    assert.equal(run.fixture.counters.originErrors, 1);
  }
});

test('A requester that leaves ends its connection, through all layers', async (t) => {
  const run = await fetching(t);
  const options = { timeout: 600_000, maxSize: 1_000, decompress: true, followRedirects: true };
  const requester = run.fetch('/', { options });
  const peer = await run.scripted.accept();
  await peer.received();
  requester.leave(new ExchangeError('HF_CLIENT_GONE'));
  await peer.closed;
});

test('A request goes to connect-host under the name of its URI', async (t) => {
  const run = await fetching(t);
  const { host, port } = run.scripted.origin;
  const requester = run.fetch('http://no-such-host.invalid:81/a', {
    options: { connectHost: host, connectPort: port },
  });
  const peer = await run.scripted.accept();
  assert.equal(await peer.received(), 'GET /a HTTP/1.1\r\nHost: no-such-host.invalid:81\r\n\r\n');
  peer.write(OK);
  await requester.completed();
});

test('An IPv6 address is reached, and named in brackets', async (t) => {
  const run = await fetching(t, '::1');
  const requester = run.fetch('/');
  const peer = await run.scripted.accept();
  assert.equal(await peer.received(), `GET / HTTP/1.1\r\nHost: [::1]:${run.scripted.origin.port}\r\n\r\n`);
  peer.write(OK);
  await requester.completed();
});

test('Kept parts of long bodies are not changed by later reads', async (t) => {
  const run = await fetching(t);
  const bodies = [1, 2, 3].map((seed) => {
    const body = Buffer.alloc(1_000_000 + seed);
    for (let i = 0; i < body.length; i++) body[i] = i * 31 + (i >> 8) * seed;
    return body;
  });
  const requesters = bodies.map(() => run.fetch('/', { credits: 10_000_000 }));
  for (const body of bodies) {
    const peer = await run.scripted.accept();
    await peer.received();
    peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
    peer.socket.write(body);
  }
  for (const requester of requesters) await requester.completed();
  // More is read into whatever buffers there are.
  const last = run.fetch('/');
  for (const requester of requesters) {
    const received = Buffer.concat(requester.chunks);
    assert.ok(bodies.some((body) => body.equals(received)));
  }
  last.responder?.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
});
