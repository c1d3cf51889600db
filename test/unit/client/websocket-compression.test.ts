import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { constants, createDeflateRaw, deflateRawSync, inflateRawSync } from 'node:zlib';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { HandDialler } from './hand-dialler.ts';
import {
  type Asked,
  accepting,
  CLOSE,
  type ClientChanges,
  closeText,
  frame,
  hopTo,
  openWebSocket,
  PING,
  TEXT,
  takeFrame,
  WebSocketFixture,
} from './websocket-fixture.ts';

/** First byte of a frame of text that is compressed. */
const COMPRESSED = 0xc1;

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

const AGREED = 'Sec-WebSocket-Extensions: permessage-deflate\r\n';

/** A compressed message of an origin by itself, in one frame. */
function compressed(message: string): Buffer {
  const payload = deflateRawSync(Buffer.from(message), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  return frame(COMPRESSED, payload.toString('latin1'));
}

/** Messages of an origin, compressed so that they refer to each other, in one frame each. */
async function compressedTogether(messages: readonly string[]): Promise<Buffer> {
  const deflate = createDeflateRaw({ flush: constants.Z_SYNC_FLUSH });
  const frames: Buffer[] = [];
  for (const message of messages) {
    await new Promise((resolve) => deflate.write(message, resolve));
    const payload = deflate.read() as Buffer;
    frames.push(frame(COMPRESSED, payload.subarray(0, -4).toString('latin1')));
  }
  deflate.close();
  return Buffer.concat(frames);
}

/** The text of messages that refer to each other, from the payloads of their frames. */
function inflated(payloads: readonly Buffer[]): string {
  const bytes = Buffer.concat(payloads.flatMap((payload) => [payload, TAIL]));
  return String(inflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }));
}

function open(
  t: Parameters<typeof openWebSocket>[0],
  changes: ClientChanges = {},
  credits?: number,
  parameters = '',
): Promise<Asked> {
  return openWebSocket(t, { compression: true, ...changes }, credits, AGREED.replace('\r\n', `${parameters}\r\n`));
}

/** The payload of the next frame, which has to be a whole compressed text. */
async function takePayload({ peer }: Asked): Promise<Buffer> {
  const line = await takeFrame(peer);
  assert.equal(line.slice(0, 3), 'c1 ');
  return Buffer.from(line.slice(3), 'latin1');
}

test('an origin that does not accept compression gets none and may send none', async (t) => {
  const { peer, requester } = await openWebSocket(t, { compression: true });
  requester.message('Hello');
  assert.equal(await takeFrame(peer), '81 Hello');
  peer.write(compressed('x'));
  assert.equal((await requester.failed()).code, 'HF_ORIGIN_WEBSOCKET');
});

test('sent messages are compressed with the context of former ones', async (t) => {
  const asked = await open(t);
  const text = 'a text without a repetition';
  const payloads: Buffer[] = [];
  for (let i = 0; i < 2; i++) {
    asked.requester.message(text);
    payloads.push(await takePayload(asked));
  }
  assert.equal(inflated(payloads), text + text);
  assert.ok((payloads[1] as Buffer).length < (payloads[0] as Buffer).length / 2);
});

test('sent messages use no former context if the origin forbids it', async (t) => {
  const asked = await open(t, {}, undefined, '; client_no_context_takeover');
  for (let i = 0; i < 2; i++) {
    asked.requester.message('the same text');
    assert.equal(inflated([await takePayload(asked)]), 'the same text');
  }
});

test('received messages are inflated with the context of former ones', async (t) => {
  const { peer, requester } = await open(t);
  const messages = ['a text without a repetition', 'a text without a repetition', 'a text', ''];
  peer.write(await compressedTogether(messages.slice(0, 3)));
  peer.write(Buffer.concat([frame(TEXT, 'plain'), frame(COMPRESSED, '\0')]));
  assert.deepEqual(await requester.lines(5), [
    ...messages.slice(0, 3).map((message) => `text ${message}`),
    'text plain',
    'text',
  ]);
});

test('a message of several frames and others right after it are sent', async (t) => {
  const { peer, requester } = await open(t);
  for (const message of ['small', randomBytes(20_000), 'behind']) requester.message(message);
  const bits: string[] = [];
  while (bits.at(-1) !== 'c1' || bits.length < 3) bits.push((await takeFrame(peer)).slice(0, 2).trim());
  assert.deepEqual(bits, ['c1', '42', '80', 'c1']);
});

