import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startEdge } from '../support/edge/edge.ts';
import { Handler, type HandlerSession } from '../support/edge/handler.ts';
import { connectTo } from '../support/raw-client.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** Requests that are refused without any handler, and the status. */
const REFUSED: Readonly<Record<string, readonly [request: string, status: number]>> = {
  'an invalid request line': ['nonsense\r\n\r\n', 400],
  'an HTTP/1.1 request without Host': ['GET / HTTP/1.1\r\n\r\n', 400],
  'a space in front of a colon': ['GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n', 400],
  'a folded field': ['GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n', 400],
  'a line that ends with LF alone': ['GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n', 400],
  'a length together with chunks': [
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  'two lengths': ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
  'a length with a sign': ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello', 400],
  'another transfer coding': ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 501],
  'an expectation that is not understood': ['GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n', 417],
  CONNECT: ['CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 501],
  'another version': ['GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
  'a target of 9000 bytes': [`GET /${'a'.repeat(9_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
  'a header of 9000 bytes': [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(9_000)}\r\n\r\n`, 431],
  'a header of 65 fields': [`GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(64)}\r\n`, 431],
};

test('invalid requests get an error and reach no handler', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  for (const [what, [request, status]] of Object.entries(REFUSED)) {
    await t.test(`${what}: ${status}`, async (t) => {
      const client = await connectTo(t, edge.address);
      const response = await client.request(request);
      assert.equal(response.status, status);
      assert.equal(response.headers.get('content-type'), 'text/plain');
      assert.equal(response.headers.get('connection'), 'close');
      assert.equal(await client.ended, 'fin');
    });
  }
  const client = await connectTo(t, edge.address);
  client.write(GET);
  const session = await handler.request();
  assert.equal(session.first.uri, 'http://a/');
  await session.respond('fine');
  assert.equal((await client.takeResponse()).body, 'fine');
  client.socket.destroy();
  const { server, zhttp } = await edge.stop();
  assert.deepEqual([server.requestsRefused, zhttp.sessions], [Object.keys(REFUSED).length, 1]);
});

test('64 header fields and a header as large as --buffer-size reach the handler', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write(`GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(63)}\r\n`);
  const many = await handler.request();
  assert.equal(many.first.headers.length, 128);
  await many.respond('', { headers: new Array(128).fill('a') });
  assert.equal((await client.takeResponse()).headers.get('a')?.length, 64 * 3 - 2);
  client.write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(8192 - 33)}\r\n\r\n`);
  const large = await handler.request();
  await large.respond('', { headers: ['Y', large.first.headers[3] ?? ''] });
  assert.equal((await client.takeResponse()).headers.get('y')?.length, 8192 - 33);
  client.socket.destroy();
  await edge.stop();
});

/** What a handler may do in place of a proper answer, and whether it has to be told that the session is over: not if it said so. */
const FAILURES: Readonly<Record<string, readonly [act: (session: HandlerSession) => Promise<void>, cancel: boolean]>> =
  {
    'an error': [(session) => session.send({ type: 'error', condition: 'undefined-condition' }), false],
    'an error of no condition': [(session) => session.send({ type: 'error' }), false],
    'a cancel': [(session) => session.send({ type: 'cancel' }), false],
    'a wrong number': [
      async (session) => {
        // Before it is heard of, a packet with a number that is too large would have the request repeated.
        await session.send({ type: 'keep-alive' });
        session.nextOut++;
        return session.respond('body');
      },
      true,
    ],
    'a number again': [
      async (session) => {
        await session.send({ type: 'keep-alive' });
        session.nextOut = 0;
        await session.respond('body');
      },
      true,
    ],
    'a type that does not exist': [(session) => session.send({ type: 'strange' }), true],
    'a type of WebSockets': [(session) => session.send({ type: 'ping' }), true],
    'no code': [(session) => session.respond('body', { code: 0 }), true],
    'code 100': [(session) => session.respond('', { code: 100 }), true],
    'code 101': [(session) => session.respond('', { code: 101 }), true],
    'code 1000': [(session) => session.respond('', { code: 1000 }), true],
    'a line end in the reason': [(session) => session.respond('body', { reason: 'OK\r\nX-Evil: 1' }), false],
    'a line end in a value': [(session) => session.respond('body', { headers: ['X', 'y\r\nX-Evil: 1'] }), false],
    'a line end and a body in a value': [
      (session) => session.respond('body', { headers: ['X', 'y\r\n\r\nHTTP/1.1 200 OK\r\n'] }),
      false,
    ],
    'LF alone in a value': [(session) => session.respond('body', { headers: ['X', 'y\nX-Evil: 1'] }), false],
    'NUL in a value': [(session) => session.respond('body', { headers: ['X', 'y\0'] }), false],
    'a colon in a name': [(session) => session.respond('body', { headers: ['X: y\r\nX-Evil', '1'] }), false],
    'an empty name': [(session) => session.respond('body', { headers: ['', '1'] }), false],
    'an invalid length': [(session) => session.respond('body', { headers: ['Content-Length', 'x'] }), true],
    'two lengths': [
      (session) => session.respond('body', { headers: ['Content-Length', '4', 'Content-Length', '5'] }),
      true,
    ],
    'a body that is longer than its length': [
      (session) => session.respond('body', { headers: ['Content-Length', '3'] }),
      false,
    ],
    'a body that is shorter than its length': [
      (session) => session.respond('body', { headers: ['Content-Length', '5'] }),
      false,
    ],
    '65 header fields': [(session) => session.respond('body', { headers: new Array(130).fill('a') }), true],
    'more bytes than are kept for a client': [(session) => session.respond(Buffer.alloc(65_537)), true],
  };

test('a handler that fails before its response gives only its own client a 502', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const other = await connectTo(t, edge.address);
  other.write(GET);
  const held = await handler.request();
  await held.send({ code: 200, more: true });
  await other.takeHead();
  for (const [what, [act, cancel]] of Object.entries(FAILURES)) {
    await t.test(what, async (t) => {
      const client = await connectTo(t, edge.address);
      client.write(GET);
      const session = await handler.request();
      await act(session);
      const { status, body, headers } = await client.takeResponse();
      assert.equal(status, 502);
      assert.match(body, /^The (backend failed to respond|response of the backend cannot be sent)\.\n$/);
      assert.equal(headers.get('x-evil'), undefined);
      if (cancel) await session.next('cancel');
      // The session is over: nothing that comes later for it may reach the client.
      await session.respond('late');
      await held.send({ body: Buffer.from(what), more: true });
      assert.equal(await other.takeChunk(), what);
      assert.equal(client.text, '');
    });
  }
  await held.send({});
  assert.equal(await other.takeChunk(), '');
  other.socket.destroy();
  const { zhttp } = await edge.stop();
  assert.equal(zhttp.sessions, Object.keys(FAILURES).length + 1);
  assert.equal(handler.strays.all.length, 0);
});

const BEGUN: Readonly<Record<string, readonly [act: (session: HandlerSession) => Promise<void>, cancel: boolean]>> = {
  'an error': [(session) => session.send({ type: 'error' }), false],
  'a cancel': [(session) => session.send({ type: 'cancel' }), false],
  'a wrong number': [
    (session) => {
      session.nextOut++;
      return session.send({ body: Buffer.from('x'), more: true });
    },
    true,
  ],
  'a type that does not exist': [(session) => session.send({ type: 'strange' }), true],
  'an end that comes too early': [(session) => session.send({ body: Buffer.from('x') }), false],
  'a byte too many': [(session) => session.send({ body: Buffer.alloc(100), more: true }), true],
  'more bytes than are kept for a client': [
    (session) => session.send({ body: Buffer.alloc(70_000), more: true }),
    true,
  ],
};

test('a handler that fails during its response cuts its client off, with no response that looks complete', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  for (const [what, [act, cancel]] of Object.entries(BEGUN)) {
    for (const framing of ['chunks', 'a length', 'HTTP/1.0']) {
      const declared = what === 'a byte too many' || what === 'an end that comes too early';
      if (declared && framing !== 'a length') continue;
      await t.test(`${what}, ${framing}`, async (t) => {
        const client = await connectTo(t, edge.address);
        client.write(framing === 'HTTP/1.0' ? 'GET / HTTP/1.0\r\n\r\n' : GET);
        const session = await handler.request();
        const headers = framing === 'a length' ? ['Content-Length', '100'] : [];
        await session.send({ code: 200, headers, body: Buffer.from('begun'), more: true });
        await client.take('begun');
        await act(session);
        const end = await client.ended;
        if (framing === 'HTTP/1.0') assert.equal(end, 'reset');
        assert.doesNotMatch(client.text, /^(\r\n)?0\r\n/m);
        if (cancel) await session.next('cancel');
      });
    }
  }
  await edge.stop();
});

test('malformed packets and those for unknown sessions are only counted', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write(GET);
  const session = await handler.request();
  const malformed = ['', 'T', 'Tx', 'T5:abc', 'T99999999999:abc}', 'X0:}', 'J', 'J{', 'J[]', 'T3:abc,', 'T0:]'];
  for (const payload of malformed) await handler.publish(`condure ${payload}`);
  await handler.publish('condure');
  await handler.publish('condure2 T0:}');
  await handler.publish('somebody T0:}');
  await handler.publish('condure T0:}');
  await handler.sendFor([{ id: 'nobody', seq: 0 }], { type: 'cancel' });
  await handler.sendFor([{ id: '0-0-0', seq: 0 }], { code: 200 });
  await session.respond('fine');
  assert.equal((await client.takeResponse()).body, 'fine');
  client.socket.destroy();
  const { zhttp } = await edge.stop();
  assert.deepEqual([zhttp.packetsMalformed, zhttp.packetsUnclaimed], [malformed.length, 3]);
});

test('frames after the first one of a published packet are ignored', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write(GET);
  const { id } = await handler.request();
  const map = `2:id,${id.length}:${id},4:code,3:204#`;
  await handler.publish(`condure T${map.length}:${map}}`, 'more', 'frames');
  assert.equal((await client.takeResponse()).status, 204);
  client.socket.destroy();
  await edge.stop();
});

