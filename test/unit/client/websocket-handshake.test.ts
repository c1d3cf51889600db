import assert from 'node:assert/strict';
import { test } from 'node:test';
import { originOf } from '../../../src/client/index.ts';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { type DialErrorKind, Guard } from '../../../src/net/index.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { startRawOrigin } from '../../support/raw-origin.ts';
import { HandDialler } from './hand-dialler.ts';
import { accepting, ask, frame, hopTo, keyOf, portOf, TEXT, WebSocketFixture } from './websocket-fixture.ts';

const GONE = new ExchangeError('HF_CLIENT_GONE');

test('the request is that of RFC 6455 §4.1', async (t) => {
  const { head } = await ask(t, {}, { authority: 'example.com:8080', target: '/chat?room=1' });
  assert.equal(
    head.replace(keyOf(head), 'KEY'),
    'GET /chat?room=1 HTTP/1.1\r\nHost: example.com:8080\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: KEY\r\nConnection: Upgrade\r\n\r\n',
  );
});

test('each handshake has a key of 16 bytes of its own', async (t) => {
  const keys = new Set<string>();
  for (let i = 0; i < 3; i++) {
    const { head } = await ask(t);
    assert.match(keyOf(head), /^[A-Za-z0-9+/]{22}==$/);
    keys.add(keyOf(head));
  }
  assert.equal(keys.size, 3);
});

test('fields of the requester are sent in their order, except those of the connection and the handshake', async (t) => {
  const dropped = [
    ['host', 'other.example'],
    ['Upgrade', 'h2c'],
    ['Connection', 'Upgrade, X-Hop'],
    ['X-Hop', 'named by Connection'],
    ['Keep-Alive', 'timeout=5'],
    ['Proxy-Connection', 'keep-alive'],
    ['TE', 'trailers'],
    ['Trailer', 'X'],
    ['Transfer-Encoding', 'chunked'],
    ['Content-Length', '5'],
    ['Expect', '100-continue'],
    ['Sec-WebSocket-Version', '8'],
    ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
    ['SEC-WEBSOCKET-EXTENSIONS', 'permessage-deflate; client_max_window_bits'],
    ['Sec-WebSocket-Accept', 'x'],
  ].flat();
  const kept = ['Origin', 'http://a', 'X-Twice', '1', 'Cookie', 'c=d', 'X-Twice', '2', 'Authorization', 'Basic eDp5'];
  const headers = [...kept.slice(0, 4), ...dropped, ...kept.slice(4)];
  const { head } = await ask(t, {}, { headers });
  assert.equal(
    head.replace(keyOf(head), 'KEY'),
    'GET / HTTP/1.1\r\nHost: example.com\r\nOrigin: http://a\r\nX-Twice: 1\r\nCookie: c=d\r\nX-Twice: 2\r\n' +
      'Authorization: Basic eDp5\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: KEY\r\n' +
      'Connection: Upgrade\r\n\r\n',
  );
});

test('subprotocols of the requester are offered in one field', async (t) => {
  const headers = ['Sec-WebSocket-Protocol', 'chat, superchat', 'sec-websocket-protocol', 'v2'];
  const { head, peer, requester } = await ask(t, {}, { headers });
  assert.equal(head.match(/sec-websocket-protocol/gi)?.length, 1);
  assert.match(head, /^Sec-WebSocket-Protocol: chat, superchat, v2\r$/m);
  peer.write(`${accepting(head)}Sec-WebSocket-Protocol: superchat\r\n\r\n`);
  await requester.until(() => requester.open);
});

test('compression is offered if it is configured', async (t) => {
  const { head } = await ask(t, { compression: true });
  assert.match(head, /^Sec-WebSocket-Extensions: permessage-deflate\r$/m);
});

const EXTENSIONS = [
  'Sec-WebSocket-Extensions',
  'grip, permessage-deflate; client_max_window_bits',
  'sec-websocket-extensions',
  'x-other; a=1; b="c"',
];

