import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { fakeTimers } from '../../support/fake-timers.ts';
import { turn } from '../../support/manual-clock.ts';
import { HandDialler } from './hand-dialler.ts';
import {
  accepting,
  BINARY,
  CLOSE,
  closeText,
  frame,
  hopTo,
  openWebSocket,
  PING,
  PONG,
  TEXT,
  takeFrame,
  WebSocketFixture,
} from './websocket-fixture.ts';

test('messages, pings and pongs arrive unchanged', async (t) => {
  const { peer, requester } = await openWebSocket(t);
  peer.write(
    Buffer.concat([
      frame(TEXT, 'Hello'),
      frame(BINARY, '\xff\x00'),
      frame(PING, 'are you there?'),
      frame(PONG, 'yes'),
      frame(TEXT),
      frame(PING),
      frame(PONG),
    ]),
  );
  assert.deepEqual(await requester.lines(7), [
    ...['text Hello', 'binary \xff\x00', 'ping are you there?', 'pong yes', 'text', 'ping', 'pong'],
  ]);
  // Nobody here answers pings.
  await turn();
  assert.equal(peer.text, '');
});

test('a fragmented message comes in pieces, with the control frames between them', async (t) => {
  const { peer, requester } = await openWebSocket(t);
  peer.write(frame(0x01, 'Hel'));
  await requester.until(() => requester.pieces.length === 1);
  peer.write(Buffer.concat([frame(PING, 'p'), frame(0x00), frame(0x00, 'l'), frame(PONG), frame(0x80, 'o')]));
  assert.deepEqual(await requester.lines(3), ['ping p', 'pong', 'text Hello']);
  assert.deepEqual(requester.pieces, [3, 1, 1]);
});

test('a large frame is passed on as it arrives', async (t) => {
  const { peer, requester } = await openWebSocket(t);
  peer.write(Buffer.from([BINARY, 127, 0, 0, 0, 0, 0, 1, 0, 0]));
  for (const size of [1_000, 2_000]) {
    const { credits } = requester;
    peer.write(Buffer.alloc(size));
    await requester.until(() => credits - requester.credits === size);
  }
  peer.write(Buffer.alloc(65_536 - 3_000));
  assert.equal((await requester.lines(1))[0]?.length, 'binary '.length + 65_536);
});

test('passed on bytes are not overwritten by later reads', (t) => {
  const dialler = new HandDialler();
  const requester = new WebSocketFixture(t, { dialler }).send(hopTo(1));
  dialler.connect();
  dialler.read(`${accepting(String(dialler.written[0]))}\r\n`);
  const pieces: Buffer[] = [];
  requester.onResponseMessage = (chunk) => pieces.push(chunk);
  // What is read into one buffer is gone with the next read.
  dialler.read(Buffer.concat([frame(TEXT, 'whole'), frame(0x01, 'be')]));
  dialler.read(frame(0x80, 'gun'));
  assert.deepEqual(pieces.map(String), ['whole', 'be', 'gun']);
});

test('frames are masked, each with its own key', async (t) => {
  const { peer, requester } = await openWebSocket(t);
  requester.message('é');
  requester.message(Buffer.from([0, 255]));
  requester.message('Hel', true);
  requester.ping('p');
  requester.message('', true);
  requester.message('lo', true);
  requester.message('');
  requester.pong('q');
  requester.message('x'.repeat(126));
  requester.message(Buffer.alloc(60_000, 'y'));
  const expected = ['81 \xc3\xa9', '82 \x00\xff', '1 Hel', '89 p', '0 lo', '80', '8a q'];
  for (const line of expected) assert.equal(await takeFrame(peer), line);
  assert.equal(await takeFrame(peer), `81 ${'x'.repeat(126)}`);
  assert.equal(await takeFrame(peer), `82 ${'y'.repeat(60_000)}`);

  const keys = new Set<string>();
  for (let i = 0; i < 3_000; i++) {
    requester.message('');
    keys.add((await peer.takeBytes(6)).slice(2));
  }
  // Two of so few are hardly ever the same by chance.
  assert.ok(keys.size > 2_990, String(keys.size));
});

test("masking does not change the sender's buffer", async (t) => {
  const { peer, requester } = await openWebSocket(t);
  const message = Buffer.alloc(5_000, 'a');
  requester.message(message);
  await takeFrame(peer);
  assert.ok(message.equals(Buffer.alloc(5_000, 'a')));
});

