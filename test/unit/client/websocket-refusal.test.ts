import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeError, UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import type { FakeWebSocketRequester } from '../../support/exchange/fake-websocket-requester.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { HandDialler } from './hand-dialler.ts';
import { ask, hopTo, WebSocketFixture } from './websocket-fixture.ts';

const GONE = new ExchangeError('HF_CLIENT_GONE');

const BODIES: readonly {
  readonly what: string;
  readonly text: string;
  readonly length: number;
  readonly body: string;
}[] = [
  { what: 'of a length', text: 'Content-Length: 5\r\n\r\nsorry', length: 5, body: 'sorry' },
  {
    what: 'in chunks',
    text: 'Transfer-Encoding: chunked\r\n\r\n2\r\nso\r\n3\r\nrry\r\n0\r\nX: y\r\n\r\n',
    length: UNKNOWN_LENGTH,
    body: 'sorry',
  },
  { what: 'up to the end of the connection', text: '\r\nsorry', length: UNKNOWN_LENGTH, body: 'sorry' },
  { what: 'that is empty', text: 'Content-Length: 0\r\n\r\n', length: 0, body: '' },
  { what: 'with more behind it', text: 'Content-Length: 5\r\n\r\nsorry and what else', length: 5, body: 'sorry' },
];

for (const { what, text, length, body } of BODIES) {
  for (const split of [false, true]) {
    test(`a refusal arrives as any other response, with a body ${what}, ${split ? 'byte by byte' : 'at once'}`, async (t) => {
      const { fixture, peer, requester } = await ask(t);
      const bytes = `HTTP/1.1 403 Go away\r\nX-Why: because\r\n${text}`;
      for (const piece of split ? bytes : [bytes]) {
        peer.write(piece);
        if (split) await turn();
      }
      if (what.startsWith('up to')) peer.end();
      await requester.until(() => requester.refused);
      assert.equal(requester.head?.status, 403);
      assert.equal(requester.head?.reason, 'Go away');
      assert.deepEqual(requester.head?.headers.slice(0, 2), ['X-Why', 'because']);
      assert.equal(requester.head?.bodyLength, length);
      assert.equal(requester.body, body);
      await peer.ended;
      assert.deepEqual([fixture.counters.originErrors, requester.grants], [0, []]);
    });
  }
}

test('a response whose status allows no body is complete with its head', async (t) => {
  const { peer, requester } = await ask(t);
  peer.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n');
  await requester.until(() => requester.refused);
  assert.deepEqual([requester.head?.bodyLength, requester.body], [0, '']);
  await peer.ended;
});

test('a success other than 101 is a refusal too', async (t) => {
  const { peer, requester } = await ask(t);
  peer.write('HTTP/1.0 200 OK\r\n\r\nhello');
  peer.end();
  await requester.until(() => requester.refused);
  assert.deepEqual([requester.head?.status, requester.body], [200, 'hello']);
});

const FRAMED: readonly (readonly [string, string])[] = [
  ['', '0123456789'],
  ['Content-Length: 10\r\n', '0123456789'],
  ['Transfer-Encoding: chunked\r\n', 'a\r\n0123456789\r\n0\r\n\r\n'],
];

/** Lets a body of ten digits, of which three have come, come to its end. */
async function takeRest(requester: FakeWebSocketRequester): Promise<void> {
  requester.grant(4);
  assert.deepEqual(requester.chunks.map(String), ['012', '3456']);
  // Whoever grants within the call gets no more than that.
  requester.onCall = () => {
    if (requester.body.length === 8) requester.grant(100);
  };
  requester.grant(1);
  await requester.until(() => requester.refused);
  assert.equal(requester.body, '0123456789');
}

test('the body is passed on as credit allows', async (t) => {
  for (const [framing, body] of FRAMED) {
    const { peer, requester } = await ask(t, {}, {}, 3);
    peer.end(`HTTP/1.1 500 X\r\n${framing}\r\n${body}`);
    await requester.until(() => requester.body === '012');
    await takeRest(requester);
    await peer.closed;
  }
});