test('extensions of the requester except permessage-deflate are offered, and the origin may accept them', async (t) => {
  const { head, peer, requester } = await ask(t, {}, { headers: EXTENSIONS });
  assert.match(head, /^Sec-WebSocket-Extensions: grip, x-other; a=1; b="c"\r$/m);
  assert.equal(head.match(/sec-websocket-extensions/gi)?.length, 1);
  // An empty value is what GRIP's documentation has, though RFC 6455 §9.1 asks for a token.
  const accepted = 'grip; message-prefix="", x-other; a=2';
  peer.write(`${accepting(head)}Sec-WebSocket-Extensions: ${accepted}\r\n\r\n`);
  await requester.until(() => requester.open);
  assert.deepEqual(requester.head?.headers.slice(-2), ['Sec-WebSocket-Extensions', accepted]);
});

test('extensions of the requester are offered beside our compression, which the requester does not see', async (t) => {
  const { head, peer, requester } = await ask(t, { compression: true }, { headers: EXTENSIONS });
  assert.match(head, /^Sec-WebSocket-Extensions: permessage-deflate, grip, x-other; a=1; b="c"\r$/m);
  peer.write(`${accepting(head)}Sec-WebSocket-Extensions: grip, permessage-deflate\r\n\r\n`);
  await requester.until(() => requester.open);
  assert.deepEqual(requester.head?.headers.slice(-2), ['Sec-WebSocket-Extensions', 'grip']);
});

test('compression that was negotiated by the client is not shown to the requester', async (t) => {
  const { head, peer, requester } = await ask(t, { compression: true });
  peer.write(`${accepting(head)}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n`);
  await requester.until(() => requester.open);
  assert.ok(!requester.head?.headers.includes('Sec-WebSocket-Extensions'));
});

for (const accepted of ['permessage-deflate', 'other', 'grip, other', 'grip, permessage-deflate']) {
  test(`an origin that accepts ${accepted}, which was not all offered, fails`, async (t) => {
    const { head, peer, requester } = await ask(t, {}, { headers: ['Sec-WebSocket-Extensions', 'grip'] });
    peer.write(`${accepting(head)}Sec-WebSocket-Extensions: ${accepted}\r\n\r\n`);
    assert.equal((await requester.failed()).code, 'HF_ORIGIN_WEBSOCKET');
  });
}

test('an accepting response opens the WebSocket, with its reason and fields, and grants the window', async (t) => {
  const { head, peer, requester } = await ask(t, { window: 1_234 });
  peer.write(`${accepting(head).replace('Switching Protocols', 'Come in')}X-Twice: 1\r\nx-twice:2\r\n\r\n`);
  await requester.until(() => requester.requestCredit > 0);
  const accept = /Sec-WebSocket-Accept: (.*)\r/.exec(accepting(head))?.[1];
  assert.deepEqual(requester.head, {
    status: 101,
    reason: 'Come in',
    headers: [
      ...['Upgrade', 'websocket', 'Connection', 'Upgrade', 'Sec-WebSocket-Accept', accept],
      ...['X-Twice', '1', 'x-twice', '2'],
    ],
    bodyLength: 0,
  });
  assert.deepEqual(requester.grants, [1_234]);
});

test('interim responses before the final one are skipped', async (t) => {
  const { head, peer, requester } = await ask(t);
  peer.write(`HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${accepting(head)}\r\n`);
  await requester.until(() => requester.open);
  assert.ok(!requester.head?.headers.includes('Link'));
});

test('the response and frames after it may be split anywhere', async (t) => {
  const { head, peer, requester } = await ask(t);
  const bytes = Buffer.concat([Buffer.from(`${accepting(head)}\r\n`), frame(TEXT, 'first'), frame(TEXT, 'second')]);
  for (const byte of bytes) {
    peer.write(Buffer.from([byte]));
    await turn();
  }
  assert.deepEqual(await requester.lines(2), ['text first', 'text second']);
});

