import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import WebSocket from 'ws';
import { CLOSE, PING, TEXT } from '../../../src/codec/websocket/index.ts';
import { Payload } from '../../../src/exchange/index.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { startServer } from '../../support/running-server.ts';
import { closeText, frame, handshake, type Opened, openWebSocket, takeFrame } from './raw-websocket.ts';

/** The client gets a close frame with `code` and nothing behind it, and the connection ends in order. */
async function assertClosed({ client }: Opened, code: number): Promise<void> {
  const text = await takeFrame(client);
  assert.equal(text.slice(0, 4), `8 ${closeText(code)}`);
  assert.equal(await client.takeAll(), '');
  assert.equal(await client.ended, 'fin');
}

test('the responder returns the close of the client, and then the server ends the connection', async (t) => {
  const running = await startServer(t);
  for (const [code, reason] of [
    [1000, ''],
    [4999, 'r'.repeat(123)],
  ] as const) {
    const opened = await openWebSocket(running);
    const { client, webSocket } = opened;
    client.write(frame(CLOSE, closeText(code, reason)));
    assert.deepEqual(await webSocket.lines(1), [`close ${code} ${reason}`.trim()]);
    await turn();
    assert.equal(client.text, '');
    webSocket.close(code, reason);
    await assertClosed(opened, code);
    client.end();
    await client.closed;
    assert.equal(webSocket.error, null);
  }
  await running.server.whenEmpty();
  assert.deepEqual([running.counters.webSocketsOpen, running.counters.requestsAborted], [0, 0]);
});

test('a close without a code goes both ways as it is', async (t) => {
  const running = await startServer(t);
  const { client, webSocket } = await openWebSocket(running);
  client.write(frame(CLOSE));
  assert.deepEqual(await webSocket.lines(1), ['close 1005']);
  webSocket.close();
  assert.equal(await takeFrame(client), '8 ');
});

test('the responder may send between the close of the client and its own', async (t) => {
  const running = await startServer(t);
  const opened = await openWebSocket(running);
  opened.client.write(Buffer.concat([frame(CLOSE, closeText(1001)), frame(TEXT, 'not read any more')]));
  await opened.webSocket.lines(1);
  opened.webSocket.message('last words');
  opened.webSocket.close(1001);
  assert.equal(await takeFrame(opened.client), '1 last words');
  await assertClosed(opened, 1001);
});

test('a responder that closes gets only the close of its client', async (t) => {
  const running = await startServer(t);
  const { client, webSocket } = await openWebSocket(running, 1);
  client.write(frame(TEXT, 'waits for credit'));
  await webSocket.until(() => webSocket.pieces.length > 0);
  webSocket.close(4000, 'enough');
  // What comes now goes nowhere.
  webSocket.message('late');
  webSocket.ping();
  webSocket.close(4001);
  assert.equal(await takeFrame(client), `8 ${closeText(4000, 'enough')}`);
  client.write(Buffer.concat([frame(TEXT, 'still on its way'), frame(PING, 'too'), frame(CLOSE, closeText(4000))]));
  assert.deepEqual(await webSocket.lines(1), ['close 4000']);
  assert.equal(await client.takeAll(), '');
  assert.equal(webSocket.pieces.length, 1);
  assert.equal(webSocket.error, null);
});

test('closing handshakes of ws work in both directions', async (t) => {
  const running = await startServer(t);
  for (const first of ['client', 'server']) {
    const client = new WebSocket(`ws://${running.address}/`, { perMessageDeflate: false });
    const webSocket = await running.nextWebSocket();
    webSocket.accept();
    await once(client, 'open');
    const closed = once(client, 'close');
    if (first === 'client') {
      client.close(4001, 'bye');
      await webSocket.lines(1);
      webSocket.close(4001, 'bye');
    } else {
      webSocket.close(4001, 'bye');
      assert.deepEqual(await webSocket.lines(1), ['close 4001 bye']);
    }
    const [code, reason] = await closed;
    assert.deepEqual([code, String(reason)], [4001, 'bye']);
  }
});

test('a client that does not return the close in time is cut off, and the responder gets an error', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { closeTimeout: 4 });
  const { client, webSocket } = await openWebSocket(running);
  webSocket.close(1000);
  await takeFrame(client);
  client.write(frame(TEXT, 'not a close'));
  advance(3);
  await turn();
  assert.equal(webSocket.failure(), '');
  advance(1);
  assert.equal((await webSocket.failed()).code, 'HF_CLIENT_GONE');
  assert.equal(await client.takeAll(), '');
});