test('the part of the body that came before the connection was lost is passed on', async (t) => {
  for (const [framing, body] of FRAMED) {
    const dialler = new HandDialler();
    const requester = new WebSocketFixture(t, { dialler }).send(hopTo(1), 3);
    dialler.connect();
    dialler.read(`HTTP/1.1 500 X\r\n${framing}\r\n${body}`);
    dialler.socket.emit('end');
    assert.equal(requester.body, '012');
    await takeRest(requester);
  }
  const dialler = new HandDialler();
  const requester = new WebSocketFixture(t, { dialler }).send(hopTo(1), 3);
  dialler.connect();
  dialler.read('HTTP/1.1 500 X\r\nContent-Length: 20\r\n\r\n0123456789');
  dialler.socket.emit('error', new Error('gone'));
  requester.grant(100);
  assert.deepEqual([requester.body, requester.failure()], ['0123456789', 'HF_ORIGIN_TRUNCATED']);
});

test('an origin is not read while the body is not taken', async (t) => {
  const { peer, requester } = await ask(t, {}, {}, 10);
  peer.write('HTTP/1.1 500 X\r\nContent-Length: 50000000\r\n\r\n');
  const chunk = Buffer.alloc(100_000);
  let written = 0;
  let blocked = false;
  // The kernel takes some megabytes.
  while (!blocked) {
    assert.ok(written < 45_000_000, 'the client reads on');
    for (; peer.socket.writableLength < 1_000_000; written += chunk.length) peer.write(chunk);
    const waiting = peer.socket.writableLength;
    for (let i = 0; i < 20; i++) await turn();
    blocked = peer.socket.writableLength === waiting;
  }
  assert.equal(requester.body.length, 10);
  requester.leave(GONE);
  await peer.closed;
});

test('a body that breaks off is truncated', async (t) => {
  for (const [framing, reset] of [
    ['Content-Length: 10\r\n', false],
    ['Transfer-Encoding: chunked\r\n', false],
    ['', true],
  ] as const) {
    const { peer, requester, fixture } = await ask(t);
    peer.write(`HTTP/1.1 500 X\r\n${framing}\r\n${framing.includes('chunked') ? '5\r\nsorry' : 'sorry'}`);
    await requester.until(() => requester.body === 'sorry');
    if (reset) peer.reset();
    else peer.end();
    assert.equal((await requester.failed()).code, 'HF_ORIGIN_TRUNCATED');
    assert.equal(fixture.counters.originErrors, 1);
  }
});

test('a body whose framing is broken fails', async (t) => {
  const { peer, requester } = await ask(t);
  peer.write('HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nsorry');
  assert.equal((await requester.failed()).code, 'HF_ORIGIN_PROTOCOL');
  await peer.ended;
});

test('a body that stalls is given up, unless it waits for the requester', async (t) => {
  const advance = manualClock(t);
  const { peer, requester } = await ask(t, { responseTimeout: 3 }, {}, 5);
  peer.write('HTTP/1.1 500 X\r\nContent-Length: 10\r\n\r\nsorry');
  await requester.until(() => requester.body === 'sorry');
  advance(10);
  assert.equal(requester.failure(), '');
  requester.grant(5);
  advance(2);
  assert.equal(requester.failure(), '');
  advance(1);
  assert.equal(requester.failure(), 'HF_ORIGIN_TIMEOUT');
  await peer.ended;
});

test('a requester that leaves within the body closes the connection', async (t) => {
  for (const early of [true, false]) {
    const { peer, requester } = await ask(t);
    requester.onCall = () => {
      if (early === (requester.chunks.length === 0)) requester.leave(GONE);
    };
    peer.write('HTTP/1.1 500 X\r\nContent-Length: 10\r\n\r\nsorry');
    await peer.ended;
  }
});
