import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FakeFetch } from '../../support/zhttp/fake-fetcher.ts';
import { serverRig } from '../../support/zhttp/server-rig.ts';

// ---- the opening

test('a WebSocket is acknowledged, opened with its head, and granted what the buffer holds', (t) => {
  const rig = serverRig(t);
  const fetch = rig.webSocket({ headers: ['Sec-WebSocket-Protocol', 'chat'], multi: true, userData: '1:u,' });
  assert.equal(fetch.webSocket, true);
  assert.deepEqual(
    [fetch.request.uri, fetch.request.headers, fetch.request.bodyLength, fetch.request.credits],
    ['ws://example.com/', ['Sec-WebSocket-Protocol', 'chat'], 0, 1_000],
  );
  fetch.accept(['Sec-WebSocket-Protocol', 'chat']);
  assert.deepEqual(rig.link.take(), [
    'me a#0 keep-alive multi ~1:u,',
    'me a#1 data multi 101 Switching Protocols ["Sec-WebSocket-Protocol","chat"] +1000 ~1:u,',
  ]);
});

test('an acceptance is written as in the reference', (t) => {
  const rig = serverRig(t, { address: 'h1' });
  rig.webSocket({ from: 'c1', id: '1-0-4' });
  rig.link.take();
  rig.fetcher.last.accept(['Sec-WebSocket-Protocol', 'chat']);
  rig.fetcher.last.message('hi');
  rig.fetcher.last.close(1001, 'bye');
  assert.deepEqual(rig.link.takeBytes(), [
    'c1 T148:4:from,2:h1,2:id,5:1-0-4,3:seq,1:1#4:code,3:101#6:reason,19:Switching Protocols,7:headers,37:33:22:Sec-WebSocket-Protocol,4:chat,]]7:credits,4:1000#}',
    // Text is what a message without a type is.
    'c1 T47:4:from,2:h1,2:id,5:1-0-4,3:seq,1:2#4:body,2:hi,}',
    'c1 T77:4:from,2:h1,2:id,5:1-0-4,3:seq,1:3#4:type,5:close,4:code,4:1001#4:body,3:bye,}',
  ]);
});

test('a WebSocket may use TLS, and its method is ignored', (t) => {
  const rig = serverRig(t);
  assert.equal(rig.webSocket({ uri: 'WSS://example.com/', method: 'POST' }).webSocket, true);
});

test('a response other than 101 rejects the WebSocket, with its body framed again', (t) => {
  const rig = serverRig(t);
  const headers = ['X-A', 'b', 'Content-Length', '99', 'transfer-encoding', 'chunked'];
  const fetch = rig.webSocket({ credits: 1 }).respond({ status: 403, reason: 'Forbidden', headers });
  // Credits are for messages: a body is taken as far as it is passed on.
  assert.deepEqual(fetch.take(), ['credit 65536']);
  fetch.data('no', true).data('\n');
  assert.deepEqual(rig.link.take().slice(1), [
    'me a#1 error rejected 403 Forbidden ["X-A","b","Content-Length","3"] "no\n"',
  ]);
  assert.deepEqual([rig.counters.sessionsOpen, rig.counters.sessionsFailed], [0, 1]);
  assert.deepEqual(rig.log.with('request failed')[0]?.fields.code, 'HF_ORIGIN_WEBSOCKET');
});

test('a rejection is written as in the reference', (t) => {
  const rig = serverRig(t, { address: 'h1' });
  rig.webSocket({ from: 'c1', id: '1-0-5' });
  rig.link.take();
  rig.fetcher.last.respond({ status: 403, reason: 'Forbidden', headers: ['Content-Type', 'text/plain'] }).data('no\n');
  assert.deepEqual(rig.link.takeBytes(), [
    'c1 T194:4:from,2:h1,2:id,5:1-0-5,3:seq,1:1#4:type,5:error,9:condition,8:rejected,4:code,3:403#6:reason,9:Forbidden,7:headers,60:30:12:Content-Type,10:text/plain,]22:14:Content-Length,1:3,]]4:body,3:no\n,}',
  ]);
});