test('frames in one segment with the response are not lost', async (t) => {
  const { head, peer, requester } = await ask(t);
  peer.write(Buffer.concat([Buffer.from(`${accepting(head)}\r\n`), frame(TEXT, 'first')]));
  assert.deepEqual(await requester.lines(1), ['text first']);
});

test('a requester may leave within each of the first calls', async (t) => {
  for (const count of [1, 2, 3]) {
    const { head, peer, requester } = await ask(t);
    let calls = 0;
    requester.onCall = () => {
      if (++calls === count) requester.leave(GONE);
    };
    peer.write(Buffer.concat([Buffer.from(`${accepting(head)}\r\n`), frame(TEXT, 'first')]));
    await peer.ended;
    assert.equal(calls, count);
  }
});

const MISFITS: readonly { readonly what: string; readonly change: (answer: string) => string }[] = [
  { what: 'another accept', change: (text) => text.replace(/Accept: ./, 'Accept: _') },
  { what: 'no accept', change: (text) => text.replace(/Sec-WebSocket-Accept.*\r\n/, '') },
  { what: 'two accepts', change: (text) => text + (/Sec-WebSocket-Accept.*\r\n/.exec(text)?.[0] ?? '') },
  { what: 'no Upgrade', change: (text) => text.replace('Upgrade: websocket\r\n', '') },
  { what: 'another Upgrade', change: (text) => text.replace('Upgrade: websocket', 'Upgrade: h2c') },
  { what: 'no Connection', change: (text) => text.replace('Connection: Upgrade\r\n', '') },
  {
    what: 'a Connection that does not list it',
    change: (text) => text.replace('Connection: Upgrade', 'Connection: close'),
  },
  { what: 'a subprotocol that was not offered', change: (text) => `${text}Sec-WebSocket-Protocol: other\r\n` },
  { what: 'two subprotocols', change: (text) => `${text}Sec-WebSocket-Protocol: chat, chat2\r\n` },
  {
    what: 'compression that was not offered',
    change: (text) => `${text}Sec-WebSocket-Extensions: permessage-deflate\r\n`,
  },
  { what: 'an extension that was not offered', change: (text) => `${text}Sec-WebSocket-Extensions: x-other\r\n` },
  { what: 'HTTP/1.0', change: (text) => text.replace('HTTP/1.1', 'HTTP/1.0') },
];

for (const { what, change } of MISFITS) {
  test(`a response with ${what} fails the handshake`, async (t) => {
    const { fixture, head, peer, requester } = await ask(t, {}, { headers: ['Sec-WebSocket-Protocol', 'chat, chat2'] });
    peer.write(`${change(accepting(head))}\r\n`);
    assert.equal((await requester.failed()).code, 'HF_ORIGIN_WEBSOCKET');
    assert.equal(requester.head, null);
    assert.equal(await peer.ended, 'fin');
    assert.equal(fixture.counters.originErrors, 1);
  });
}

const RUBBISH: readonly { readonly what: string; readonly text: string }[] = [
  { what: 'another protocol', text: 'SSH-2.0-OpenSSH_9.6\r\n\r\n' },
  { what: 'frames without a head', text: '\x81\x05Hello' },
  { what: 'a status of two digits', text: 'HTTP/1.1 10 X\r\n\r\n' },
  { what: 'HTTP/2', text: 'HTTP/2.0 101 X\r\n\r\n' },
  { what: 'a folded field', text: 'HTTP/1.1 101 X\r\nA: b\r\n c\r\n\r\n' },
  { what: 'an invalid line end', text: 'HTTP/1.1 101 X\nUpgrade: websocket\n\n' },
  { what: 'two Content-Lengths', text: 'HTTP/1.1 403 X\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n' },
  { what: 'a head over its limit', text: `HTTP/1.1 101 X\r\nA: ${'a'.repeat(17_000)}` },
  { what: 'a field too many', text: `HTTP/1.1 101 X\r\n${'A: b\r\n'.repeat(129)}\r\n` },
  { what: 'too many interim responses', text: 'HTTP/1.1 102 X\r\n\r\n'.repeat(21) },
];

