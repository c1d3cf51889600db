import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { freePorts } from '../support/free-ports.ts';
import { runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { connectTo, type RawClient, type RawResponse } from '../support/raw-client.ts';
import { openWs, refusedWs, startWsOrigin } from '../support/websocket/ws-peers.ts';

/** Starts the program with route lines; returns what sends requests to it, each on a connection of its own. */
async function start(t: TestContext, ...routes: string[]) {
  const { clients, program } = await runServer(
    t,
    routes.flatMap((line) => ['--route', line]),
  );
  const open = async (request: string, body = '', ...fields: string[]): Promise<RawClient> => {
    const client = await connectTo(t, clients[0] ?? '');
    const lines = [`${request} HTTP/1.1`, 'Host: a', `Content-Length: ${Buffer.byteLength(body)}`, ...fields, '', body];
    client.write(lines.join('\r\n'));
    return client;
  };
  const ask = async (request: string, body = '', ...fields: string[]): Promise<RawResponse> =>
    (await open(request, body, ...fields)).takeResponse(request.split(' ')[0]);
  return { open, ask, url: `ws://${clients[0]}`, program };
}

test('info, the iframe page and preflights', async (t) => {
  const { ask } = await start(t, '*,sockjs=/sock/ 127.0.0.1:1');
  const info = await ask('GET /sock/info', '', 'Origin: https://page.example');
  assert.equal(info.status, 200);
  assert.match(info.body, /^\{"websocket":true,"origins":\["\*:\*"\],"cookie_needed":false,"entropy":\d+\}\n$/);
  assert.equal(info.headers.get('access-control-allow-origin'), 'https://page.example');
  assert.equal(info.headers.get('access-control-allow-credentials'), 'true');
  assert.equal(info.headers.get('cache-control'), 'no-store, no-cache, must-revalidate, max-age=0');
  const page = await ask('GET /sock/iframe-1.2.html');
  assert.equal(page.headers.get('content-type'), 'text/html; charset=UTF-8');
  assert.equal(page.headers.get('cache-control'), 'public, max-age=31536000');
  assert.match(page.body, /<script src="http:\/\/cdn\.jsdelivr\.net\/sockjs\/0\.3\.4\/sockjs\.min\.js">/);
  const again = await ask('GET /sock/iframe.html', '', `If-None-Match: ${page.headers.get('etag')}`);
  assert.deepEqual([again.status, again.body], [304, '']);
  const preflight = await ask('OPTIONS /sock/1/2/xhr', '', 'Access-Control-Request-Headers: x-a');
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-headers'), 'x-a');
  for (const path of ['', '/', '/other', '/1/2', '/1/2/xhr/4', '/1/2/other', '//2/xhr', '/1//xhr']) {
    const { status, body } = await ask(`GET /sock${path}`);
    assert.deepEqual([status, body], [404, 'Not Found\n'], path);
  }
});

test('a path that only begins like the prefix goes to the target', async (t) => {
  const origin = await startOrigin(t, ({ url }, response) => response.end(url));
  const { ask } = await start(t, `*,sockjs=/sock ${origin}`);
  assert.equal((await ask('GET /socks/info')).body, '/socks/info');
});

test('xhr: a session opens, takes messages, sends them, and closes', async (t) => {
  const origin = await startWsOrigin(t);
  const { ask, open } = await start(t, `*,sockjs=/s,sockjs_as_path=/ws,path_rem=2 ${origin.address}`);
  const opened = await ask('POST /s/1/abc/xhr?a=1&c=x', '', 'X-Mine: yes', 'Content-Type: text/plain');
  assert.deepEqual([opened.status, opened.body], [200, 'o\n']);
  assert.equal(opened.headers.get('content-type'), 'text/plain');
  const { peer, request } = await origin.accept();
  assert.deepEqual([request.url, request.headers['x-mine']], ['/ws?a=1', 'yes']);
  assert.equal(request.headers['content-type'], undefined);
  const sent = await ask('POST /s/9/abc/xhr_send', '["a","\\u00fc\\ud83d\\ude00"]');
  assert.deepEqual([sent.status, sent.body], [200, 'ok']);
  assert.equal(await peer.next(), 'text a');
  assert.equal(await peer.next(), 'text ü😀');
  const waiting = await open('POST /s/1/abc/xhr');
  const second = await (async () => {
    for (;;) {
      const response = await ask('POST /s/1/abc/xhr');
      if (response.body.startsWith('c')) return response;
    }
  })();
  assert.equal(second.body, 'c[2010,"Another connection still open"]\n');
  peer.socket.ping('x');
  assert.equal(await peer.next(), 'pong x');
  peer.send('one\u2028');
  assert.equal((await waiting.takeResponse()).body, 'a["one\\u2028"]\n');
  peer.send('two');
  peer.send(Buffer.from('three'));
  peer.socket.close(4001, 'done');
  assert.equal(await peer.next(), 'close 4001 done');
  assert.equal((await ask('POST /s/1/abc/xhr')).body, 'a["two","three"]\n');
  assert.equal((await ask('POST /s/1/abc/xhr')).body, 'c[4001,"done"]\n');
  // It stays closed for a while.
  assert.equal((await ask('POST /s/1/abc/xhr')).body, 'c[4001,"done"]\n');
  const late = await ask('POST /s/1/abc/xhr_send', '["a"]');
  assert.deepEqual([late.status, late.body], [410, 'Session terminated\n']);
});

test('jsonp: frames are arguments of the callback, and messages come in forms', async (t) => {
  const origin = await startWsOrigin(t);
  const { ask } = await start(t, `*,sockjs=/s ${origin.address}`);
  for (const query of ['', '?c=', '?c=alert(1)']) {
    const { status, body } = await ask(`GET /s/1/j/jsonp${query}`);
    assert.deepEqual([status, body], [400, 'Bad Request\n']);
  }
  const opened = await ask('GET /s/1/j/jsonp?c=_jp.cb');
  assert.equal(opened.body, '/**/_jp.cb("o");\n');
  assert.equal(opened.headers.get('content-type'), 'application/javascript');
  const { peer, request } = await origin.accept();
  assert.equal(request.url, '/s');
  const form = ['Content-Type: application/x-www-form-urlencoded'];
  const sent = await ask('POST /s/1/j/jsonp_send', 'x=1&d=%5B%22a+b%22%5D', ...form);
  assert.deepEqual([sent.status, sent.body], [200, 'ok']);
  assert.equal(await peer.next(), 'text a b');
  peer.send('say "hi"');
  const got = await ask('GET /s/1/j/jsonp?callback=cb');
  assert.equal(got.body, '/**/cb("a[\\"say \\\\\\"hi\\\\\\"\\"]");\n');
});

test('malformed requests to a session get the errors of Pushpin', async (t) => {
  const origin = await startWsOrigin(t);
  const { ask } = await start(t, `*,sockjs=/s ${origin.address}`);
  assert.equal((await ask('POST /s/1/x/xhr_send', '["a"]')).status, 404);
  assert.equal((await ask('GET /s/1/x/xhr')).status, 404);
  await ask('POST /s/1/x/xhr');
  await origin.accept();
  for (const body of ['', '{}', '"a"', '[1]', '[', '[null]', '["a"', `${'['.repeat(50_000)}`]) {
    const { status, body: text } = await ask('POST /s/1/x/xhr_send', body);
    assert.deepEqual([status, text], [400, 'Payload expected\n'], body.slice(0, 10));
  }
  assert.equal((await ask('POST /s/1/x/jsonp_send', 'x=1')).body, 'Payload expected\n');
  const large = await ask('POST /s/1/x/xhr_send', `["${'x'.repeat(100_000)}"]`);
  assert.deepEqual([large.status, large.body], [400, 'Request too large.\n']);
  assert.deepEqual((await ask('POST /s/1/x/xhr_send', '[]')).body, 'ok');
  assert.equal((await ask('POST /s/1/x/other')).status, 404);
});

test('an origin that refuses, or that no one can reach, is the response of the request that opens a session', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end());
  const refusing = await startWsOrigin(t, { verifyClient: (_info, done) => done(false, 403, 'No, thanks') });
  const [dead] = await freePorts(1);
  const routes = [`*,path_beg=/a,sockjs=/a ${refusing.address}`, `*,path_beg=/b,sockjs=/b 127.0.0.1:${dead}`];
  const { ask } = await start(t, ...routes, `*,path_beg=/c,sockjs=/c ${origin}`);
  const refused = await ask('POST /a/1/x/xhr', '', 'Origin: https://page.example');
  assert.deepEqual([refused.status, refused.body], [403, 'No, thanks']);
  assert.equal(refused.headers.get('access-control-allow-origin'), 'https://page.example');
  const unreachable = await ask('POST /b/1/x/xhr');
  assert.deepEqual([unreachable.status, unreachable.body], [502, 'Error while proxying to origin.\n']);
  assert.equal((await ask('POST /a/1/x/xhr')).status, 403);
});

