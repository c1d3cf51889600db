import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import {
  type Asked,
  BINARY,
  CLOSE,
  closeText,
  frame,
  openWebSocket,
  PING,
  TEXT,
  takeFrame,
} from './websocket-fixture.ts';

const GONE = new ExchangeError('HF_CLIENT_GONE');

/** The origin gets a close frame with `code` and nothing behind it, and then the connection ends in order. */
async function assertClosed({ peer }: Asked, code: number): Promise<void> {
  assert.equal((await takeFrame(peer)).slice(0, 5), `88 ${closeText(code)}`);
  assert.equal(await peer.takeAll(), '');
  assert.equal(await peer.ended, 'fin');
}

test('the requester returns the close of the origin, which may end the connection then', async (t) => {
  for (const [code, reason] of [
    [1000, ''],
    [4999, 'r'.repeat(123)],
  ] as const) {
    const { peer, requester, fixture } = await openWebSocket(t);
    peer.write(Buffer.concat([frame(CLOSE, closeText(code, reason)), frame(TEXT, 'not read any more')]));
    assert.deepEqual(await requester.lines(1), [`close ${code} ${reason}`.trim()]);
    await turn();
    assert.equal(peer.text, '');
    requester.close(code, reason);
    assert.equal(await takeFrame(peer), `88 ${closeText(code, reason)}`);
    await turn();
    assert.equal(peer.socket.readableEnded, false);
    peer.end();
    await peer.closed;
    assert.deepEqual([requester.failure(), fixture.counters.originErrors], ['', 0]);
  }
});

test('a close without a code goes both ways as it is', async (t) => {
  const { peer, requester } = await openWebSocket(t);
  peer.write(frame(CLOSE));
  assert.deepEqual(await requester.lines(1), ['close 1005']);
  requester.close();
  assert.equal(await takeFrame(peer), '88');
});

test('the requester may send between the close of the origin and its own', async (t) => {
  const { peer, requester } = await openWebSocket(t);
  peer.write(frame(CLOSE, closeText(1001)));
  await requester.lines(1);
  requester.message('last words');
  requester.close(1001);
  assert.equal(await takeFrame(peer), '81 last words');
  assert.equal(await takeFrame(peer), `88 ${closeText(1001)}`);
});

test('a requester may return a close within the call that reports it', async (t) => {
  const { peer, requester } = await openWebSocket(t);
  requester.onCall = () => requester.close(1000, 'bye');
  peer.write(frame(CLOSE, closeText(1000, 'bye')));
  assert.equal(await takeFrame(peer), `88 ${closeText(1000, 'bye')}`);
});

test('a requester that closes gets only the close of the origin', async (t) => {
  const { peer, requester } = await openWebSocket(t, {}, 1);
  peer.write(frame(TEXT, 'waits for credit'));
  await requester.until(() => requester.pieces.length > 0);
  requester.close(4000, 'enough');
  // What comes now goes nowhere.
  requester.message('late');
  requester.ping();
  requester.close(4001);
  assert.equal(await takeFrame(peer), `88 ${closeText(4000, 'enough')}`);
  peer.write(Buffer.concat([frame(TEXT, 'still on its way'), frame(PING, 'too'), frame(CLOSE, closeText(4000))]));
  assert.deepEqual(await requester.lines(1), ['close 4000']);
  peer.end();
  assert.equal(await peer.takeAll(), '');
  assert.equal(requester.pieces.length, 1);
  assert.equal(requester.failure(), '');
});

test('the connection of an origin that does not end it after the last frame is ended', async (t) => {
  const advance = manualClock(t);
  const { peer, requester } = await openWebSocket(t);
  requester.close(1000);
  await takeFrame(peer);
  peer.write(frame(CLOSE, closeText(1000)));
  await requester.lines(1);
  // What comes behind its close is thrown away, however much it is.
  peer.write(Buffer.alloc(200_000));
  advance(1);
  await turn();
  assert.equal(peer.socket.readableEnded, false);
  advance(1);
  await peer.ended;
});

test('an origin that does not return the close in time is cut off, and the requester gets an error', async (t) => {
  const advance = manualClock(t);
  const { peer, requester, fixture } = await openWebSocket(t, { closeTimeout: 4 });
  requester.close(1000);
  await takeFrame(peer);
  peer.write(frame(TEXT, 'not a close'));
  advance(3);
  await turn();
  assert.equal(requester.failure(), '');
  advance(1);
  assert.equal(requester.failure(), 'HF_ORIGIN_TIMEOUT');
  assert.equal(await peer.takeAll(), '');
  assert.equal(fixture.counters.originErrors, 1);
});