test('a request without a handler gets a 503 after --backend-timeout, and does not reach a late one', async (t) => {
  const edge = await startEdge(t, ['--backend-timeout', '0.3']);
  const client = await connectTo(t, edge.address);
  const { status, body } = await client.request(GET);
  assert.deepEqual([status, body], [503, 'No backend took the request in time, try again later.\n']);
  const handler = await Handler.start(t, edge.base);
  client.write('GET /second HTTP/1.1\r\nHost: a\r\n\r\n');
  const session = await handler.request();
  assert.equal(session.first.uri, 'http://a/second');
  await session.respond('here');
  assert.equal((await client.takeResponse()).body, 'here');
  client.socket.destroy();
  assert.equal((await edge.stop()).zhttp.requestsUntaken, 1);
});

test('a handler that connects within --backend-timeout gets the waiting requests in order', async (t) => {
  const edge = await startEdge(t);
  const clients = [];
  for (const path of ['/1', '/2', '/3']) {
    const client = await connectTo(t, edge.address);
    client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    clients.push(client);
    // A request that the edge answers by itself shows that it has read the one before.
    await (await connectTo(t, edge.address)).request('nonsense\r\n\r\n');
  }
  const handler = await Handler.start(t, edge.base);
  for (const [index, client] of clients.entries()) {
    const session = await handler.request();
    assert.equal(session.first.uri, `http://a/${index + 1}`);
    await session.respond(`${index}`);
    assert.equal((await client.takeResponse()).body, `${index}`);
    client.socket.destroy();
  }
  await edge.stop();
});

