import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { type Edge, startEdge } from '../support/edge/edge.ts';
import { Handler } from '../support/edge/handler.ts';
import { requirePeer } from '../support/peers.ts';
import { connectTo, type RawClient } from '../support/raw-client.ts';

interface Stage {
  readonly edge: Edge;
  readonly handler: Handler;
  readonly client: RawClient;
}

/** An edge with one handler and one client; everything is to be in order at the end of the test, `finish` checks. */
async function stage(t: TestContext, args: readonly string[] = []): Promise<Stage> {
  const edge = await startEdge(t, args);
  const handler = await Handler.start(t, edge.base);
  return { edge, handler, client: await connectTo(t, edge.address) };
}

async function finish({ edge, client }: Stage): Promise<void> {
  client.socket.destroy();
  await edge.stop();
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('a GET reaches the handler with all of its head, and the client gets the response in one piece', async (t) => {
  const all = await stage(t);
  all.client.write('GET /a?b=c HTTP/1.1\r\nHost: ex.com\r\nX-Foo: 1\r\nx-foo: \xe9\r\n\r\n');
  const session = await all.handler.request();
  const { ids, userData, ...rest } = session.first;
  assert.equal(userData, null);
  assert.deepEqual(
    ids.map(({ seq }) => seq),
    [0],
  );
  const { from, multi, type, method, uri, headers, body, more, credits, stream, routerResp } = rest;
  assert.deepEqual(
    { from, multi, type, body: body.length, more, stream, routerResp, credits },
    {
      from: 'condure',
      multi: true,
      type: 'data',
      body: 0,
      more: false,
      stream: true,
      routerResp: false,
      credits: 8192,
    },
  );
  assert.deepEqual(
    { method, uri, headers },
    { method: 'GET', uri: 'http://ex.com/a?b=c', headers: ['Host', 'ex.com', 'X-Foo', '1', 'x-foo', '\xe9'] },
  );
  assert.deepEqual([rest.peerAddress, rest.peerPort], ['127.0.0.1', all.client.socket.localPort]);
  await session.respond('hello world\n', { headers: ['X-A', 'a', 'Set-Cookie', '\xe9', 'Set-Cookie', 'b'] });
  const fields = 'X-A: a\r\nSet-Cookie: \xe9\r\nSet-Cookie: b\r\nContent-Length: 12\r\n';
  assert.equal(await all.client.take(), `HTTP/1.1 200 OK\r\n${fields}\r\n`);
  assert.equal(await all.client.takeBytes(12), 'hello world\n');
  await finish(all);
});

test('curl and fetch get their responses', async (t) => {
  const all = await stage(t);
  const serve = async () => {
    for (;;) {
      const session = await all.handler.request();
      await session.respond(`${session.first.method} ${session.first.uri}`);
    }
  };
  void serve();
  const curl = requirePeer(t, 'curl');
  if (curl === null) return;
  const url = `http://${all.edge.address}/x`;
  const { stdout } = await promisify(execFile)(curl, ['-sS', url, url]);
  assert.equal(stdout, `GET ${url}GET ${url}`);
  assert.equal(await (await fetch(url, { headers: { connection: 'close' } })).text(), `GET ${url}`);
  await finish(all);
});

test('a response in many packets is sent in chunks, each at once', async (t) => {
  const all = await stage(t);
  all.client.write(GET);
  const session = await all.handler.request();
  await session.send({ code: 200, reason: 'Fine', more: true });
  const head = await all.client.takeHead();
  assert.deepEqual([head.statusLine, head.headers.get('transfer-encoding')], ['HTTP/1.1 200 Fine', 'chunked']);
  for (const text of ['one', 'two']) {
    await session.send({ body: Buffer.from(text), more: true });
    assert.equal(await all.client.takeChunk(), text);
  }
  await session.send({ body: Buffer.from('three') });
  assert.equal(await all.client.takeChunk(), 'three');
  assert.equal(await all.client.takeChunk(), '');
  await finish(all);
});

test('a response with Content-Length in many packets is sent under that length, without chunks', async (t) => {
  const all = await stage(t);
  all.client.write(GET);
  const session = await all.handler.request();
  await session.send({ code: 200, headers: ['content-length', '10'], body: Buffer.from('01234'), more: true });
  assert.equal(await all.client.take(), 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n');
  assert.equal(await all.client.takeBytes(5), '01234');
  await session.send({ body: Buffer.from('56789'), more: true });
  assert.equal(await all.client.takeBytes(5), '56789');
  await session.send({});
  all.client.write(GET);
  await (await all.handler.request()).respond('next');
  assert.equal((await all.client.takeResponse()).body, 'next');
  await finish(all);
});

test('a large response arrives whole as credits come back', async (t) => {
  const all = await stage(t);
  const body = Buffer.alloc(1_000_000, '0123456789');
  all.client.write(GET);
  const session = await all.handler.request();
  await session.send({ code: 200, headers: ['Content-Length', `${body.length}`], more: true });
  const [response] = await Promise.all([all.client.takeResponse(), session.sendBody(body)]);
  assert.ok(response.body === body.toString());
  await finish(all);
});

test('the handler of a client that takes nothing gets no credits, and a cancel after --stream-timeout', async (t) => {
  const all = await stage(t, ['--stream-timeout', '1']);
  all.client.socket.pause();
  all.client.write(GET);
  const session = await all.handler.request();
  await session.send({ code: 200, more: true });
  let sent = 0;
  const flood = async () => {
    for (;;) {
      await session.hasCredits(1);
      const body = Buffer.alloc(session.credits);
      sent += body.length;
      await session.send({ body, more: true });
    }
  };
  await assert.rejects(flood(), /a packet of type cancel came/);
  // What the system keeps for the two ends of a connection.
  assert.ok(sent < 100_000_000, `${sent} bytes`);
  all.client.socket.destroy();
  assert.equal((await all.edge.stop()).server.clientsStalled, 1);
});

test('an upload is sent to the handler only as it grants credits', async (t) => {
  const all = await stage(t);
  all.client.write('POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world');
  const session = await all.handler.request();
  assert.deepEqual([session.first.more, session.first.body.length], [true, 0]);
  await session.send({ type: 'keep-alive' });
  await session.send({ type: 'credit', credits: 5 });
  const first = await session.next('data');
  assert.deepEqual([first.body.toString(), first.more], ['hello', true]);
  await session.send({ type: 'credit', credits: 100 });
  const second = await session.next('data');
  assert.deepEqual([second.body.toString(), second.more], [' world', false]);
  await session.respond('done');
  assert.equal((await all.client.takeResponse()).body, 'done');
  await finish(all);
});

test('a chunked upload of a megabyte arrives without its chunks, and trailers are dropped', async (t) => {
  const all = await stage(t);
  const body = Buffer.alloc(1_000_000, 'abcdefghij').toString();
  all.client.write('POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let at = 0; at < body.length; at += 50_000) all.client.write(`c350;x=y\r\n${body.slice(at, at + 50_000)}\r\n`);
  all.client.write('0\r\nX-Trailer: 1\r\n\r\n');
  const session = await all.handler.request();
  await session.send({ type: 'credit', credits: 20_000 });
  assert.ok((await session.takeBody()).toString() === body);
  await session.respond('done');
  assert.equal((await all.client.takeResponse()).body, 'done');
  await finish(all);
});

test('100 Continue is sent only when the handler wants the body', async (t) => {
  const all = await stage(t);
  all.client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
  const session = await all.handler.request();
  assert.ok(session.first.headers.includes('Expect'));
  assert.equal(all.client.text, '');
  await session.send({ type: 'credit', credits: 10 });
  assert.equal(await all.client.take(), 'HTTP/1.1 100 Continue\r\n\r\n');
  all.client.write('ok');
  assert.equal((await session.takeBody()).toString(), 'ok');
  await session.respond('done');
  assert.equal((await all.client.takeResponse()).body, 'done');
  await finish(all);
});

test('100 Continue is not sent if the handler refuses an upload', async (t) => {
  const all = await stage(t);
  all.client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
  await (await all.handler.request()).respond('no', { code: 403, reason: '' });
  const { status, headers } = await all.client.takeResponse();
  assert.deepEqual([status, headers.get('connection')], [403, 'close']);
  await finish(all);
});

test('a response before the upload has ended reaches the client at once, and the connection ends after it', async (t) => {
  const all = await stage(t);
  all.client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\npart');
  const session = await all.handler.request();
  await session.send({ type: 'credit', credits: 100_000 });
  assert.equal((await session.next('data')).body.toString(), 'part');
  await session.respond('too much', { code: 413, reason: '' });
  const { status, headers, body } = await all.client.takeResponse();
  assert.deepEqual([status, headers.get('connection'), body], [413, 'close', 'too much']);
  assert.equal(await all.client.ended, 'fin');
  await finish(all);
});

test('a declared empty body does not end the connection, and is not sent to the handler', async (t) => {
  const all = await stage(t);
  all.client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
  const session = await all.handler.request();
  assert.equal(session.first.more, false);
  await session.respond('one', { credits: 100 });
  const { body, headers } = await all.client.takeResponse();
  assert.deepEqual([body, headers.get('connection')], ['one', undefined]);
  all.client.write(GET);
  await (await all.handler.request()).respond('two');
  assert.equal((await all.client.takeResponse()).body, 'two');
  assert.equal(session.nextIn, 1);
  await finish(all);
});

test('HTTP/1.0 clients get whole responses with a length, and streamed ones up to the end of the connection', async (t) => {
  const all = await stage(t);
  all.client.write('GET /kept HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  const whole = await all.handler.request();
  assert.equal(whole.first.uri, 'http://localhost/kept');
  await whole.respond('whole');
  assert.match(await all.client.take(), /\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n$/);
  assert.equal(await all.client.takeBytes(5), 'whole');
  all.client.write('GET /streamed HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  const streamed = await all.handler.request();
  await streamed.send({ code: 200, body: Buffer.from('one'), more: true });
  assert.match(await all.client.take(), /^HTTP\/1\.1 200 OK\r\nConnection: close\r\n\r\n$/);
  await streamed.send({ body: Buffer.from('two') });
  assert.equal(await all.client.takeAll(), 'onetwo');
  await finish(all);
});

test('HEAD, 204 and 304 have no body, whatever the handler sends, and the connection stays open', async (t) => {
  const all = await stage(t);
  all.client.write('HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\n');
  await (await all.handler.request()).respond('', { headers: ['Content-Length', '1234'] });
  assert.equal((await all.client.takeResponse('HEAD')).headers.get('content-length'), '1234');
  all.client.write('HEAD /2 HTTP/1.1\r\nHost: a\r\n\r\n');
  await (await all.handler.request()).respond('body');
  assert.equal((await all.client.takeResponse('HEAD')).headers.get('content-length'), '4');
  all.client.write('HEAD /3 HTTP/1.1\r\nHost: a\r\n\r\n');
  const streamed = await all.handler.request();
  await streamed.send({ code: 200, body: Buffer.from('some'), more: true });
  await streamed.send({ body: Buffer.from('more') });
  assert.equal((await all.client.takeResponse('HEAD')).status, 200);
  for (const code of [204, 304]) {
    all.client.write(GET);
    await (await all.handler.request()).respond('body', { code, reason: '' });
    assert.equal((await all.client.takeResponse()).status, code);
  }
  all.client.write(GET);
  await (await all.handler.request()).respond('end');
  assert.equal((await all.client.takeResponse()).body, 'end');
  await finish(all);
});

test('a connection serves one request after the other, each as a session of its own', async (t) => {
  const all = await stage(t);
  const ids = new Set<string>();
  for (const name of ['one', 'two', 'three']) {
    all.client.write(GET);
    const session = await all.handler.request();
    ids.add(session.id);
    await session.respond(name);
    assert.equal((await all.client.takeResponse()).body, name);
  }
  assert.equal(ids.size, 3);
  all.client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n');
  await (await all.handler.request()).respond('last');
  assert.equal((await all.client.takeResponse()).headers.get('connection'), 'close');
  assert.equal(await all.client.ended, 'fin');
  await finish(all);
});

test('a pipelined request reaches a handler after the response to the one before it, and responses keep their order', async (t) => {
  const all = await stage(t);
  all.client.write(['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
  for (const path of ['/1', '/2', '/3']) {
    const session = await all.handler.request();
    assert.equal(session.first.uri, `http://a${path}`);
    assert.equal(all.handler.requests.all.length, 0);
    await session.respond(path);
    assert.equal((await all.client.takeResponse()).body, path);
  }
  await finish(all);
});

test("framing fields of a response are the edge's own, and Connection is replaced", async (t) => {
  const all = await stage(t);
  all.client.write(GET);
  const headers = ['Connection', 'close', 'Transfer-Encoding', 'gzip', 'Keep-Alive', 'x', 'X-Kept', '1'];
  await (await all.handler.request()).respond('body', { headers });
  assert.equal(await all.client.take(), 'HTTP/1.1 200 OK\r\nX-Kept: 1\r\nContent-Length: 4\r\n\r\n');
  assert.equal(await all.client.takeBytes(4), 'body');
  all.client.write(GET);
  await (await all.handler.request()).respond('next');
  assert.equal((await all.client.takeResponse()).body, 'next');
  await finish(all);
});
