import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { textResponse } from '../../../src/exchange/index.ts';
import { handlerOf } from '../../support/mongrel2/site.ts';
import { startSite } from '../../support/mongrel2/site-rig.ts';
import { ScriptedService } from '../../support/scripted-service.ts';

const GET = 'GET /h HTTP/1.1\r\nHost: localhost\r\n\r\n';
const HOST = 'Host: localhost\r\n';

/** Requests that get a fixed answer, and how. */
const FIXED = [
  ['a path without a route', `GET /none HTTP/1.1\r\n${HOST}\r\n`, 404, 'Not Found'],
  ['a path that is shorter than a route', `GET / HTTP/1.1\r\n${HOST}\r\n`, 404, 'Not Found'],
  ['a head that is none', 'nonsense\r\n\r\n', 400, 'Bad Request'],
  ['HTTP/2.0', `GET /h HTTP/2.0\r\n${HOST}\r\n`, 400, 'Bad Request'],
  ['a method in lower case', `get /h HTTP/1.1\r\n${HOST}\r\n`, 400, 'Bad Request'],
  ['a method of 21 letters', `${'M'.repeat(21)} /h HTTP/1.1\r\n${HOST}\r\n`, 400, 'Bad Request'],
  ['CONNECT', `CONNECT localhost:80 HTTP/1.1\r\n${HOST}\r\n`, 400, 'Bad Request'],
  ['an invalid percent-encoding', `GET /h%zz HTTP/1.1\r\n${HOST}\r\n`, 400, 'Bad Request'],
  ['a percent-encoding that is cut off', `GET /h%2 HTTP/1.1\r\n${HOST}\r\n`, 400, 'Bad Request'],
  ['a control character in the path', `GET /h\x01 HTTP/1.1\r\n${HOST}\r\n`, 400, 'Bad Request'],
  ['braces in the path', `GET /h{a} HTTP/1.1\r\n${HOST}\r\n`, 400, 'Bad Request'],
  ['brackets in the query', `GET /h?a[] HTTP/1.1\r\n${HOST}\r\n`, 400, 'Bad Request'],
  ['a fragment', `GET /h#a HTTP/1.1\r\n${HOST}\r\n`, 400, 'Bad Request'],
  ['a header line without a colon', `GET /h HTTP/1.1\r\n${HOST}nonsense\r\n\r\n`, 400, 'Bad Request'],
  ['a head of more than head_bytes', `GET /h HTTP/1.1\r\n${HOST}X: ${'x'.repeat(16_384)}\r\n\r\n`, 400, 'Bad Request'],
  ['a target of more than head_bytes', `GET /${'x'.repeat(16_384)} HTTP/1.1\r\n${HOST}\r\n`, 400, 'Bad Request'],
  [
    'an unknown expectation',
    `POST /h HTTP/1.1\r\n${HOST}Expect: tea\r\nContent-Length: 1\r\n\r\n`,
    417,
    'Expectation Failed',
  ],
  [
    'a body of more than content_length',
    `POST /h HTTP/1.1\r\n${HOST}Content-Length: 20481\r\n\r\n`,
    413,
    'Content Too Large',
  ],
  [
    'a chunked body that turns out to be',
    `POST /h HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5001\r\n${'x'.repeat(20_481)}\r\n0\r\n\r\n`,
    413,
    'Content Too Large',
  ],
  [
    'an unknown transfer coding',
    `POST /h HTTP/1.1\r\n${HOST}Transfer-Encoding: br, chunked\r\n\r\n`,
    501,
    'Not Implemented',
  ],
] as const;

for (const [name, request, status, text] of FIXED) {
  test(`${name} gets a ${status}, and the connection ends`, async (t) => {
    const rig = await startSite(t);
    await rig.handler();
    const client = await rig.connect();
    const response = await client.request(request);
    assert.equal(response.statusLine, `HTTP/1.1 ${status} ${text}\r\n`.trimEnd());
    assert.equal(response.body, text);
    assert.equal(response.headers.get('content-type'), 'text/plain');
    assert.equal(response.headers.get('connection'), 'close');
    assert.equal(response.headers.get('server'), 'Holdfast');
    assert.equal(await client.ended, 'fin');
    assert.equal(rig.counters.messagesSent, 0, 'no handler hears of it');
  });
}

test('lines may end in LF alone', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write('POST /h HTTP/1.1\nHost: localhost\nContent-Length: 2\n\nok');
  assert.equal((await handler.next()).body.toString(), 'ok');
});