for (const { what, text } of RUBBISH) {
  test(`${what} in place of a response fails`, async (t) => {
    const { fixture, peer, requester } = await ask(t);
    peer.write(text);
    assert.equal((await requester.failed()).code, 'HF_ORIGIN_PROTOCOL');
    await peer.ended;
    assert.deepEqual([fixture.counters.originRequests, fixture.counters.originErrors], [1, 1]);
  });
}

test('limits of the response head are configurable', async (t) => {
  const { head, peer, requester } = await ask(t, { maxResponseHeaders: 4, lenientLineEnds: true });
  peer.write(`${accepting(head)}A: b\r\n\r\n`.replaceAll('\r\n', '\n'));
  await requester.until(() => requester.open);
  const other = await ask(t, { maxResponseHeaders: 3 });
  other.peer.write(`${accepting(other.head)}A: b\r\n\r\n`);
  assert.match((await other.requester.failed()).detail, /more than 3 header fields/);
});

test('a connection that ends within the handshake fails it', async (t) => {
  for (const [bytes, reset, detail] of [
    ['', false, /: connection closed before the response/],
    ['', true, /: connection reset before the response/],
    ['HTTP/1.1 101 Swi', false, /: connection closed in the head of the response/],
    ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso', true, /: connection reset in the head of the response/],
  ] as const) {
    const { peer, requester, fixture } = await ask(t);
    if (bytes !== '') peer.write(bytes);
    await turn();
    if (reset) peer.reset();
    else peer.end();
    const error = await requester.failed();
    assert.equal(error.code, 'HF_ORIGIN_CLOSED');
    if (bytes === '' || !reset) assert.match(error.detail, detail);
    assert.equal(fixture.counters.originErrors, 1);
  }
});

test('an origin that does not respond in time is given up', async (t) => {
  const advance = manualClock(t);
  const { peer, requester } = await ask(t, { responseTimeout: 3 });
  peer.write('HTTP/1.1 100 Continue\r\n\r\n');
  advance(2);
  await turn();
  peer.write('HTTP/1.1 101 Swi');
  await turn();
  assert.equal(requester.failure(), '');
  advance(1);
  assert.equal(requester.failure(), 'HF_ORIGIN_TIMEOUT');
  await peer.ended;
});

test('an origin may take any time if there is no bound', async (t) => {
  const advance = manualClock(t);
  const { head, peer, requester } = await ask(t, { responseTimeout: 0 });
  advance(10_000);
  peer.write(`${accepting(head)}\r\n`);
  await requester.until(() => requester.open);
});

const KINDS: readonly (readonly [DialErrorKind, string, number])[] = [
  ['resolve', 'HF_ORIGIN_UNREACHABLE', 1],
  ['policy', 'HF_POLICY_VIOLATION', 0],
  ['unreachable', 'HF_ORIGIN_UNREACHABLE', 1],
  ['timeout', 'HF_ORIGIN_CONNECT_TIMEOUT', 1],
  ['tls', 'HF_ORIGIN_TLS', 1],
];

for (const [kind, code, originErrors] of KINDS) {
  test(`a dial that fails with ${kind} is ${code}`, (t) => {
    const dialler = new HandDialler();
    const fixture = new WebSocketFixture(t, { dialler });
    const requester = fixture.send(hopTo(1));
    dialler.fail(kind);
    assert.equal(requester.failure(), code);
    assert.equal(requester.error?.detail, '127.0.0.1:1: words for people');
    assert.deepEqual([fixture.counters.originRequests, fixture.counters.originErrors], [1, originErrors]);
  });
}

test('a dial that takes too long is given up', (t) => {
  const advance = manualClock(t);
  const dialler = new HandDialler();
  const requester = new WebSocketFixture(t, { dialler, connectTimeout: 2 }).send(hopTo(1));
  advance(1);
  assert.equal(requester.failure(), '');
  advance(1);
  assert.equal(requester.failure(), 'HF_ORIGIN_CONNECT_TIMEOUT');
  assert.equal(dialler.cancelled, true);
});