test('the close is returned for a requester that does not do so in time, and the requester gets an error', async (t) => {
  const advance = manualClock(t);
  const asked = await openWebSocket(t, { closeTimeout: 4 });
  const { peer, requester } = asked;
  peer.write(frame(CLOSE, closeText(1000)));
  await requester.lines(1);
  advance(3);
  assert.equal(requester.failure(), '');
  advance(1);
  assert.equal(requester.failure(), 'HF_FETCH_TIMEOUT');
  await assertClosed(asked, 1001);
});

test('an origin may end the connection in any way after its close', async (t) => {
  for (const how of ['fin', 'reset'] as const) {
    const { peer, requester } = await openWebSocket(t);
    peer.write(frame(CLOSE, closeText(1000, 'bye')));
    await requester.lines(1);
    if (how === 'reset') peer.reset();
    else peer.end();
    await peer.closed;
    await turn();
    requester.message('into the void');
    requester.close(1000);
    assert.equal(requester.failure(), '');
  }
});

test('a requester that does not return the close of an origin that has left gets an error in time', async (t) => {
  const advance = manualClock(t);
  const { peer, requester } = await openWebSocket(t, { closeTimeout: 4 });
  peer.write(frame(CLOSE, closeText(1000)));
  await requester.lines(1);
  peer.end();
  await peer.closed;
  advance(4);
  assert.equal(requester.failure(), 'HF_FETCH_TIMEOUT');
});

test('an open WebSocket has no deadline', async (t) => {
  const advance = manualClock(t);
  const { peer, requester } = await openWebSocket(t, { responseTimeout: 1, connectTimeout: 1 });
  advance(10_000);
  peer.write(frame(TEXT, 'still here'));
  assert.deepEqual(await requester.lines(1), ['text still here']);
});

for (const how of ['a reset', 'a FIN', 'a FIN within a frame', 'a FIN behind the close of the requester']) {
  test(`an origin that leaves with ${how} instead of a close frame is lost`, async (t) => {
    const { peer, requester, fixture } = await openWebSocket(t);
    if (how.includes('within')) peer.write(Buffer.from([BINARY, 10, 1, 2, 3]));
    if (how.includes('behind')) {
      requester.close(1000);
      await takeFrame(peer);
    }
    await turn();
    if (how === 'a reset') peer.reset();
    else peer.end();
    assert.equal((await requester.failed()).code, 'HF_ORIGIN_CLOSED');
    assert.match(requester.error?.detail ?? '', /: connection (closed|reset) without a close frame$/);
    assert.equal(fixture.counters.originErrors, 1);
    await peer.closed;
    // What the requester does before it knows comes to nothing.
    requester.message('into the void');
    requester.close(1000);
    requester.grant(5);
  });
}

test('a requester that closes gets the close of an origin that has left already', async (t) => {
  const { peer, requester } = await openWebSocket(t, {}, 1);
  peer.end(Buffer.concat([frame(TEXT, 'not to be read'), frame(CLOSE, closeText(1000))]).toString('latin1'));
  await peer.closed;
  assert.deepEqual([requester.events, requester.failure()], [[], '']);
  requester.close(1000);
  assert.deepEqual([requester.events, requester.failure()], [['close 1000'], '']);
});

test('a requester that closes within a call gets the close afterwards, even if the origin has left', async (t) => {
  const { peer, requester } = await openWebSocket(t, {}, 1);
  peer.end(Buffer.concat([frame(TEXT, 'ab'), frame(CLOSE, closeText(1000))]).toString('latin1'));
  await peer.closed;
  requester.onCall = () => {
    if (requester.events.at(-1) === 'text ab') requester.close(1000);
  };
  requester.grant(1);
  assert.deepEqual([requester.events, requester.failure()], [['text ab', 'close 1000'], '']);
});

const BROKEN: readonly { readonly what: string; readonly code: number; readonly bytes: Buffer }[] = [
  { what: 'a frame that is masked', code: 1002, bytes: Buffer.from('81850000000048656c6c6f', 'hex') },
  { what: 'a reserved bit', code: 1002, bytes: frame(0xc1, 'x') },
  { what: 'a reserved opcode', code: 1002, bytes: frame(0x83, 'x') },
  { what: 'a continuation of nothing', code: 1002, bytes: frame(0x80, 'x') },
  { what: 'a message within a message', code: 1002, bytes: Buffer.concat([frame(0x01), frame(TEXT, 'x')]) },
  { what: 'a fragmented ping', code: 1002, bytes: frame(0x09, 'x') },
  { what: 'a ping of 126 bytes', code: 1002, bytes: frame(PING, 'x'.repeat(126)) },
  { what: 'a length in more bytes than it needs', code: 1002, bytes: Buffer.from('817e0001', 'hex') },
  { what: 'a reserved close code', code: 1002, bytes: frame(CLOSE, closeText(1006)) },
  { what: 'half a close code', code: 1002, bytes: frame(CLOSE, '\x03') },
  { what: 'a close reason that is not UTF-8', code: 1007, bytes: frame(CLOSE, closeText(1000, '\xff')) },
  { what: 'text that is not UTF-8', code: 1007, bytes: frame(TEXT, '\xff') },
  { what: 'text that ends within a character', code: 1007, bytes: frame(TEXT, '\xc3') },
];