test('with request.relaxed braces and carets are accepted, and nothing else', async (t) => {
  const rig = await startSite(t, { settings: { relaxedRequests: true } });
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write(`GET /h{a}^?{b}^ HTTP/1.1\r\n${HOST}\r\n`);
  assert.equal((await handler.next()).headers.get('URI'), '/h{a}^?{b}^');
  for (const target of ['/h|', '/h"', '/h?[', '/h?]', '/h\\', '/h`', '/h<']) {
    const other = await rig.connect();
    assert.equal((await other.request(`GET ${target} HTTP/1.1\r\n${HOST}\r\n`)).status, 400, target);
  }
});

test('all characters that RFC 3986 allows are accepted', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const client = await rig.connect();
  const target = "/h-._~!$&'()*+,;=:@/%7F?a/?%00";
  client.write(`GET ${target} HTTP/1.1\r\n${HOST}\r\n`);
  assert.equal((await handler.next()).headers.get('URI'), target);
});

test('a request for an unknown host, or without one, goes to the default host; without a default it gets a 404', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  for (const text of ['GET /h HTTP/1.1\r\nHost: elsewhere\r\n\r\n', 'GET /h HTTP/1.0\r\n\r\n']) {
    const client = await rig.connect();
    client.write(text);
    assert.equal((await handler.next()).path, '/h');
  }
});

test('an absolute target is routed by its host and path', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write('GET http://localhost/h?a HTTP/1.1\r\nHost: other\r\n\r\n');
  const { path, headers } = await handler.next();
  assert.deepEqual([path, headers.get('URI'), headers.get('host')], ['/h', '/h?a', 'localhost']);
});

test('neither HTTP/1.0 nor Connection: close ends the connection of a handler: that is for the handler to do', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  for (const text of ['GET /h HTTP/1.0\r\n\r\n', `GET /h HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`]) {
    const { client, id } = await rig.ask(handler, text);
    handler.answer(id, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    await client.takeResponse();
    client.write(GET);
    assert.equal((await handler.next()).id, id);
    handler.answer(id, '');
    assert.equal(await client.ended, 'fin');
  }
});

test('pipelined requests go to the handler at once', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write(GET.repeat(50));
  const ids = (await handler.messages.take(50)).map(({ id }) => id);
  assert.equal(new Set(ids).size, 1);
});

test('a body comes whole, after the 100 that its client waits for', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write(`POST /h HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 20480\r\n\r\n`);
  assert.equal(await client.take(), 'HTTP/1.1 100 Continue\r\n\r\n');
  client.write('x'.repeat(10_000));
  client.write('y'.repeat(10_480));
  assert.equal((await handler.next()).body.toString(), 'x'.repeat(10_000) + 'y'.repeat(10_480));
});

test('a client that waits for a 100 before a body that is too large gets the 413 instead', async (t) => {
  const rig = await startSite(t);
  await rig.handler();
  const client = await rig.connect();
  client.write(`POST /h HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 20481\r\n\r\n`);
  assert.equal((await client.takeResponse()).status, 413);
});

test('a chunked body that fits comes whole, with its length in place of the coding', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write(
    `POST /h HTTP/1.1\r\n${HOST}Trailer: X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n`,
  );
  const { headers, body } = await handler.next();
  assert.equal(body.toString(), 'abcde');
  assert.deepEqual(
    ['content-length', 'transfer-encoding', 'trailer', 'x'].map((name) => headers.get(name)),
    ['5', undefined, undefined, undefined],
  );
});

test('a client that leaves within its body is not heard of', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write(`POST /h HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\n12345`);
  client.reset();
  await client.closed;
  await rig.ask(handler);
  assert.equal(handler.texts.length, 1);
});

test('x-forwarded-for is the client, unless no_clobber_xff is set and the client sends one', async (t) => {
  for (const keepForwardedFor of [false, true]) {
    const rig = await startSite(t, { settings: { keepForwardedFor } });
    const handler = await rig.handler();
    const client = await rig.connect();
    client.write(`GET /h HTTP/1.1\r\n${HOST}X-Forwarded-For: 1.2.3.4\r\n\r\n${GET}`);
    assert.equal((await handler.next()).headers.get('x-forwarded-for'), keepForwardedFor ? '1.2.3.4' : '127.0.0.1');
    assert.equal((await handler.next()).headers.get('x-forwarded-for'), '127.0.0.1');
  }
});