test('the body of a rejection arrives whole, cut off at the size of a packet', (t) => {
  const rig = serverRig(t, { maxBodyBytes: 200_000 });
  const whole = rig.webSocket().respond({ status: 404 });
  for (let i = 0; i < 4; i++) whole.data('x'.repeat(49_999), true);
  whole.data('last');
  const [, full] = rig.link.answers;
  assert.equal(full?.packet.body.length, 200_000);
  const long = rig.webSocket({ id: 'b' }).respond({ status: 404 });
  for (let i = 0; i < 4; i++) long.data('x'.repeat(50_000), true);
  assert.equal(rig.link.answers.length, 3);
  long.data('y', true);
  const { packet } = rig.link.answers[3] ?? assert.fail();
  assert.deepEqual(
    [packet.condition, packet.body.length, packet.headers],
    ['rejected', 200_000, ['Content-Length', '200000']],
  );
  assert.equal(long.take().at(-1), 'error HF_ORIGIN_WEBSOCKET');
});

test('an origin may respond before the fetcher has returned', (t) => {
  const rig = serverRig(t);
  rig.fetcher.onFetch = (fetch) => fetch.respond({ status: 500, reason: '' });
  const fetch = rig.webSocket();
  assert.deepEqual(fetch.take(), ['credit 65536']);
  fetch.data('');
  assert.deepEqual(rig.link.take().slice(1), ['me a#1 error rejected 500 ["Content-Length","0"]']);
});

test('a WebSocket that cannot be opened is an error with its condition', (t) => {
  const rig = serverRig(t);
  for (const [code, condition] of [
    ['HF_ORIGIN_UNREACHABLE', 'remote-connection-failed'],
    ['HF_ORIGIN_TLS', 'tls-error'],
    ['HF_TOO_MANY_REDIRECTS', 'too-many-redirects'],
    ['HF_ORIGIN_WEBSOCKET', 'undefined-condition'],
  ] as const) {
    rig.webSocket({ id: code }).fail(code);
    assert.deepEqual(rig.link.take().slice(1), [`me ${code}#1 error ${condition}`]);
  }
});

// ---- messages

test('messages of the requester arrive unchanged: text without a type, binary with it, and in pieces', (t) => {
  const rig = serverRig(t);
  const fetch = rig.openWebSocket();
  fetch.message('hi');
  fetch.message('\x00\xff', 'binary');
  fetch.message('one', 'binary', true);
  fetch.message('', 'binary', true);
  fetch.message('two', 'binary');
  fetch.message('');
  fetch.ping('p');
  fetch.pong();
  assert.deepEqual(rig.link.take(), [
    'me a#2 data "hi"',
    'me a#3 data binary "\x00\xff"',
    'me a#4 data binary "one" more',
    'me a#5 data binary "two"',
    'me a#6 data',
    'me a#7 ping "p"',
    'me a#8 pong',
  ]);
});

test('messages of the origin leave unchanged; the first piece has the type', (t) => {
  const rig = serverRig(t);
  const fetch = rig.openWebSocket();
  rig.follow({ body: 'hi' });
  rig.follow({ body: 'hi', contentType: 'text' });
  rig.follow({ body: 'one', contentType: 'binary', more: true });
  rig.follow({ type: 'ping', body: 'between' });
  rig.follow({ body: 'two' });
  rig.follow({});
  rig.follow({ type: 'pong' });
  assert.deepEqual(fetch.take(), [
    'text "hi"',
    'text "hi"',
    'binary "one" more',
    'ping "between"',
    'binary "two"',
    'text ""',
    'pong ""',
  ]);
});

test('credits of the requester go to the fetcher, whatever packet they come in, before the opening too', (t) => {
  const rig = serverRig(t);
  const fetch = rig.webSocket({ credits: 0 });
  rig.follow({ type: 'credit', credits: 5 });
  fetch.accept();
  rig.follow({ type: 'keep-alive', credits: 6 });
  rig.follow({ type: 'ping', credits: 7 });
  rig.follow({ type: 'pong', credits: 8 });
  rig.follow({ credits: 9 });
  const credits = fetch.take().filter((event) => event.startsWith('credit'));
  assert.deepEqual(credits, ['credit 5', 'credit 6', 'credit 7', 'credit 8', 'credit 9']);
});

test('the requester is granted what the fetcher has taken of messages, pings and pongs', (t) => {
  const rig = serverRig(t);
  const fetch = rig.openWebSocket();
  rig.follow({ body: 'x'.repeat(300) });
  rig.follow({ type: 'ping', body: 'y'.repeat(100) });
  assert.deepEqual(rig.link.take(), []);
  rig.follow({ type: 'pong', body: 'z'.repeat(100) });
  assert.deepEqual(rig.link.take(), ['me a#2 credit +500']);
  rig.follow({ body: 'x' });
  rig.advance(0.1);
  assert.deepEqual(rig.link.take(), ['me a#3 credit +1']);
  fetch.grant(1_000);
  rig.follow({ body: 'x'.repeat(500) });
  assert.deepEqual(rig.link.take(), ['me a#4 credit +500']);
});