test('the dial has everything that the origin is trusted for', (t) => {
  const dialler = new HandDialler();
  const { origin } = hopTo(1);
  new WebSocketFixture(t, { dialler }).send(hopTo(1, { origin }));
  assert.equal(dialler.target, origin);
});

test('an address that the guard of the origin denies is not dialled', async (t) => {
  const target = await startRawOrigin(t);
  const guard = new Guard({ defaultPolicy: 'allow', allow: [], deny: ['127.0.0.1'], denyInternal: false });
  const requester = new WebSocketFixture(t).send(
    hopTo(1, { origin: originOf('127.0.0.1', portOf(target), null, guard) }),
  );
  assert.equal((await requester.failed()).code, 'HF_POLICY_VIOLATION');
  assert.equal(target.peers.length, 0);
});

test('a requester that leaves ends the dial', (t) => {
  const dialler = new HandDialler();
  const requester = new WebSocketFixture(t, { dialler }).send(hopTo(1));
  requester.leave(GONE);
  assert.equal(dialler.cancelled, true);
});

test('a requester that leaves while the response is awaited closes the connection', async (t) => {
  const { peer, requester } = await ask(t);
  peer.write('HTTP/1.1 101 Swi');
  await turn();
  requester.leave(GONE);
  await peer.ended;
});

const UNSENDABLE: readonly { readonly what: string; readonly hop: object }[] = [
  { what: 'a line end in a value', hop: { headers: ['X', 'a\r\nY: b'] } },
  { what: 'a name that is no token', hop: { headers: ['X Y', 'a'] } },
  { what: 'a target with a space', hop: { target: '/a b' } },
  { what: 'a subprotocol twice', hop: { headers: ['Sec-WebSocket-Protocol', 'a, a'] } },
  { what: 'a subprotocol that is no token', hop: { headers: ['Sec-WebSocket-Protocol', 'a/b'] } },
  { what: 'an empty list of subprotocols', hop: { headers: ['Sec-WebSocket-Protocol', ''] } },
];

for (const { what, hop } of UNSENDABLE) {
  test(`a request with ${what} is refused before the dial`, (t) => {
    const dialler = new HandDialler();
    const requester = new WebSocketFixture(t, { dialler }).send(hopTo(1, hop));
    assert.equal(requester.failure(), 'HF_FETCH_INVALID');
    assert.equal(dialler.target, null);
    requester.responder?.onRequestError(GONE);
    requester.responder?.onResponseCredit(5);
  });
}

test('a requester that sends before the WebSocket is open is refused', async (t) => {
  for (const act of ['message', 'ping', 'pong', 'close'] as const) {
    const { peer, requester } = await ask(t);
    const { webSocket: responder } = requester;
    if (act === 'message') responder?.onRequestMessage(Buffer.from('x'), true, false);
    else if (act === 'ping') responder?.onRequestPing(Buffer.from('x'));
    else if (act === 'pong') responder?.onRequestPong(Buffer.from('x'));
    else responder?.onRequestClose(1000, '');
    assert.equal(requester.failure(), 'HF_FETCH_INVALID');
    await peer.ended;
    assert.equal(peer.text, '');
  }
});

test('other limits apply to the WebSockets that are opened after them', async (t) => {
  const origin = await startRawOrigin(t);
  const fixture = new WebSocketFixture(t);
  const long = `X-Long: ${'x'.repeat(300)}\r\n\r\n`;
  const before = fixture.send(hopTo(portOf(origin)));
  const peer = await origin.accept();
  const head = await peer.take();
  fixture.limits.current = { ...fixture.limits.current, maxResponseHeaderBytes: 256 };
  const after = fixture.send(hopTo(portOf(origin)));
  const other = await origin.accept();
  other.write(`${accepting(await other.take())}${long}`);
  assert.equal((await after.failed()).code, 'HF_ORIGIN_PROTOCOL');
  peer.write(`${accepting(head)}${long}`);
  await before.until(() => before.open);
});