test('a handler that is silent for --session-timeout gets a cancel, and its client a 504', async (t) => {
  const edge = await startEdge(t, ['--session-timeout', '1']);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write(GET);
  const session = await handler.request();
  await session.send({ type: 'keep-alive' });
  const { status, body } = await client.takeResponse();
  assert.deepEqual([status, body], [504, 'The backend did not respond in time.\n']);
  await session.next('cancel');
  client.socket.destroy();
  assert.equal((await edge.stop()).zhttp.sessionsExpired, 1);
});

test('an incomplete header gets a 408, and a connection without a request is closed', async (t) => {
  const edge = await startEdge(t, ['--session-timeout', '1']);
  const slow = await connectTo(t, edge.address);
  const idle = await connectTo(t, edge.address);
  assert.equal((await slow.request('GET / HTTP/1.1\r\nHost')).status, 408);
  assert.equal(await idle.ended, 'fin');
  assert.equal(idle.text, '');
  await edge.stop();
});

test('a wanted body that does not come gets a 408, and the handler gets a cancel', async (t) => {
  const edge = await startEdge(t, ['--stream-timeout', '1']);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf');
  const session = await handler.request();
  await session.send({ type: 'credit', credits: 100 });
  assert.equal((await session.next('data')).body.toString(), 'half');
  assert.equal((await client.takeResponse()).status, 408);
  await session.next('cancel');
  client.socket.destroy();
  await edge.stop();
});

test('an invalid chunked body gets a 400, and the handler gets a cancel', async (t) => {
  const edge = await startEdge(t);
  const handler = await Handler.start(t, edge.base);
  const client = await connectTo(t, edge.address);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n');
  const session = await handler.request();
  await session.send({ type: 'credit', credits: 100 });
  assert.equal((await session.next('data')).body.toString(), 'ok');
  client.write('zz\r\n');
  assert.equal((await client.takeResponse()).status, 400);
  await session.next('cancel');
  client.socket.destroy();
  await edge.stop();
});

test('a client beyond --stream-maxconn waits its turn, and gets a 503 after --accept-timeout', async (t) => {
  const edge = await startEdge(t, ['--stream-maxconn', '2', '--accept-timeout', '2']);
  const handler = await Handler.start(t, edge.base);
  const first = await connectTo(t, edge.address);
  const second = await connectTo(t, edge.address);
  const sessions = [];
  for (const client of [first, second]) {
    client.write(GET);
    sessions.push(await handler.request());
  }
  const refused = await connectTo(t, edge.address);
  const { status, headers } = await refused.takeResponse();
  assert.deepEqual([status, headers.get('connection')], [503, 'close']);
  const third = await connectTo(t, edge.address);
  third.write(GET);
  first.socket.destroy();
  await (await handler.request()).respond('room');
  assert.equal((await third.takeResponse()).body, 'room');
  await sessions[1]?.respond('second');
  assert.equal((await second.takeResponse()).body, 'second');
  second.socket.destroy();
  third.socket.destroy();
  assert.equal((await edge.stop()).server.connectionsRefused, 1);
});
