import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { BINARY, CLOSE, CONTINUATION, encodeMaskedFrame, PING, TEXT } from '../../../src/codec/websocket/index.ts';
import { joined } from '../../support/exchange/joined.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { type RunningServer, startServer, startUnixServer } from '../../support/running-server.ts';
import type { ScriptedWebSocket } from '../../support/scripted-service.ts';
import { closeText, frame, handshake, type Opened, openWebSocket, takeFrame } from './raw-websocket.ts';
import { fillSocket } from './stalled-client.ts';

const TOO_LARGE: readonly { readonly what: string; readonly limits: object; readonly bytes: Buffer }[] = [
  { what: 'a frame', limits: { maxFrameBytes: 10 }, bytes: frame(TEXT, 'x'.repeat(11)) },
  {
    what: 'a message',
    limits: { maxMessageBytes: 10 },
    bytes: Buffer.concat([frame(TEXT, 'x'.repeat(6), true), frame(CONTINUATION, 'y'.repeat(5))]),
  },
  {
    what: 'the number of fragments',
    limits: { maxFragments: 2 },
    bytes: Buffer.concat([frame(TEXT, 'x', true), frame(CONTINUATION, '', true), frame(CONTINUATION, '', true)]),
  },
];

for (const { what, limits, bytes } of TOO_LARGE) {
  test(`${what} beyond its limit leads to 1009`, async (t) => {
    const running = await startServer(t, limits);
    const { client, webSocket } = await openWebSocket(running);
    client.write(frame(TEXT, 'x'.repeat(10)));
    client.write(bytes);
    assert.equal((await webSocket.failed()).code, 'HF_WEBSOCKET_PROTOCOL');
    assert.equal((await takeFrame(client)).slice(0, 4), `8 ${closeText(1009)}`);
    assert.equal(await client.takeAll(), '');
  });
}

/** Resolves when the server reads no more from the client. */
async function paused(running: RunningServer, { client }: Opened): Promise<void> {
  const socket = await running.serverEnd(client);
  while (!socket.isPaused()) await turn();
}

test('what waits for a client that does not read is bounded by credit', async (t) => {
  const running = await startUnixServer(t);
  const opened = await openWebSocket(running);
  await fillSocket(opened);
  const socket = await running.serverEnd(opened.client);
  assert.ok(socket.writableLength < 2 * 65_536 + 1_000, String(socket.writableLength));
  const { credits } = opened.webSocket;
  opened.client.socket.resume();
  await opened.webSocket.until(() => opened.webSocket.credits === opened.webSocket.request.credits);
  assert.ok(opened.webSocket.credits > credits);
});

test('a client that takes nothing for too long is cut off, counted and logged, and its responder gets an error', async (t) => {
  const advance = manualClock(t);
  const running = await startUnixServer(t, { writeTimeout: 3 });
  const opened = await openWebSocket(running);
  await fillSocket(opened);
  advance(2);
  opened.webSocket.message('within its credit');
  assert.equal(opened.webSocket.failure(), '');
  advance(1);
  assert.equal(opened.webSocket.failure(), 'HF_CLIENT_STALLED');
  assert.equal(running.counters.clientsStalled, 1);
  assert.equal(running.log.with('client cut off')[0]?.fields.id, '1-1');
  opened.client.socket.resume();
  await opened.client.ended;
  assert.equal(running.counters.requestsAborted, 0);
});

test('a closing handshake that the client does not read ends with the write timeout', async (t) => {
  const advance = manualClock(t);
  const running = await startUnixServer(t, { writeTimeout: 3, closeTimeout: 60 });
  const opened = await openWebSocket(running);
  await fillSocket(opened);
  opened.webSocket.close(1000);
  advance(3);
  assert.equal(opened.webSocket.failure(), 'HF_CLIENT_STALLED');
});

const WAITING: readonly { readonly what: string; readonly send: (webSocket: ScriptedWebSocket) => void }[] = [
  { what: 'message', send: (webSocket) => webSocket.message('') },
  { what: 'joined message', send: ({ requester }) => requester.onResponseJoined(joined('x')) },
  { what: 'ping', send: (webSocket) => webSocket.ping() },
  { what: 'pong', send: (webSocket) => webSocket.pong() },
];

for (const { what, send } of WAITING) {
  test(`one ${what} too many for a client that takes nothing cuts it off`, async (t) => {
    const running = await startUnixServer(t, { queuedMessages: 5 });
    const opened = await openWebSocket(running);
    await fillSocket(opened);
    for (let i = 0; i < 5; i++) send(opened.webSocket);
    assert.equal(opened.webSocket.failure(), '');
    send(opened.webSocket);
    assert.equal(opened.webSocket.failure(), 'HF_CLIENT_STALLED');
    assert.match(opened.webSocket.error?.detail ?? '', /5 messages/);
    send(opened.webSocket);
    opened.client.socket.resume();
    await opened.client.ended;
  });
}

test('joined messages that wait for a client count one by one', async (t) => {
  const running = await startUnixServer(t, { queuedMessages: 5 });
  const opened = await openWebSocket(running);
  await fillSocket(opened);
  const { requester } = opened.webSocket;
  requester.onResponseJoined(joined('a', 'b', 'c'));
  requester.onResponseJoined(joined('d', 'e'));
  assert.equal(opened.webSocket.failure(), '');
  requester.onResponseJoined(joined('f', 'g'));
  assert.equal(opened.webSocket.failure(), 'HF_CLIENT_STALLED');
  opened.client.socket.resume();
  await opened.client.ended;
});