for (const { what, code, bytes } of BROKEN) {
  test(`${what} leads to close code ${code} after the messages before it, and the requester gets an error`, async (t) => {
    const asked = await openWebSocket(t);
    const { peer, requester, fixture } = asked;
    peer.write(Buffer.concat([frame(TEXT, 'good'), bytes, frame(TEXT, 'not read')]));
    assert.equal((await requester.failed()).code, 'HF_ORIGIN_WEBSOCKET');
    assert.deepEqual(requester.events, ['text good']);
    await assertClosed(asked, code);
    assert.equal(fixture.counters.originErrors, 1);
  });
}

test('UTF-8 is checked across the pieces of a text', async (t) => {
  const { peer, requester } = await openWebSocket(t);
  peer.write(Buffer.concat([frame(0x01, '\xc3'), frame(PING), frame(0x80, '\xa9'), frame(0x01, '\xe2\x82')]));
  assert.deepEqual(await requester.lines(2), ['ping', 'text \xc3\xa9']);
  peer.write(frame(0x80, 'x'));
  assert.equal((await requester.failed()).code, 'HF_ORIGIN_WEBSOCKET');
});

test('an origin that breaks the protocol after the close of the requester gets no second close frame', async (t) => {
  const { peer, requester } = await openWebSocket(t);
  requester.close(1000);
  await takeFrame(peer);
  peer.write(frame(0x80, 'x'));
  assert.equal((await requester.failed()).code, 'HF_ORIGIN_WEBSOCKET');
  assert.equal(await peer.takeAll(), '');
});

const FAULTS: readonly { readonly what: string; readonly act: (asked: Asked) => void }[] = [
  { what: 'a close code that cannot be sent', act: ({ requester }) => requester.close(1006) },
  { what: 'a close reason of 124 bytes', act: ({ requester }) => requester.close(1000, 'é'.repeat(62)) },
  { what: 'a close reason without a code', act: ({ requester }) => requester.close(1005, 'x') },
  { what: 'a ping of 126 bytes', act: ({ requester }) => requester.ping('x'.repeat(126)) },
  { what: 'a pong of 126 bytes', act: ({ requester }) => requester.pong('x'.repeat(126)) },
];

for (const { what, act } of FAULTS) {
  test(`a requester that sends ${what} gets an error, and the origin gets a close`, async (t) => {
    const asked = await openWebSocket(t);
    act(asked);
    assert.equal(asked.requester.failure(), 'HF_FETCH_INVALID');
    await assertClosed(asked, 1001);
    assert.equal(asked.fixture.counters.originErrors, 0);
  });
}

test('when a requester leaves, the origin gets a close after its messages, and the connection ends', async (t) => {
  const asked = await openWebSocket(t);
  asked.requester.message('before');
  asked.requester.leave(GONE);
  asked.requester.message('behind');
  assert.equal(await takeFrame(asked.peer), '81 before');
  await assertClosed(asked, 1001);
});

test('a requester may leave within any call', async (t) => {
  for (const event of ['text x', 'ping x', 'pong x', 'close 1000']) {
    const { peer, requester } = await openWebSocket(t);
    requester.onCall = () => {
      if (requester.events.at(-1) === event) requester.leave(GONE);
    };
    const bytes = [frame(TEXT, 'x'), frame(PING, 'x'), frame(0x8a, 'x'), frame(CLOSE, closeText(1000))];
    peer.write(Buffer.concat(bytes));
    assert.equal(await takeFrame(peer), `88 ${closeText(1001)}`);
    await peer.ended;
    assert.equal(requester.events.at(-1), event);
  }
});

test('a requester that leaves after its close causes no further frames', async (t) => {
  const { peer, requester } = await openWebSocket(t);
  requester.close(1000);
  requester.leave(GONE);
  assert.equal(await takeFrame(peer), `88 ${closeText(1000)}`);
  assert.equal(await peer.takeAll(), '');
});

test('an origin that ignores the last close is cut off', async (t) => {
  const advance = manualClock(t);
  const { peer, requester } = await openWebSocket(t);
  requester.leave(GONE);
  await peer.ended;
  peer.write(frame(TEXT, 'still here'));
  await turn();
  advance(2);
  peer.write(frame(TEXT, 'still here'));
  await peer.closed;
});
