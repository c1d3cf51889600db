import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WebSocketHop } from '../../../src/client/websocket-opener.ts';
import { ExchangeError, UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { Guard } from '../../../src/net/index.ts';
import { SentRequest } from '../client/scripted-client.ts';
import { FetchRig } from './fetch-rig.ts';

test('A plain request goes to the client directly', async (t) => {
  const rig = new FetchRig(t);
  const requester = rig.fetch('http://a.example:81/b?c#d', {
    id: 'x',
    method: 'PATCH',
    headers: ['X', '1'],
    credits: 7,
  });
  const { head, origin } = rig.sent;
  assert.equal(rig.sent.requester, requester);
  assert.equal(requester.responder, rig.sent);
  assert.deepEqual(
    { ...head, origin: undefined },
    {
      id: 'x',
      method: 'PATCH',
      target: '/b?c',
      scheme: 'http',
      authority: 'a.example:81',
      version: '1.1',
      headers: ['Host', 'a.example:81', 'X', '1'],
      bodyLength: 0,
      peer: { address: '', port: 0 },
      credits: 7,
      origin: undefined,
    },
  );
  assert.equal(origin.name, 'a.example:81');
  rig.sent.respond(302, ['Location', '/elsewhere'], 'moved');
  assert.equal((await requester.completed()).status, 302);
  assert.equal(requester.body, 'moved');
  assert.equal(rig.client.count, 1);
});

test('IPv4 only applies to all requests', (t) => {
  for (const ipv4Only of [true, false]) {
    const rig = new FetchRig(t, ipv4Only);
    rig.fetch('http://a.example/');
    assert.equal(rig.sent.origin.ipv4Only, ipv4Only);
    rig.open('ws://a.example/');
    assert.equal(rig.hops[0]?.origin.ipv4Only, ipv4Only);
  }
});

test('Any token but CONNECT is a method', async (t) => {
  const rig = new FetchRig(t);
  for (const method of ['GET', 'TRACE', 'PROPFIND', 'get', 'X-!#$%&']) {
    rig.fetch('http://a.example/', { method });
    assert.equal(rig.sent.head.method, method);
  }
  for (const method of ['', 'G T', 'GET\r\n', 'GÉT', 'CONNECT', 'connect']) {
    const error = await new FetchRig(t).refused('http://a.example/', { method });
    assert.equal(error.code, 'HF_FETCH_INVALID');
  }
});

test('An invalid request is refused before the guard or client is called', async (t) => {
  for (const [uri, fields, code] of [
    ['nonsense', {}, 'HF_FETCH_INVALID'],
    ['ws://a.example/', {}, 'HF_FETCH_INVALID'],
    ['wss://a.example/', {}, 'HF_FETCH_INVALID'],
    ['http://a.example/', { headers: ['X', 'a\r\nb'] }, 'HF_FETCH_INVALID'],
    ['http://u%0a@a.example/', {}, 'HF_FETCH_INVALID'],
    ['http://a.example/', { options: { connectHost: 'a b' } }, 'HF_FETCH_INVALID'],
    ['http://a.example/', { method: 'HEAD', bodyLength: 1 }, 'HF_FETCH_CONTENT'],
    ['http://a.example/', { method: 'HEAD', bodyLength: UNKNOWN_LENGTH }, 'HF_FETCH_CONTENT'],
  ] as const) {
    const { headers, ...rest } = { headers: [], ...fields };
    const error = await new FetchRig(t).refused(uri, { ...rest, headers: [...headers] });
    assert.equal(error.code, code, uri);
  }
});

test('A name that the guard denies is refused with the reason', async (t) => {
  const guard = new Guard({ defaultPolicy: 'allow', allow: [], deny: ['*.example'], denyInternal: false });
  for (const [uri, connectHost] of [
    ['http://A.EXAMPLE./', ''],
    ['http://a.test/', 'a.example'],
  ] as const) {
    const error = await new FetchRig(t).refused(uri, { options: { guard, connectHost } });
    assert.equal(error.code, 'HF_POLICY_VIOLATION');
    assert.match(error.detail, /^a\.example: rule "\*\.example" of deny/);
  }
});

test('Userinfo is sent only as Basic credentials', (t) => {
  const rig = new FetchRig(t);
  rig.fetch('http://user:pass@a.example/');
  assert.deepEqual(rig.sent.values('authorization'), ['Basic dXNlcjpwYXNz']);
  assert.equal(rig.sent.line, 'GET http://a.example/');
});

for (const [what, bodyLength, headers, framed] of [
  ['A body of known length has it', 5, [], 5],
  ['A body of known length has it, whatever Content-Length says', 5, ['Content-Length', '7'], 5],
  ['Without a body the length is 0, whatever Content-Length says', 0, ['Content-Length', '7'], 0],
  ['A body of unknown length has none', UNKNOWN_LENGTH, [], UNKNOWN_LENGTH],
  ['A body of unknown length has that of Content-Length', UNKNOWN_LENGTH, ['content-length', '5'], 5],
  ['The same Content-Length twice is one', UNKNOWN_LENGTH, ['Content-Length', '5', 'content-length', '5'], 5],
  ['Two that differ are none', UNKNOWN_LENGTH, ['Content-Length', '5', 'Content-Length', '6'], UNKNOWN_LENGTH],
  ['One that is not a number is ignored', UNKNOWN_LENGTH, ['Content-Length', '5, 5'], UNKNOWN_LENGTH],
  ['A negative one is ignored', UNKNOWN_LENGTH, ['Content-Length', '-1'], UNKNOWN_LENGTH],
  ['One that is too large is ignored', UNKNOWN_LENGTH, ['Content-Length', '99999999999999999'], UNKNOWN_LENGTH],
  ['A Content-Length of nothing is no body', UNKNOWN_LENGTH, ['Content-Length', '0'], 0],
] as const) {
  test(what, (t) => {
    const rig = new FetchRig(t);
    rig.fetch('http://a.example/', { method: 'POST', bodyLength, headers: [...headers] });
    assert.equal(rig.sent.head.bodyLength, framed);
    assert.deepEqual(rig.sent.values('content-length'), []);
  });
}

test('A body that is as long as its Content-Length passes, piece by piece', async (t) => {
  const rig = new FetchRig(t);
  const fields = { method: 'POST', bodyLength: UNKNOWN_LENGTH, headers: ['Content-Length', '6'] };
  const requester = rig.fetch('http://a.example/', fields);
  rig.sent.grant(10);
  requester.send('abc', true);
  requester.send('def', false);
  assert.equal(rig.sent.body, 'abcdef');
  assert.ok(rig.sent.complete);
  rig.sent.respond(200, [], 'ok');
  await requester.completed();
});

for (const [what, pieces, how] of [
  ['in its last piece', ['abc', 'defg'], 'longer'],
  ['in a piece that is not the last', ['abc', 'defg', ''], 'longer'],
  ['at its end', ['abc', 'de'], 'shorter'],
] as const) {
  test(`A body that turns out ${what} to be ${how} than its Content-Length fails`, async (t) => {
    // The requester may know the field or not.
    for (const bodyLength of [UNKNOWN_LENGTH, 6]) {
      const rig = new FetchRig(t);
      const fields = { method: 'POST', bodyLength, headers: ['Content-Length', '6'] };
      const requester = rig.fetch('http://a.example/', fields);
      rig.sent.grant(100);
      for (const [index, piece] of pieces.slice(0, 2).entries()) {
        requester.send(piece, index < pieces.length - 1);
      }
      const error = await requester.failed();
      assert.equal(error.code, 'HF_FETCH_INVALID');
      assert.equal(error.detail, `request body is ${how} than its Content-Length`);
      assert.notEqual(rig.sent.left, null);
      assert.equal(rig.counters.originErrors, 0);
      // Whoever is late says it to nobody.
      requester.responder?.onRequestData(Buffer.from('x'), false);
    }
  });
}

test('A body of known length without Content-Length is not checked', (t) => {
  const rig = new FetchRig(t);
  const requester = rig.fetch('http://a.example/', { method: 'POST', bodyLength: 5 });
  assert.equal(rig.sent.requester, requester);
});

test('A body of length 0 may end with empty data', async (t) => {
  const rig = new FetchRig(t);
  const fields = { method: 'POST', bodyLength: UNKNOWN_LENGTH, headers: ['Content-Length', '0'] };
  const requester = rig.fetch('http://a.example/', fields);
  requester.send('', false);
  rig.sent.respond(204);
  await requester.completed();
});

test('A WebSocket is opened at its URI', (t) => {
  const rig = new FetchRig(t);
  const requester = rig.open('wss://user@a.example:8443/b?c#d', {
    method: 'POST',
    headers: ['Host', 'x', 'Upgrade', 'x', 'Sec-WebSocket-Protocol', 'p', 'Cookie', 'c'],
    options: { connectHost: '127.0.0.1', connectPort: 1, clientCert: 'C', clientKey: 'K' },
  });
  assert.equal(requester.end, null);
  const hop = rig.hops[0];
  assert.equal(hop?.authority, 'a.example:8443');
  assert.equal(hop?.target, '/b?c');
  assert.equal(hop?.origin.name, '127.0.0.1:1');
  assert.equal(hop?.origin.tls?.serverName, 'a.example');
  assert.equal(hop?.origin.tls?.clientCert, 'C');
  assert.deepEqual(hop?.headers, [
    ...['Host', 'a.example:8443', 'Sec-WebSocket-Protocol', 'p', 'Cookie', 'c'],
    ...['Authorization', 'Basic dXNlcjo='],
  ]);
});

test('A URI of another scheme is refused for a WebSocket', async (t) => {
  const guard = new Guard({ defaultPolicy: 'allow', allow: [], deny: ['a.example'], denyInternal: false });
  for (const [uri, options, code] of [
    ['http://a.example/', {}, 'HF_FETCH_INVALID'],
    ['https://a.example/', {}, 'HF_FETCH_INVALID'],
    ['nonsense', {}, 'HF_FETCH_INVALID'],
    ['ws://a.example/', { guard }, 'HF_POLICY_VIOLATION'],
    ['ws://b.example/', { guard, connectHost: 'a.example' }, 'HF_POLICY_VIOLATION'],
  ] as const) {
    const rig = new FetchRig(t);
    const requester = rig.open(uri, { options });
    assert.equal((await requester.failed()).code, code);
    assert.equal(rig.hops.length, 0);
    requester.responder?.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
  }
});

test('A WebSocket follows redirects to WebSocket URIs', (t) => {
  const guard = new Guard({ defaultPolicy: 'allow', allow: [], deny: ['evil.example'], denyInternal: false });
  const rig = new FetchRig(t);
  rig.open('ws://user@a.example/b', { headers: ['Cookie', 'c', 'X', '1'], options: { guard, followRedirects: true } });
  const first = rig.hops[0];
  assert.equal(first?.redirected(200, '/c'), null);
  assert.equal(first?.redirected(302, 'ftp://a.example/'), null);
  assert.equal(first?.redirected(302, ''), null);
  const second = first?.redirected(302, 'c');
  assert.equal(second?.target, '/c');
  assert.deepEqual(second?.headers.slice(2), first?.headers.slice(2));
  const third = second?.redirected(307, 'https://b.example/');
  assert.equal(third?.origin.name, 'b.example:443');
  assert.equal(third?.origin.tls?.serverName, 'b.example');
  assert.deepEqual(third?.headers, ['Host', 'b.example', 'X', '1']);
  assert.throws(() => third?.redirected(301, '//evil.example'), /HF_POLICY_VIOLATION/);
  let hop: WebSocketHop | undefined = first;
  for (let i = 0; i < 8; i++) hop = hop?.redirected(308, '/') ?? undefined;
  assert.throws(() => hop?.redirected(308, '/'), /HF_TOO_MANY_REDIRECTS/);
});

test('A redirect that is not followed is the response of a WebSocket', (t) => {
  const rig = new FetchRig(t);
  rig.open('ws://a.example/');
  assert.equal(rig.hops[0]?.redirected(302, '/'), null);
});

test('Errors of the client reach the requester unchanged', async (t) => {
  const rig = new FetchRig(t);
  const requester = rig.fetch('http://a.example/');
  const error = new ExchangeError('HF_ORIGIN_UNREACHABLE', 'a');
  rig.sent.fail(error);
  assert.equal(await requester.failed(), error);
  assert.ok(rig.sent instanceof SentRequest);
});