test('waiting pieces of one message count once, and the count restarts when the client has taken all', async (t) => {
  const running = await startUnixServer(t, { queuedMessages: 5 });
  const opened = await openWebSocket(running);
  const { client, webSocket } = opened;
  for (let round = 0; round < 2; round++) {
    await fillSocket(opened);
    for (let i = 0; i < 20; i++) webSocket.message('piece', true);
    webSocket.message('');
    for (let i = 0; i < 4; i++) webSocket.message('');
    client.socket.resume();
    await webSocket.until(() => webSocket.credits === webSocket.request.credits);
  }
  assert.equal(webSocket.error, null);
});

test('many messages in one turn all reach a client that reads', async (t) => {
  const running = await startServer(t, { queuedMessages: 5 });
  const { client, webSocket } = await openWebSocket(running);
  const text = 'x'.repeat(60);
  for (let i = 0; i < 1_000; i++) webSocket.message(text);
  for (let i = 0; i < 1_000; i++) assert.equal(await takeFrame(client), `1 ${text}`);
  assert.equal(webSocket.error, null);
});

test('a client that sends without end to a responder that grants nothing is held back', async (t) => {
  const running = await startServer(t, { pipelineBytes: 4_096 });
  const floods: readonly Buffer[] = [
    frame(BINARY, 'x'.repeat(100)),
    frame(TEXT),
    frame(PING),
    frame(PING, 'x'.repeat(125)),
  ];
  for (const one of floods) {
    const opened = await openWebSocket(running, 0);
    const { client, webSocket } = opened;
    const flood = Buffer.concat(Array.from({ length: 1_000_000 / one.length }, () => one));
    while (client.socket.write(flood) || client.socket.writableLength < 20_000_000) {}
    await paused(running, opened);
    await turn();
    assert.deepEqual([webSocket.events, webSocket.pieces], [[], []]);
    assert.ok(client.socket.writableLength > 0);
    webSocket.grant(10_000);
    await webSocket.until(() => webSocket.events.length >= 79);
    client.reset();
    await webSocket.failed();
  }
});

test('a client that is not read is detected when it leaves', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { pipelineBytes: 4_096 });
  for (const leave of ['reset', 'destroy'] as const) {
    const opened = await openWebSocket(running, 0);
    const { client, webSocket } = opened;
    client.write(Buffer.alloc(8_192, frame(TEXT, 'x')));
    await paused(running, opened);
    if (leave === 'reset') client.reset();
    else client.socket.destroy();
    await client.closed;
    for (let i = 0; i < 100 && webSocket.failure() === ''; i++) {
      advance(5);
      await turn();
    }
    assert.equal(webSocket.failure(), 'HF_CLIENT_GONE');
  }
});

test('probes do not disturb a client that is not read for a while', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { pipelineBytes: 4_096 });
  const opened = await openWebSocket(running, 0);
  const { client, webSocket } = opened;
  client.write(Buffer.concat(Array.from({ length: 100 }, () => frame(BINARY, 'x'.repeat(100)))));
  await paused(running, opened);
  webSocket.message('first ', true);
  for (let i = 0; i < 3; i++) {
    advance(5);
    await turn();
  }
  webSocket.message('second');
  const expected = ['1+ first ', '10 ', '10 ', '10 ', '0 second'];
  for (const line of expected) assert.equal(await takeFrame(client), line);
  webSocket.grant(20_000);
  await webSocket.lines(100);
});

test('of the pings that come while the client reads nothing, only the newest gets a pong', async (t) => {
  const running = await startUnixServer(t, { autoPong: true });
  const opened = await openWebSocket(running);
  const { client, webSocket } = opened;
  await fillSocket(opened);
  const socket = await running.serverEnd(client);
  const waiting = socket.writableLength;
  client.write(Buffer.concat(Array.from({ length: 10_000 }, (_, i) => frame(PING, String(i)))));
  client.write(frame(TEXT, 'behind them'));
  await webSocket.lines(1);
  assert.equal(socket.writableLength, waiting);
  client.socket.resume();
  for (;;) {
    const line = await takeFrame(client);
    if (line.startsWith('2 ')) continue;
    assert.equal(line, '10 9999');
    break;
  }
});

test('messages and a close frame that wait for credit come in order, however small the grants', async (t) => {
  const running = await startServer(t, { pipelineBytes: 100 });
  const { client, webSocket } = await openWebSocket(running, 0);
  const expected: string[] = [];
  for (let i = 0; i < 100; i++) {
    client.write(encodeMaskedFrame(TEXT, Buffer.from(`message ${i}`), i * 0x01010101));
    client.write(frame(TEXT));
    expected.push(`text message ${i}`, 'text');
  }
  client.write(frame(CLOSE, closeText(1000)));
  expected.push('close 1000');
  while (!webSocket.closed) {
    webSocket.grant(1);
    await turn();
  }
  assert.deepEqual(await webSocket.lines(expected.length), expected);
});

test('WebSockets count as connections against the maximum', async (t) => {
  const running = await startServer(t, { maxConnections: 2 });
  const one = await openWebSocket(running);
  await openWebSocket(running);
  const third = openWebSocket(running);
  while (!running.server.crowded) await turn();
  assert.equal(running.counters.webSocketsOpen, 2);
  one.client.reset();
  await third;
});

test('frames after a request that waited in a full pipeline are bounded too', async (t) => {
  const running = await startServer(t, { pipelineBytes: 4_096 });
  running.script.onWebSocket = (webSocket) => webSocket.accept(0);
  const client = await running.connect();
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const exchange = await running.next();
  const socket = await running.serverEnd(client);
  const held = once(socket, 'pause');
  const flood = Buffer.concat(Array.from({ length: 100 }, () => frame(BINARY, 'x'.repeat(100))));
  client.write(Buffer.concat([Buffer.from(`${handshake()}\r\n`), flood]));
  await held;
  exchange.respond();
  await running.nextWebSocket();
  assert.equal(socket.isPaused(), true);
});