test('parameters that were not offered fail the handshake, others are applied', async (t) => {
  const { requester } = await open(t, {}, undefined, '; server_no_context_takeover; server_max_window_bits=10');
  assert.equal(requester.failure(), '');
  // RFC 7692 §7.1.2.2: only a client that has said that it knows this parameter may get it.
  const dialler = new HandDialler();
  const other = new WebSocketFixture(t, { dialler, compression: true }).send(hopTo(1));
  dialler.connect();
  const answer = accepting(String(dialler.written[0]));
  dialler.read(`${answer}${AGREED.replace('\r\n', '; client_max_window_bits=10\r\n')}\r\n`);
  assert.equal(other.failure(), 'HF_ORIGIN_WEBSOCKET');
});

test('pieces, pings and the close that are sent while a message is compressed keep their order', async (t) => {
  const asked = await open(t);
  const { peer, requester } = asked;
  requester.message('Hel', true);
  requester.message('', true);
  requester.message('lo');
  requester.message('second');
  requester.ping('p');
  requester.close(4000, 'end');
  requester.message('too late');
  // A ping may go between the frames of messages, and so overtakes those that are being compressed.
  assert.equal(await takeFrame(peer), '89 p');
  const frames: string[] = [];
  while (frames.at(-1)?.startsWith('88') !== true) frames.push(await takeFrame(peer));
  const close = frames.pop();
  assert.equal(close, `88 ${closeText(4000, 'end')}`);
  const payloads = frames.map((line) => Buffer.from(line.slice(line.indexOf(' ') + 1), 'latin1'));
  assert.deepEqual(
    frames.map((line) => line.slice(0, line.indexOf(' '))),
    ['41', '80', 'c1'],
  );
  // The first frame is flushed, but not the end of a message.
  const [first, ...others] = payloads as [Buffer, Buffer, Buffer];
  assert.equal(inflated([Buffer.concat([first, others[0] as Buffer]), others[1] as Buffer]), 'Hellosecond');
});

test('credit for what is sent comes back when it is compressed and written', async (t) => {
  const { requester } = await open(t);
  requester.message(Buffer.alloc(60_000));
  requester.message(Buffer.alloc(5_000));
  assert.equal(requester.requestCredit, 536);
  await requester.until(() => requester.requestCredit === 65_536);
});

test('an inflated message and what follows it are passed on only as credit is granted', async (t) => {
  const { peer, requester } = await open(t, {}, 10);
  const message = 'x'.repeat(100_000);
  peer.write(Buffer.concat([compressed(message), frame(PING, 'p'), frame(TEXT, 'plain'), compressed('y')]));
  await requester.until(() => requester.pieces.length === 1);
  await turn();
  assert.deepEqual(requester.pieces, [10]);
  requester.grant(20);
  assert.deepEqual(requester.pieces, [10, 20]);
  requester.grant(100_000);
  assert.deepEqual(await requester.lines(4), [`text ${message}`, 'ping p', 'text plain', 'text y']);
  // All of the rest can still be spent, by whatever comes.
  assert.equal(requester.credits, 23);
  peer.write(Buffer.concat([frame(TEXT, 'z'.repeat(20)), frame(PING, '123')]));
  assert.deepEqual((await requester.lines(6)).slice(4), [`text ${'z'.repeat(20)}`, 'ping 123']);
});

test('a message costs as much credit as it has bytes, however many are on the wire', async (t) => {
  const random = new SeededRandom(1);
  const message = Array.from({ length: 20_000 }, () => String.fromCharCode(32 + random.below(90))).join('');
  for (const text of ['Hello', message]) {
    const { peer, requester } = await open(t, {}, text.length);
    const payload = deflateRawSync(Buffer.from(text), { level: 0, finishFlush: constants.Z_SYNC_FLUSH });
    assert.ok(payload.length > text.length);
    peer.write(frame(COMPRESSED, payload.subarray(0, -4).toString('latin1')));
    assert.deepEqual(await requester.lines(1), [`text ${text}`]);
    assert.equal(requester.credits, 0);
  }
});

test('a message that would inflate without end waits for credit and takes no memory', async (t) => {
  const { peer, requester } = await open(t, { maxMessageBytes: Number.POSITIVE_INFINITY }, 1_000);
  const bomb = deflateRawSync(Buffer.alloc(300_000_000), { level: 1, finishFlush: constants.Z_SYNC_FLUSH });
  const header = Buffer.alloc(10);
  header.writeUInt16BE(0xc27f);
  header.writeBigUInt64BE(BigInt(bomb.length - 4), 2);
  const before = process.memoryUsage().rss;
  peer.write(Buffer.concat([header, bomb.subarray(0, -4)]));
  await requester.until(() => requester.credits === 0);
  for (let i = 0; i < 100; i++) {
    requester.grant(1_000);
    await requester.until(() => requester.credits === 0);
  }
  assert.ok(process.memoryUsage().rss - before < 100_000_000);
  requester.leave(new ExchangeError('HF_CLIENT_GONE'));
  await peer.ended;
});