test('an open WebSocket has no deadline', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t);
  const { client, webSocket } = await openWebSocket(running);
  advance(10_000);
  client.write(frame(TEXT, 'still here'));
  assert.deepEqual(await webSocket.lines(1), ['text still here']);
});

for (const how of [
  'a reset',
  'a FIN',
  'a FIN while messages wait for credit',
  'a FIN behind the close of the server',
]) {
  test(`a client that leaves with ${how} instead of a close frame ends its WebSocket`, async (t) => {
    const running = await startServer(t);
    const { client, webSocket } = await openWebSocket(running, 1);
    if (how.includes('credit')) {
      client.write(Buffer.concat([frame(TEXT, 'more than one byte'), frame(CLOSE)]));
      await webSocket.until(() => webSocket.pieces.length > 0);
    } else if (how.includes('server')) {
      webSocket.close(1000);
      await takeFrame(client);
    }
    if (how === 'a reset') client.reset();
    else client.end();
    assert.equal((await webSocket.failed()).code, 'HF_CLIENT_GONE');
    await client.closed;
    assert.deepEqual([running.counters.requestsAborted, running.counters.webSocketsOpen], [1, 0]);
    // What the responder does before it knows comes to nothing.
    webSocket.message('into the void');
    webSocket.close(1000);
    webSocket.requester.onRequestCredit(5);
  });
}

test('a FIN after the close frame of the client does not suppress the close frame of the server', async (t) => {
  const running = await startServer(t);
  const opened = await openWebSocket(running);
  opened.client.end(frame(CLOSE, closeText(1000)).toString('latin1'));
  await opened.webSocket.lines(1);
  const socket = await running.serverEnd(opened.client);
  while (!socket.readableEnded) await turn();
  opened.webSocket.close(1000);
  await assertClosed(opened, 1000);
  assert.equal(opened.webSocket.error, null);
});

test('a client that never closes its side of the connection is disconnected', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t);
  const opened = await openWebSocket(running);
  opened.client.write(frame(CLOSE, closeText(1000)));
  await opened.webSocket.lines(1);
  opened.webSocket.close(1000);
  await assertClosed(opened, 1000);
  const closed = once(await running.serverEnd(opened.client), 'close');
  advance(2);
  await closed;
  assert.equal(running.counters.connectionsOpen, 0);
});

const BROKEN: readonly { readonly what: string; readonly code: number; readonly bytes: Buffer }[] = [
  { what: 'a frame that is not masked', code: 1002, bytes: Buffer.from('810141', 'hex') },
  { what: 'a reserved bit', code: 1002, bytes: Buffer.from('c18000000000', 'hex') },
  { what: 'a continuation of nothing', code: 1002, bytes: frame(0, 'x') },
  { what: 'a reserved close code', code: 1002, bytes: frame(CLOSE, closeText(1006)) },
  { what: 'text that is not UTF-8', code: 1007, bytes: frame(TEXT, '\xff') },
];

for (const { what, code, bytes } of BROKEN) {
  test(`${what} leads to close code ${code} after the messages before it, and the responder gets an error`, async (t) => {
    const running = await startServer(t);
    const opened = await openWebSocket(running);
    const { client, webSocket } = opened;
    client.write(Buffer.concat([frame(TEXT, 'good'), bytes, frame(TEXT, 'not read')]));
    assert.equal((await webSocket.failed()).code, 'HF_WEBSOCKET_PROTOCOL');
    assert.deepEqual(await webSocket.lines(1), ['text good']);
    await assertClosed(opened, code);
    assert.equal(running.counters.webSocketsFailed, 1);
    const [record] = running.log.with('WebSocket failed');
    assert.deepEqual([record?.level, record?.fields.id], ['info', '1-1']);
  });
}

test('a client that breaks the protocol after the close of the server gets no second close frame', async (t) => {
  const running = await startServer(t);
  const { client, webSocket } = await openWebSocket(running);
  webSocket.close(1000);
  await takeFrame(client);
  client.write(frame(0, 'x'));
  assert.equal((await webSocket.failed()).code, 'HF_WEBSOCKET_PROTOCOL');
  assert.equal(await client.takeAll(), '');
});