test('sessions of one route are not found on another one', async (t) => {
  const origin = await startWsOrigin(t);
  const { ask } = await start(
    t,
    `*,path_beg=/a,sockjs=/a ${origin.address}`,
    `*,path_beg=/b,sockjs=/b ${origin.address}`,
  );
  await ask('POST /a/1/x/xhr');
  assert.equal((await ask('POST /b/1/x/xhr_send', '["a"]')).status, 404);
});

test('a client that leaves its request has closed, and a lost origin is a lost session', async (t) => {
  const origin = await startWsOrigin(t);
  const { ask, open } = await start(t, `*,sockjs=/s ${origin.address}`);
  await ask('POST /s/1/x/xhr');
  const first = await origin.accept();
  const leaving = await open('POST /s/1/x/xhr_streaming');
  await leaving.takeHead();
  leaving.socket.destroy();
  assert.match(await first.peer.next(), /^close 100[015]/);
  await ask('POST /s/1/y/xhr');
  const second = await origin.accept();
  second.peer.socket.terminate();
  for (;;) {
    const { status } = await ask('POST /s/1/y/xhr_send', '["a"]');
    if (status === 404) break;
  }
});

test('streams: a session opens with a stream, and heartbeats and messages follow', async (t) => {
  const origin = await startWsOrigin(t);
  const { open } = await start(t, `*,sockjs=/s ${origin.address}`);
  const stream = await open('POST /s/1/x/xhr_streaming');
  const head = await stream.takeHead();
  assert.equal(head.headers.get('content-type'), 'application/javascript; charset=UTF-8');
  assert.equal(await stream.takeChunk(), `${'h'.repeat(2_048)}\no\n`);
  const { peer } = await origin.accept();
  peer.send('one');
  assert.equal(await stream.takeChunk(), 'a["one"]\n');
  const events = await open('GET /s/1/y/eventsource');
  assert.equal((await events.takeHead()).headers.get('content-type'), 'text/event-stream');
  assert.equal(await events.takeChunk(), '\r\ndata: o\r\n\r\n');
  const other = (await origin.accept()).peer;
  other.send('two');
  assert.equal(await events.takeChunk(), 'data: a["two"]\r\n\r\n');
  other.socket.close(1000);
  assert.equal(await events.takeChunk(), 'data: c[1000,"Connection closed"]\r\n\r\n');
  assert.equal(await events.takeChunk(), '');
});