test('what is no handler gets the exchange as any service, on the same connection', async (t) => {
  const script = new ScriptedService();
  const target = { kind: 'proxy', host: 'origin', port: 80 } as const;
  const routes = [
    { path: '/h', target: handlerOf() },
    { path: '/p', target },
  ];
  const rig = await startSite(t, { routes, service: script.service });
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  handler.answer(id, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  await client.takeResponse();
  client.write(`GET /p?a HTTP/1.1\r\n${HOST}\r\n`);
  const exchange = await script.next();
  assert.equal(exchange.request.target, '/p?a');
  exchange.respond('proxied');
  assert.equal((await client.takeResponse()).body, 'proxied');
  client.write(GET);
  assert.equal((await handler.next()).id, id);
});

test('failures of origins are 502', async (t) => {
  const codes = [
    'HF_ORIGIN_UNREACHABLE',
    'HF_ORIGIN_TIMEOUT',
    'HF_ORIGIN_CONNECT_TIMEOUT',
    'HF_ORIGIN_PROTOCOL',
  ] as const;
  for (const code of codes) {
    const script = new ScriptedService();
    const routes = [{ path: '/', target: { kind: 'proxy', host: 'origin', port: 80 } as const }];
    const rig = await startSite(t, { routes, service: script.service });
    const client = await rig.connect();
    client.write(GET);
    (await script.next()).fail(code);
    const { status, body } = await client.takeResponse();
    assert.deepEqual([status, body], [502, 'Bad Gateway']);
    assert.equal(await client.ended, 'fin');
  }
});

test('a handler whose endpoint cannot be bound gets no requests: they are 502, and other routes work', async (t) => {
  const first = await startSite(t);
  const taken = first.site.handlers[0]?.endpoints.send as string;
  const routes = [
    { path: '/h', target: handlerOf({ sendSpec: taken }) },
    { path: '/p', target: { kind: 'proxy', host: 'origin', port: 80 } as const },
  ];
  const rig = await startSite(t, {
    routes,
    service: (_request, requester) => {
      const { head, body } = textResponse(200, 'fine');
      requester.onResponse(head);
      requester.onResponseData(body, false);
      return { onRequestData: () => {}, onRequestError: () => {}, onResponseCredit: () => {} };
    },
  });
  const client = await rig.connect();
  const { status, body } = await client.request(GET);
  assert.deepEqual([status, body], [502, 'Bad Gateway']);
  const other = await rig.connect();
  assert.equal((await other.request(`GET /p HTTP/1.1\r\n${HOST}\r\n`)).status, 200);
  const [{ handler, detail }] = rig.log.of('endpoint of a handler cannot be bound') as [Record<string, string>];
  assert.equal(handler, 'h');
  assert.match(detail as string, /address already in use/);
  await first.site.handlers[0]?.close();
  await rig.log.until('endpoints of a handler bound');
  await rig.ask(await rig.handler());
});

test('headers that a client forges do not pass for those of the server', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write(
    `GET /h HTTP/1.1\r\n${HOST}METHOD: POST\r\nREMOTE_ADDR: 1.2.3.4\r\nX-Mongrel2-Upload-Done: /etc/passwd\r\n\r\n`,
  );
  const { headers } = await handler.next();
  assert.equal(headers.get('METHOD'), 'GET');
  assert.equal(headers.get('REMOTE_ADDR'), '127.0.0.1');
  assert.equal(headers.get('method'), 'POST');
  assert.equal(headers.has('x-mongrel2-upload-done'), false);
});

test('HTTP/1.1 without Host, and more than header_count fields, get a 400', async (t) => {
  const rig = await startSite(t, { settings: { headerCount: 10 } });
  await rig.handler();
  const many = Array.from({ length: 10 }, (_, i) => `X-${i}: y\r\n`).join('');
  for (const text of ['GET /h HTTP/1.1\r\n\r\n', `GET /h HTTP/1.1\r\n${HOST}${many}\r\n`]) {
    const client = await rig.connect();
    assert.equal((await client.request(text)).status, 400);
  }
});

test('net.tcp_keepalive asks the kernel to look for clients that handlers have', async (t) => {
  const calls: unknown[] = [];
  t.mock.method(Socket.prototype, 'setKeepAlive', function (this: Socket, ...args: unknown[]) {
    calls.push(args[0]);
    return this;
  });
  for (const tcpKeepAlive of [false, true]) {
    const rig = await startSite(t, { settings: { tcpKeepAlive } });
    const handler = await rig.handler();
    const before = calls.length;
    await rig.ask(handler);
    assert.deepEqual(calls.slice(before), tcpKeepAlive ? [true] : []);
  }
});