test('messages of one turn leave in one write, and their credit comes back at once', (t) => {
  const timers = fakeTimers(t, ['setImmediate']);
  const dialler = new HandDialler();
  const requester = new WebSocketFixture(t, { dialler, window: 1_000 }).send(hopTo(1));
  dialler.connect();
  dialler.read(`${accepting(String(dialler.written[0]))}\r\n`);
  for (let i = 0; i < 10; i++) requester.message('hello');
  assert.deepEqual([dialler.written.length, requester.grants], [1, [1_000]]);
  timers.tick(0);
  // Ten frames with a header of six bytes.
  assert.deepEqual([dialler.written.length, dialler.written[1]?.length], [2, 10 * (6 + 5)]);
  assert.deepEqual(requester.grants, [1_000, 50]);
});

test('messages never exceed the credits, and cost as much as they are long', async (t) => {
  const { peer, requester } = await openWebSocket(t, {}, 5);
  peer.write(Buffer.concat([frame(TEXT, '0123456789'), frame(PING, 'abc'), frame(PONG, 'd'), frame(TEXT, 'end')]));
  await requester.until(() => requester.credits === 0);
  assert.deepEqual(requester.pieces, [5]);
  requester.grant(3);
  assert.deepEqual(requester.pieces, [5, 3]);
  // A ping is not split.
  requester.grant(4);
  assert.deepEqual([requester.events, requester.credits], [['text 0123456789'], 2]);
  requester.grant(1);
  assert.deepEqual(requester.events.slice(1), ['ping abc']);
  // Whoever grants within a call goes on within it.
  requester.onCall = () => {
    if (requester.events.at(-1) === 'pong d' && requester.credits === 0) requester.grant(3);
  };
  requester.grant(1);
  assert.deepEqual(requester.events.slice(2), ['pong d', 'text end']);
});

test('credits that are granted before the WebSocket is open count', async (t) => {
  const { peer, requester } = await openWebSocket(t, {}, 0);
  requester.grant(3);
  peer.write(frame(TEXT, 'abc'));
  assert.deepEqual(await requester.lines(1), ['text abc']);
  const dialler = new HandDialler();
  const other = new WebSocketFixture(t, { dialler }).send(hopTo(1), 0);
  other.grant(2);
  dialler.connect();
  other.grant(1);
  dialler.read(Buffer.concat([Buffer.from(`${accepting(String(dialler.written[0]))}\r\n`), frame(TEXT, 'abc')]));
  assert.deepEqual(other.events, ['text abc']);
});

test('empty messages and pings wait while there is no credit at all, but the end of a message does not', async (t) => {
  const { peer, requester } = await openWebSocket(t, {}, 1);
  peer.write(Buffer.concat([frame(0x01, 'x'), frame(0x80), frame(PING), frame(TEXT)]));
  assert.deepEqual(await requester.lines(1), ['text x']);
  await turn();
  assert.equal(requester.events.length, 1);
  requester.grant(1);
  assert.deepEqual(requester.events, ['text x', 'ping', 'text']);
});

test('a close needs no credit, but waits for what is before it', async (t) => {
  const { peer, requester } = await openWebSocket(t, {}, 1);
  peer.write(Buffer.concat([frame(TEXT, 'xy'), frame(CLOSE, closeText(1000))]));
  await requester.until(() => requester.pieces.length === 1);
  await turn();
  assert.deepEqual(requester.events, []);
  requester.grant(1);
  assert.deepEqual(requester.events, ['text xy', 'close 1000']);
});

test('what arrived before the connection was lost is passed on first, as credit allows', async (t) => {
  const { peer, requester } = await openWebSocket(t, {}, 1);
  peer.end(Buffer.concat([frame(TEXT, 'xy'), frame(TEXT, 'z')]).toString('latin1'));
  await peer.closed;
  requester.grant(1);
  assert.deepEqual([requester.events, requester.failure()], [['text xy'], '']);
  requester.grant(1);
  assert.deepEqual(requester.events, ['text xy', 'text z']);
  const error = await requester.failed();
  assert.equal(error.code, 'HF_ORIGIN_CLOSED');
  assert.match(error.detail, /: connection closed without a close frame$/);
});

test('a requester that throws ends its WebSocket with 1011', async (t) => {
  const { peer, requester } = await openWebSocket(t);
  requester.onResponseMessage = () => {
    throw new Error('a defect');
  };
  peer.write(frame(TEXT, 'x'));
  assert.equal((await requester.failed()).code, 'HF_INTERNAL');
  assert.equal(await takeFrame(peer), `88 ${closeText(1011)}`);
});

test('what is sent after the end is ignored', async (t) => {
  const { peer, requester } = await openWebSocket(t);
  peer.write(frame(0x83, 'reserved'));
  await requester.failed();
  requester.message('late');
  requester.ping();
  requester.close(1000);
  requester.grant(5);
  requester.responder?.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
  assert.match(await takeFrame(peer), /^88 /);
  assert.equal(await peer.takeAll(), '');
});