test('what the fetcher does not take waits in order; messages may be split, pings may not', (t) => {
  const rig = serverRig(t);
  const fetch = rig.openWebSocket(0);
  rig.follow({ body: 'hello', contentType: 'binary' });
  rig.follow({ type: 'ping', body: 'ping' });
  rig.follow({ body: '' });
  rig.follow({ type: 'close', code: 1000, body: 'bye' });
  assert.deepEqual(fetch.take(), []);
  fetch.grant(2);
  assert.deepEqual(fetch.take(), ['binary "he" more']);
  fetch.grant(5);
  assert.deepEqual(fetch.take(), ['binary "llo"']);
  fetch.grant(2);
  assert.deepEqual(fetch.take(), ['ping "ping"', 'text ""', 'close 1000 bye']);
});

test('a requester that sends more than it was granted is refused', (t) => {
  const rig = serverRig(t);
  const fetch = rig.openWebSocket(0);
  rig.follow({ body: 'x'.repeat(990) });
  rig.follow({ type: 'ping', body: '0123456789' });
  assert.deepEqual(rig.link.take(), []);
  rig.follow({ type: 'pong', body: 'x' });
  assert.deepEqual(rig.link.take(), ['me a#2 error bad-request']);
  assert.deepEqual(fetch.take(), ['error HF_FETCH_INVALID']);
});

test('a thousand messages may wait, however empty they are', (t) => {
  const rig = serverRig(t);
  const fetch = rig.openWebSocket(0);
  // One with a byte stops them all.
  rig.follow({ body: 'x' });
  for (let i = 0; i < 999; i++) rig.follow({});
  assert.deepEqual(rig.link.take(), []);
  rig.follow({});
  assert.deepEqual(rig.link.take(), ['me a#2 error bad-request']);
  assert.deepEqual(fetch.take(), ['error HF_FETCH_INVALID']);
});

test('only credits and keep-alives may come before the opening', (t) => {
  const rig = serverRig(t);
  for (const type of ['data', 'ping', 'pong', 'close'] as const) {
    const fetch = rig.webSocket({ id: type });
    rig.follow({ id: type, type: 'keep-alive' });
    rig.follow({ id: type, type });
    assert.deepEqual(fetch.take(), ['error HF_FETCH_INVALID']);
    assert.deepEqual(rig.link.take().slice(1), [`me ${type}#1 error bad-request`]);
  }
});

test('pings and pongs have up to 125 bytes', (t) => {
  const rig = serverRig(t);
  const fetch = rig.openWebSocket();
  rig.follow({ type: 'ping', body: 'x'.repeat(125) });
  rig.follow({ type: 'pong', body: 'x'.repeat(125) });
  assert.equal(fetch.take().length, 2);
  rig.follow({ type: 'ping', body: 'x'.repeat(126) });
  assert.deepEqual(fetch.take(), ['error HF_FETCH_INVALID']);
  assert.deepEqual(rig.link.take(), ['me a#2 error bad-request']);
});

// ---- the close

test('a session that the requester closes ends with the close of the origin', (t) => {
  const rig = serverRig(t);
  const fetch = rig.openWebSocket();
  rig.follow({ type: 'close', code: 4000, body: 'bye' });
  assert.deepEqual(fetch.take(), ['close 4000 bye']);
  assert.equal(rig.counters.sessionsOpen, 1);
  // What was on its way still comes.
  fetch.message('late');
  fetch.close(4000, 'bye');
  assert.deepEqual(rig.link.take(), ['me a#2 data "late"', 'me a#3 close 4000 "bye"']);
  assert.equal(rig.counters.sessionsOpen, 0);
  assert.deepEqual(rig.log.with('request complete')[0]?.fields.bytes, 4);
});