const FAULTS: readonly { readonly what: string; readonly act: (opened: Opened) => void }[] = [
  { what: 'a close code that cannot be sent', act: ({ webSocket }) => webSocket.close(1006) },
  { what: 'a close reason of 124 bytes', act: ({ webSocket }) => webSocket.close(1000, 'é'.repeat(62)) },
  { what: 'a close reason without a code', act: ({ webSocket }) => webSocket.close(1005, 'x') },
  { what: 'a ping of 126 bytes', act: ({ webSocket }) => webSocket.ping('x'.repeat(126)) },
  { what: 'a pong of 126 bytes', act: ({ webSocket }) => webSocket.pong('x'.repeat(126)) },
  { what: 'a response body', act: ({ webSocket }) => webSocket.send('x', false) },
  {
    what: 'a payload for response bodies',
    act: ({ webSocket }) => webSocket.requester.onResponsePayload(new Payload(Buffer.from('x'))),
  },
];

for (const { what, act } of FAULTS) {
  test(`a responder that sends ${what} ends the WebSocket with 1011 and gets an error`, async (t) => {
    const running = await startServer(t);
    const opened = await openWebSocket(running);
    act(opened);
    assert.equal(opened.webSocket.failure(), 'HF_RESPONSE_INVALID');
    await assertClosed(opened, 1011);
    assert.equal(running.counters.responsesInvalid, 1);
    assert.equal(running.log.with('response cannot be sent')[0]?.level, 'warn');
  });
}

test('a responder that throws ends its WebSocket with 1011, and no other', async (t) => {
  const running = await startServer(t, { compression: true });
  const other = await openWebSocket(running);
  for (const compressed of [false, true]) {
    const client = new WebSocket(`ws://${running.address}/`, {
      perMessageDeflate: compressed ? { threshold: 0 } : false,
    });
    const webSocket = await running.nextWebSocket();
    webSocket.accept();
    webSocket.onRequestMessage = () => {
      throw new Error('a defect');
    };
    await once(client, 'open');
    client.send('x');
    assert.equal((await once(client, 'close'))[0], 1011);
    assert.equal(webSocket.failure(), 'HF_INTERNAL');
  }
  assert.equal(running.log.with('internal error').length, 2);
  other.client.write(frame(TEXT, 'fine'));
  assert.deepEqual(await other.webSocket.lines(1), ['text fine']);
});

test('a failure of the responder ends the WebSocket with 1011, or 1001 when it is shutting down', async (t) => {
  const running = await startServer(t);
  for (const [code, closeCode] of [
    ['HF_BACKEND_TIMEOUT', 1011],
    ['HF_DRAINING', 1001],
  ] as const) {
    const opened = await openWebSocket(running);
    opened.webSocket.message('before');
    opened.webSocket.fail(code);
    opened.webSocket.message('behind');
    opened.client.write(frame(TEXT, 'not read'));
    assert.equal(await takeFrame(opened.client), '1 before');
    await assertClosed(opened, closeCode);
    assert.deepEqual([opened.webSocket.events, opened.webSocket.error], [[], null]);
  }
});

test('draining sends 1001 to every client, informs every responder, and waits for the close frames', async (t) => {
  const advance = manualClock(t);
  const running = await startServer(t, { closeTimeout: 5 });
  const polite = await openWebSocket(running);
  const silent = await openWebSocket(running);
  const undecided = await running.connect();
  undecided.write(`${handshake()}\r\n`);
  const third = await running.nextWebSocket();
  running.server.drain();
  for (const { client, webSocket } of [polite, silent]) {
    assert.equal(webSocket.failure(), 'HF_DRAINING');
    assert.equal(await takeFrame(client), `8 ${closeText(1001)}`);
  }
  third.accept();
  assert.equal((await undecided.takeHead()).status, 101);
  assert.equal(await takeFrame(undecided), `8 ${closeText(1001)}`);
  assert.equal(third.failure(), 'HF_DRAINING');
  polite.client.write(frame(CLOSE, closeText(1001)));
  assert.equal(await polite.client.takeAll(), '');
  polite.client.end();
  const socket = await running.serverEnd(silent.client);
  assert.equal(socket.destroyed, false);
  advance(5);
  await running.server.whenEmpty();
  assert.equal(running.counters.requestsAborted, 0);
  assert.equal(running.counters.webSocketsOpen, 0);
});

test('destroying cuts open WebSockets, and their responders get an error', async (t) => {
  const running = await startServer(t);
  const { client, webSocket } = await openWebSocket(running);
  running.server.destroy();
  assert.equal((await webSocket.failed()).code, 'HF_CLIENT_GONE');
  assert.equal(await client.takeAll(), '');
});