test('a client that closes its side while it waits has left, unless the route has half_close', async (t) => {
  const origin = await startWsOrigin(t);
  const routes = [`*,path_beg=/s,sockjs=/s ${origin.address}`, `*,path_beg=/h,half_close,sockjs=/h ${origin.address}`];
  const { ask, open } = await start(t, ...routes);
  for (const prefix of ['/s', '/h']) {
    await ask(`POST ${prefix}/1/x/xhr`);
    const sessions = [{ client: await open(`POST ${prefix}/1/x/xhr`), peer: (await origin.accept()).peer }];
    for (const path of ['/1/y/xhr_streaming', '/1/z/eventsource']) {
      const client = await open(`${path.endsWith('g') ? 'POST' : 'GET'} ${prefix}${path}`);
      await client.takeHead();
      await client.takeChunk();
      sessions.push({ client, peer: (await origin.accept()).peer });
    }
    for (const { client, peer } of sessions) {
      client.end();
      if (prefix === '/h') {
        peer.send('late');
        assert.match(await client.take('late'), /a\["late$/);
      } else {
        assert.equal(await peer.next(), 'close 1005');
        await client.ended;
      }
    }
  }
});

test('a WebSocket of a client carries frames, or is raw', async (t) => {
  const origin = await startWsOrigin(t);
  const { url } = await start(t, `*,sockjs=/s ${origin.address}`);
  const raw = await openWs(t, `${url}/s/websocket`);
  const first = await origin.accept();
  assert.equal(first.request.url, '/s/websocket');
  raw.send('["a"]');
  assert.equal(await first.peer.next(), 'text ["a"]');
  first.peer.socket.close(4002, 'raw');
  assert.equal(await raw.next(), 'close 4002 raw');
  const framed = await openWs(t, `${url}/s/1/x/websocket`);
  assert.equal(await framed.next(), 'text o');
  const { peer } = await origin.accept();
  framed.send('["a","b"]');
  assert.equal(await peer.next(), 'text a');
  assert.equal(await peer.next(), 'text b');
  peer.send('c');
  assert.equal(await framed.next(), 'text a["c"]');
  framed.socket.ping('x');
  assert.equal(await framed.next(), 'pong x');
  peer.socket.ping('y');
  assert.equal(await peer.next(), 'pong y');
  peer.socket.close(4003, 'framed');
  assert.equal(await framed.next(), 'close 4003 framed');
  for (const path of ['/s/1/websocket', '/s/1/x/other', '/s/1/x/websocket/2']) {
    const { response, body } = await refusedWs(t, url + path);
    assert.deepEqual([response.statusCode, body], [404, 'Not Found\n']);
  }
});

test('a framed WebSocket ends with something else than a list of messages, and with one that is too large', async (t) => {
  const origin = await startWsOrigin(t);
  const { url } = await start(t, `*,sockjs=/s ${origin.address}`);
  for (const message of [
    'x',
    '{}',
    '[1]',
    `["${'x'.repeat(200_001)}"]`,
    `["${'x'.repeat(399_000)}","${'x'.repeat(9_000)}"]`,
  ]) {
    const client = await openWs(t, `${url}/s/1/x/websocket`);
    await client.next();
    const { peer } = await origin.accept();
    client.send(message);
    const end = await client.next();
    assert.match(end, /^close 1/);
    assert.match(await peer.next(), /^close 100/);
  }
});

test('a server that stops closes the sessions', async (t) => {
  const origin = await startWsOrigin(t);
  const { ask, open, program } = await start(t, `*,sockjs=/s ${origin.address}`);
  const stream = await open('GET /s/1/y/eventsource');
  await stream.takeHead();
  await stream.takeChunk();
  await ask('POST /s/1/x/xhr');
  const stopped = program.stop();
  assert.equal(await stream.takeChunk(), 'data: c[1001,"Going away"]\r\n\r\n');
  assert.equal((await stopped).code, 0);
});
