import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SHARE } from '../../../src/clock/index.ts';
import { ExchangeError } from '../../../src/exchange/index.ts';
import type { FakeWebSocketRequester } from '../../support/exchange/fake-websocket-requester.ts';
import { fakeTimers } from '../../support/fake-timers.ts';
import { LargestRun } from '../../support/largest-run.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { HandDialler } from './hand-dialler.ts';
import {
  accepting,
  BINARY,
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

const TOO_LARGE: readonly { readonly what: string; readonly limits: object; readonly bytes: Buffer }[] = [
  { what: 'a frame', limits: { maxFrameBytes: 10 }, bytes: Buffer.from([TEXT, 11]) },
  { what: 'a frame of 2^62 bytes', limits: {}, bytes: Buffer.from([TEXT, 127, 0x40, 0, 0, 0, 0, 0, 0, 0]) },
  {
    what: 'a message',
    limits: { maxMessageBytes: 10 },
    bytes: Buffer.concat([frame(0x01, 'x'.repeat(6)), Buffer.from([0x80, 5])]),
  },
  {
    what: 'the number of fragments',
    limits: { maxFragments: 2 },
    bytes: Buffer.concat([frame(0x01, 'x'), frame(0x00), frame(0x00)]),
  },
];

for (const { what, limits, bytes } of TOO_LARGE) {
  test(`${what} beyond its limit leads to 1009 as soon as it is seen`, async (t) => {
    const { peer, requester, fixture } = await openWebSocket(t, limits);
    peer.write(Buffer.concat([frame(TEXT, 'x'.repeat(10)), bytes]));
    assert.equal((await requester.failed()).code, 'HF_ORIGIN_FRAME_TOO_LARGE');
    assert.deepEqual(requester.events, [`text ${'x'.repeat(10)}`]);
    assert.equal((await takeFrame(peer)).slice(0, 5), `88 ${closeText(1009)}`);
    assert.equal(await peer.takeAll(), '');
    assert.equal(fixture.counters.originErrors, 1);
  });
}

test('a message may be unbounded, as it is passed on in pieces', async (t) => {
  const limits = {
    maxFrameBytes: 1_000,
    maxMessageBytes: Number.POSITIVE_INFINITY,
    maxFragments: Number.POSITIVE_INFINITY,
  };
  const { peer, requester } = await openWebSocket(t, limits, 5_000_000);
  const piece = frame(0x00, 'x'.repeat(1_000));
  peer.write(frame(0x02));
  for (let i = 0; i < 5_000; i++) peer.write(piece);
  peer.write(frame(0x80));
  assert.equal((await requester.lines(1))[0]?.length, 'binary '.length + 5_000_000);
});

test('of many empty pings of one origin a bounded number is passed on at once, and all in the end', async (t) => {
  const { peer, requester } = await openWebSocket(t);
  const run = new LargestRun();
  requester.onResponsePing = () => run.count();
  const count = 10 * SHARE;
  peer.write(Buffer.concat(Array.from({ length: count }, () => frame(PING))));
  // The loss of the connection waits for what came before it.
  peer.socket.end();
  assert.equal((await requester.failed()).code, 'HF_ORIGIN_CLOSED');
  assert.equal(run.total, count);
  assert.ok(run.largest <= SHARE, `${run.largest} at once`);
});

test('an origin that sends without end to a requester that grants nothing is held back', async (t) => {
  const floods = [frame(BINARY, 'x'.repeat(100)), frame(TEXT), frame(PING), frame(PING, 'x'.repeat(125))];
  for (const one of floods) {
    const { peer, requester } = await openWebSocket(t, {}, 0);
    const flood = Buffer.alloc(Math.floor(100_000 / one.length) * one.length, one);
    let blocked = false;
    let written = 0;
    // The kernel takes some megabytes.
    while (!blocked) {
      assert.ok(written < 50_000_000, 'the client reads on');
      for (; peer.socket.writableLength < 1_000_000; written += flood.length) peer.write(flood);
      const waiting = peer.socket.writableLength;
      for (let i = 0; i < 20; i++) await turn();
      blocked = peer.socket.writableLength === waiting;
    }
    assert.deepEqual([requester.events, requester.pieces], [[], []]);
    requester.grant(10_000);
    await requester.until(() => requester.events.length >= 79);
    requester.leave(new ExchangeError('HF_CLIENT_GONE'));
    peer.socket.destroy();
  }
});

/** A WebSocket to an origin that takes nothing until `take` is called. */
class Stalled {
  readonly requester: FakeWebSocketRequester;
  readonly fixture: WebSocketFixture;
  readonly dialler = new HandDialler();
  /** Bytes that the kernel would have been given. */
  taken = 0;
  #done: (() => void) | null = null;

  constructor(t: Parameters<typeof openWebSocket>[0], changes: ClientChanges = {}, credits = 65_536) {
    const { dialler } = this;
    this.fixture = new WebSocketFixture(t, { dialler, ...changes });
    this.requester = this.fixture.send(hopTo(1), credits);
    dialler.connect();
    dialler.read(`${accepting(String(dialler.written[0]))}\r\n`);
    const hold = (bytes: number, done: () => void) => {
      this.taken += bytes;
      this.#done = done;
    };
    dialler.socket._write = (chunk: Buffer, _encoding, done) => hold(chunk.length, done);
    dialler.socket._writev = (chunks, done) =>
      hold(
        chunks.reduce((sum, { chunk }) => sum + chunk.length, 0),
        done,
      );
  }

  /** Sends as fast as credit allows, until no more is granted. */
  async fill(): Promise<void> {
    const { requester } = this;
    for (;;) {
      while (requester.requestCredit >= 8_192) requester.message(Buffer.alloc(8_192));
      await turn();
      await turn();
      if (requester.requestCredit < 8_192) return;
    }
  }

  /** Takes what waits, all of it. */
  async take(): Promise<void> {
    while (this.#done !== null) {
      const done = this.#done;
      this.#done = null;
      done();
      await turn();
    }
  }
}

test('what waits for an origin that does not read is bounded by the window', async (t) => {
  const stalled = new Stalled(t, { window: 100_000 });
  const { requester, dialler } = stalled;
  await stalled.fill();
  assert.ok(requester.requestCredit < 8_192);
  assert.ok(dialler.socket.writableLength <= 100_000 + 1_000, String(dialler.socket.writableLength));
  await stalled.take();
  await requester.until(() => requester.requestCredit === 100_000);
});

test('an origin that takes nothing for too long is cut off, and the requester gets an error', async (t) => {
  const advance = manualClock(t);
  const stalled = new Stalled(t, { writeTimeout: 3 });
  const { requester, dialler } = stalled;
  await stalled.fill();
  advance(2);
  requester.ping('within its credit'.slice(0, requester.requestCredit));
  assert.equal(requester.failure(), '');
  advance(1);
  assert.equal(requester.failure(), 'HF_ORIGIN_TIMEOUT');
  assert.equal(dialler.socket.destroyed, true);
  assert.equal(stalled.fixture.counters.originErrors, 1);
});

test('an origin may take nothing for ever if there is no bound', async (t) => {
  const advance = manualClock(t);
  const stalled = new Stalled(t, { writeTimeout: 0 });
  await stalled.fill();
  advance(10_000);
  assert.equal(stalled.requester.failure(), '');
});

test('a closing handshake that the origin does not read ends with the write timeout', async (t) => {
  const advance = manualClock(t);
  const stalled = new Stalled(t, { writeTimeout: 3, closeTimeout: 60 });
  await stalled.fill();
  stalled.requester.close(1000);
  advance(3);
  assert.equal(stalled.requester.failure(), 'HF_ORIGIN_TIMEOUT');
});

test('a closing handshake has its time once the origin reads again', async (t) => {
  const advance = manualClock(t);
  const stalled = new Stalled(t, { writeTimeout: 60, closeTimeout: 3 });
  await stalled.fill();
  stalled.requester.close(1000);
  advance(10);
  assert.equal(stalled.requester.failure(), '');
  await stalled.take();
  advance(2);
  assert.equal(stalled.requester.failure(), '');
  stalled.dialler.read(frame(CLOSE, closeText(1000)));
  assert.deepEqual(stalled.requester.events, ['close 1000']);
});

test('an origin that takes nothing is cut off at once when its requester leaves or it breaks the protocol', async (t) => {
  for (const how of ['leave', 'break'] as const) {
    const stalled = new Stalled(t);
    await stalled.fill();
    if (how === 'leave') stalled.requester.leave(new ExchangeError('HF_CLIENT_GONE'));
    else stalled.dialler.read(frame(0x83));
    assert.equal(stalled.dialler.socket.destroyed, true);
    assert.equal(stalled.requester.failure(), how === 'leave' ? '' : 'HF_ORIGIN_WEBSOCKET');
  }
});

test('an origin that closes while it takes nothing ends the WebSocket, and later writes give no credit', async (t) => {
  const stalled = new Stalled(t);
  await stalled.fill();
  stalled.requester.close(1000);
  stalled.dialler.read(frame(CLOSE, closeText(1000)));
  assert.deepEqual(stalled.requester.events, ['close 1000']);
  await stalled.take();
  assert.equal(stalled.requester.failure(), '');
});

test('a connection that is lost while the origin takes nothing ends at once, and what arrived is kept', async (t) => {
  const advance = manualClock(t);
  const stalled = new Stalled(t, { writeTimeout: 3 }, 0);
  const { requester, dialler } = stalled;
  await stalled.fill();
  dialler.read(frame(TEXT, 'x'));
  dialler.socket.emit('end');
  advance(10);
  assert.equal(requester.failure(), '');
  requester.grant(1);
  assert.deepEqual([requester.events, requester.failure()], [['text x'], 'HF_ORIGIN_CLOSED']);
});

test('an origin that is not read is read again when its requester leaves, so that its end is noticed', (t) => {
  const dialler = new HandDialler();
  const requester = new WebSocketFixture(t, { dialler }).send(hopTo(1), 0);
  dialler.connect();
  dialler.read(`${accepting(String(dialler.written[0]))}\r\n`);
  dialler.read(Buffer.alloc(70_000, frame(TEXT, 'x')));
  assert.equal(dialler.socket.isPaused(), true);
  requester.leave(new ExchangeError('HF_CLIENT_GONE'));
  assert.equal(dialler.socket.isPaused(), false);
});

for (const what of ['message', 'ping', 'pong'] as const) {
  test(`one ${what} too many for an origin that takes nothing ends the WebSocket`, async (t) => {
    const stalled = new Stalled(t, { queuedMessages: 5 });
    const { requester } = stalled;
    await stalled.fill();
    const send = () => (what === 'message' ? requester.message('') : requester[what]());
    for (let i = 0; i < 5; i++) send();
    assert.equal(requester.failure(), '');
    send();
    assert.equal(requester.failure(), 'HF_ORIGIN_TIMEOUT');
    assert.match(requester.error?.detail ?? '', /more than 5 messages/);
    assert.equal(stalled.dialler.socket.destroyed, true);
    send();
  });
}

test('waiting pieces of one message count once, and the count restarts when the origin has taken all', async (t) => {
  const stalled = new Stalled(t, { queuedMessages: 5 });
  const { requester } = stalled;
  for (let round = 0; round < 2; round++) {
    await stalled.fill();
    for (let i = 0; i < 20; i++) requester.message('', true);
    for (let i = 0; i < 5; i++) requester.message('');
    await stalled.take();
    await requester.until(() => requester.requestCredit === 65_536);
  }
  assert.equal(requester.failure(), '');
});

test('many messages in one turn all reach an origin that reads', async (t) => {
  const { peer, requester } = await openWebSocket(t, { queuedMessages: 5, window: 200_000 });
  const text = 'x'.repeat(100);
  for (let i = 0; i < 2_000; i++) requester.message(text);
  for (let i = 0; i < 2_000; i++) assert.equal(await takeFrame(peer), `81 ${text}`);
  assert.equal(requester.failure(), '');
});

test('many frames in one turn leave before its end', (t) => {
  fakeTimers(t, ['setImmediate']);
  const dialler = new HandDialler();
  const requester = new WebSocketFixture(t, { dialler, window: 1_000_000 }).send(hopTo(1));
  dialler.connect();
  dialler.read(`${accepting(String(dialler.written[0]))}\r\n`);
  for (let i = 0; i < 10; i++) requester.message(Buffer.alloc(10_000));
  assert.ok(dialler.written.length > 6);
});

test('messages and a close that wait for credit come in order, however small the grants', async (t) => {
  const { peer, requester } = await openWebSocket(t, {}, 0);
  const expected: string[] = [];
  for (let i = 0; i < 100; i++) {
    peer.write(Buffer.concat([frame(TEXT, `message ${i}`), frame(TEXT)]));
    expected.push(`text message ${i}`, 'text');
  }
  peer.write(frame(CLOSE, closeText(1000)));
  expected.push('close 1000');
  while (requester.events.length < expected.length) {
    requester.grant(1);
    await turn();
  }
  assert.deepEqual(requester.events, expected);
});

test('a hundred WebSockets that end in every way leave no connection behind', async (t) => {
  const ends: ((asked: Awaited<ReturnType<typeof openWebSocket>>) => void)[] = [
    ({ requester }) => requester.leave(new ExchangeError('HF_CLIENT_GONE')),
    ({ peer }) => peer.reset(),
    ({ peer }) => peer.end(),
    ({ peer }) => peer.write(frame(0x83)),
    ({ peer, requester }) => {
      peer.write(frame(CLOSE, closeText(1000)));
      requester.close(1000);
    },
  ];
  for (let i = 0; i < 100; i++) {
    const asked = await openWebSocket(t);
    ends[i % ends.length]?.(asked);
    asked.peer.ended.then(() => asked.peer.end());
    if (i % ends.length === 4) asked.peer.end();
    await asked.peer.closed;
  }
});