test('a message that inflates beyond the limit leads to 1009, one that does not inflate to 1007', async (t) => {
  for (const [bytes, closeCode, code] of [
    [compressed('x'.repeat(50_001)), 1009, 'HF_ORIGIN_FRAME_TOO_LARGE'],
    [frame(COMPRESSED, '\xff\xff\xff\xff'), 1007, 'HF_ORIGIN_WEBSOCKET'],
    [compressed('é').fill(0xc3, 3, 4), 1007, 'HF_ORIGIN_WEBSOCKET'],
  ] as const) {
    const { peer, requester, fixture } = await open(t, { maxMessageBytes: 50_000 });
    peer.write(bytes);
    assert.equal((await requester.failed()).code, code);
    assert.equal((await takeFrame(peer)).slice(0, 5), `88 ${closeText(closeCode)}`);
    assert.equal(fixture.counters.originErrors, 1);
  }
});

test('text is checked for UTF-8 once it is inflated', async (t) => {
  const { peer, requester } = await open(t);
  const payload = deflateRawSync(Buffer.from([0x61, 0xff]), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  peer.write(frame(COMPRESSED, payload.toString('latin1')));
  assert.equal((await requester.failed()).code, 'HF_ORIGIN_WEBSOCKET');
  assert.match(requester.error?.detail ?? '', /not valid UTF-8/);
});

test('a compressed message, a close and the end of the connection at once lose nothing', async (t) => {
  const { peer, requester } = await open(t);
  peer.end(Buffer.concat([compressed('Hello'), frame(CLOSE, closeText(1000))]).toString('latin1'));
  assert.deepEqual(await requester.lines(2), ['text Hello', 'close 1000']);
  requester.close(1000);
  assert.equal(requester.failure(), '');
});

test('a compressed message and the end of the connection without a close are reported in order', async (t) => {
  const { peer, requester } = await open(t, {}, 4);
  peer.end(compressed('Hello').toString('latin1'));
  await peer.closed;
  await requester.until(() => requester.pieces.length === 1);
  await turn();
  assert.equal(requester.failure(), '');
  requester.grant(1);
  assert.equal((await requester.failed()).code, 'HF_ORIGIN_CLOSED');
  assert.deepEqual(requester.events, ['text Hello']);
});

test('an origin that has closed may leave while the last message is being compressed', (t) => {
  const advance = manualClock(t);
  const dialler = new HandDialler();
  const requester = new WebSocketFixture(t, { dialler, compression: true, closeTimeout: 3 }).send(hopTo(1));
  dialler.connect();
  dialler.read(`${accepting(String(dialler.written[0]))}${AGREED}\r\n`);
  dialler.read(frame(CLOSE, closeText(1000)));
  requester.message('last words');
  requester.close(1000);
  dialler.socket.emit('end');
  advance(10);
  assert.deepEqual([requester.events, requester.failure()], [['close 1000'], '']);
});

test('a requester that closes while a message waits to be inflated still gets the close of its origin', async (t) => {
  const { peer, requester } = await open(t, {}, 1);
  peer.write(Buffer.concat([compressed('x'.repeat(1_000)), frame(CLOSE, closeText(1000))]));
  await requester.until(() => requester.pieces.length === 1);
  requester.close(1000);
  assert.deepEqual(await requester.lines(1), ['close 1000']);
  assert.equal(await takeFrame(peer), `88 ${closeText(1000)}`);
});

test('a requester that throws on an inflated message ends its WebSocket', async (t) => {
  const { peer, requester } = await open(t);
  requester.onResponseMessage = () => {
    throw new Error('a defect');
  };
  peer.write(compressed('x'));
  assert.equal((await requester.failed()).code, 'HF_INTERNAL');
  assert.equal(await takeFrame(peer), `88 ${closeText(1011)}`);
});

test('a requester or origin that leaves while messages are compressed in both directions leaves nothing behind', async (t) => {
  for (let i = 0; i < 20; i++) {
    const { peer, requester } = await open(t);
    peer.write(compressed('x'.repeat(60_000)));
    requester.message(Buffer.alloc(60_000));
    if (i % 4 < 2) await turn();
    if (i % 2 === 0) requester.leave(new ExchangeError('HF_CLIENT_GONE'));
    else peer.reset();
    if (i % 2 === 1) assert.equal((await requester.failed()).code, 'HF_ORIGIN_CLOSED');
    peer.end();
    await peer.closed;
  }
});