test('a session that the origin closes ends with the close of the requester', (t) => {
  const rig = serverRig(t);
  const fetch = rig.openWebSocket();
  fetch.close(1001, 'ü');
  assert.deepEqual(rig.link.take(), ['me a#2 close 1001 "Ã¼"']);
  assert.equal(rig.counters.sessionsOpen, 1);
  rig.follow({ body: 'late' });
  rig.follow({ type: 'close', code: 1001 });
  assert.deepEqual(fetch.take(), ['text "late"', 'close 1001']);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a close that waits for messages before it keeps the session open', (t) => {
  const rig = serverRig(t);
  const fetch = rig.openWebSocket(0);
  fetch.close(1000);
  rig.follow({ body: 'late' });
  rig.follow({ type: 'close', code: 1000 });
  assert.equal(rig.counters.sessionsOpen, 1);
  fetch.grant(10);
  assert.deepEqual(fetch.take(), ['text "late"', 'close 1000']);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a close without a code has none, and no reason', (t) => {
  const rig = serverRig(t);
  for (const code of [0, 1005]) {
    const fetch = rig.openWebSocket();
    fetch.close();
    assert.deepEqual(rig.link.take(), ['me a#2 close']);
    rig.follow({ type: 'close', code, body: 'ignored' });
    assert.deepEqual(fetch.take(), ['close 1005']);
  }
});

test('a close that cannot be sent is a bad request', (t) => {
  const rig = serverRig(t);
  for (const fields of [
    { code: 999 },
    { code: 1006 },
    { code: 5_000 },
    { code: 1000, body: 'x'.repeat(124) },
    { code: 1000, body: '\xff' },
  ]) {
    const fetch = rig.openWebSocket();
    rig.follow({ type: 'close', ...fields });
    assert.deepEqual(fetch.take(), ['error HF_FETCH_INVALID']);
    assert.deepEqual(rig.link.take(), ['me a#2 error bad-request']);
  }
  rig.openWebSocket();
  rig.follow({ type: 'close', code: 1000, body: 'x'.repeat(123) });
  assert.deepEqual(rig.link.take(), []);
});

test('a requester that sends anything but credits after its close is refused', (t) => {
  const rig = serverRig(t);
  for (const type of ['data', 'ping', 'pong', 'close'] as const) {
    const fetch = rig.openWebSocket();
    rig.follow({ type: 'close' });
    rig.follow({ type: 'credit', credits: 500 });
    rig.follow({ type });
    assert.deepEqual(fetch.take(), ['close 1005', 'credit 500', 'error HF_FETCH_INVALID']);
    assert.deepEqual(rig.link.take(), ['me a#2 error bad-request']);
  }
});

test('a connection that is lost is an error, as is a frame that is too large', (t) => {
  const rig = serverRig(t);
  rig.openWebSocket();
  rig.fetcher.last.fail('HF_ORIGIN_TRUNCATED');
  assert.deepEqual(rig.link.take(), ['me a#2 error undefined-condition']);
  rig.openWebSocket();
  rig.fetcher.last.fail('HF_ORIGIN_FRAME_TOO_LARGE');
  assert.deepEqual(rig.link.take(), ['me a#2 error frame-too-large']);
});

test('a cancel ends the WebSocket at once', (t) => {
  const rig = serverRig(t);
  const fetch = rig.openWebSocket();
  rig.follow({ type: 'cancel' });
  assert.deepEqual(fetch.take(), ['error HF_CLIENT_GONE']);
  assert.deepEqual(rig.link.take(), []);
  assert.deepEqual([rig.counters.sessionsCancelled, rig.counters.sessionsFailed], [1, 0]);
});

test('an origin that sends nothing but empty messages is given up when its requester is silent', (t) => {
  const rig = serverRig(t);
  const floods: readonly ((fetch: FakeFetch) => void)[] = [
    (fetch) => fetch.message(''),
    (fetch) => fetch.ping(),
    (fetch) => fetch.pong(),
  ];
  for (const [i, flood] of floods.entries()) {
    const fetch = rig.webSocket({ id: `${i}`, credits: 10_000 }).accept();
    for (let sent = 0; sent < 1_000; sent++) flood(fetch);
    // Whoever says something listens.
    rig.follow({ id: `${i}`, type: 'keep-alive' });
    for (let sent = 0; sent < 1_000; sent++) flood(fetch);
    // What has a byte costs credit, and so does a message whose end alone is empty.
    for (let sent = 0; sent < 2_000; sent++) {
      fetch.message('x', 'text', true);
      fetch.message('');
      fetch.ping('x');
    }
    assert.deepEqual(fetch.take(), []);
    rig.link.take();
    flood(fetch);
    flood(fetch);
    assert.deepEqual(fetch.take(), ['error HF_ORIGIN_WEBSOCKET']);
    assert.deepEqual(rig.link.take(), [`me ${i}#8002 error undefined-condition`]);
  }
});
