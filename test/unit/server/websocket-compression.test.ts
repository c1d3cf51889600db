import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { on, once } from 'node:events';
import { test } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import WebSocket, { type ClientOptions } from 'ws';
import { CLOSE, encodeMaskedFrame, PING, TEXT } from '../../../src/codec/websocket/index.ts';
import { joined } from '../../support/exchange/joined.ts';
import { turn } from '../../support/manual-clock.ts';
import { type RunningServer, startServer } from '../../support/running-server.ts';
import type { ScriptedWebSocket } from '../../support/scripted-service.ts';
import { closeText, frame, openWebSocket } from './raw-websocket.ts';

const OFFER = 'Sec-WebSocket-Extensions: permessage-deflate\r\n';

/** A compressed message of a client, in one frame. */
function compressed(message: string): Buffer {
  const payload = deflateRawSync(Buffer.from(message), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  return encodeMaskedFrame(TEXT, payload, 0x55aa1234, false, true);
}

/** A `ws` client whose messages are compressed, and the answering side of it. */
async function openWs(
  running: RunningServer,
  deflate: ClientOptions['perMessageDeflate'] = true,
): Promise<{ client: WebSocket; webSocket: ScriptedWebSocket }> {
  const perMessageDeflate = deflate === true ? { threshold: 0 } : deflate;
  const client = new WebSocket(`ws://${running.address}/`, { perMessageDeflate });
  const webSocket = await running.nextWebSocket();
  webSocket.accept();
  await once(client, 'open');
  return { client, webSocket };
}

/** Sends each message both ways, and compares. The responder takes and sends as credit allows. */
async function exchange(client: WebSocket, webSocket: ScriptedWebSocket, messages: readonly string[]): Promise<void> {
  const { requester } = webSocket;
  const back: { chunk: Buffer; text: boolean; more: boolean }[] = [];
  const pump = () => {
    for (let next = back[0]; next !== undefined && webSocket.credits >= next.chunk.length; next = back[0]) {
      back.shift();
      webSocket.credits -= next.chunk.length;
      requester.onResponseMessage(next.chunk, next.text, next.more);
    }
  };
  webSocket.onRequestMessage = (chunk, text, more) => {
    back.push({ chunk, text, more });
    pump();
    if (chunk.length > 0) requester.onRequestCredit(chunk.length);
  };
  webSocket.onResponseCredit = (bytes) => {
    webSocket.credits += bytes;
    pump();
  };
  const received: string[] = [];
  client.on('message', (data) => received.push(String(data)));
  for (const message of messages) client.send(message);
  while (received.length < messages.length) await once(client, 'message');
  assert.deepEqual(received, messages);
}

const MESSAGES = ['', 'Hello', 'Hello', 'é'.repeat(40_000), '', 'x'.repeat(500_000), 'last'];

const OFFERS: readonly { readonly what: string; readonly offer: ClientOptions['perMessageDeflate'] }[] = [
  { what: 'context takeover', offer: { threshold: 0 } },
  { what: 'no context takeover of the client', offer: { threshold: 0, clientNoContextTakeover: true } },
  { what: 'no context takeover of the server', offer: { threshold: 0, serverNoContextTakeover: true } },
  { what: 'small windows', offer: { threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 10 } },
  { what: 'small messages uncompressed', offer: { threshold: 1_000 } },
];

for (const { what, offer } of OFFERS) {
  test(`messages with ws go both ways compressed: ${what}`, async (t) => {
    const running = await startServer(t, { compression: true });
    const { client, webSocket } = await openWs(running, offer);
    assert.match(client.extensions, /permessage-deflate/);
    await exchange(client, webSocket, MESSAGES);
    client.terminate();
  });
}

test('nothing is compressed unless both sides want it', async (t) => {
  for (const [compression, offered] of [
    [true, false],
    [false, true],
  ] as const) {
    const running = await startServer(t, { compression });
    const { client, webSocket } = await openWs(running, offered);
    assert.equal(client.extensions, '');
    await exchange(client, webSocket, MESSAGES);
    client.terminate();
  }
});

test('sent messages are compressed with the context of former ones', async (t) => {
  const running = await startServer(t, { compression: true });
  const { client, webSocket } = await openWebSocket(running, 0, OFFER);
  const sizes: number[] = [];
  const text = 'a text without a repetition';
  for (let i = 0; i < 2; i++) {
    webSocket.message(text);
    const [first = '', length = ''] = await client.takeBytes(2);
    // FIN, RSV1 and the opcode of text.
    assert.equal(first, '\xc1');
    sizes.push((await client.takeBytes(length.charCodeAt(0))).length);
  }
  assert.ok((sizes[1] as number) < (sizes[0] as number) / 2, String(sizes));
});

test('joined messages are compressed one by one', async (t) => {
  const running = await startServer(t, { compression: true });
  const { client, webSocket } = await openWs(running, { threshold: 0 });
  const messages = joined('first', 'second');
  const received = on(client, 'message');
  webSocket.requester.onResponseJoined(messages);
  for (const { body } of messages.messages) assert.deepEqual((await received.next()).value[0], body);
  assert.equal(messages.frames, null);
  client.terminate();
});

test('pieces, pings and the close that are sent while a message is compressed keep their order', async (t) => {
  const running = await startServer(t, { compression: true });
  const { client, webSocket } = await openWs(running);
  const received: string[] = [];
  client.on('message', (data) => received.push(String(data)));
  client.on('ping', (data) => received.push(`ping ${data}`));
  const closed = once(client, 'close');
  webSocket.message('Hel', true);
  webSocket.message('', true);
  webSocket.message('lo', true);
  webSocket.message('');
  webSocket.message('');
  webSocket.message('second');
  webSocket.ping('p');
  webSocket.close(4000, 'end');
  webSocket.message('too late');
  const [code] = await closed;
  assert.equal(code, 4000);
  // A ping may go between the frames of messages, and so overtakes those that are being compressed.
  assert.deepEqual(received, ['ping p', 'Hello', '', 'second']);
  assert.deepEqual(await webSocket.lines(1), ['close 4000 end']);
});

test('very many empty messages behind one that is being compressed are sent', async (t) => {
  const running = await startServer(t, { compression: true });
  const { client, webSocket } = await openWebSocket(running, 0, OFFER);
  webSocket.message('x');
  for (let i = 0; i < 20_000; i++) webSocket.message('');
  const [, length = ''] = await client.takeBytes(2);
  await client.takeBytes(length.charCodeAt(0));
  // An empty message is one empty block.
  assert.equal(await client.takeBytes(60_000), '\xc1\x01\x00'.repeat(20_000));
});

test('a message of several frames and others right after it are sent whole', async (t) => {
  const running = await startServer(t, { compression: true });
  const { client, webSocket } = await openWs(running);
  const received: Buffer[] = [];
  client.on('message', (data) => received.push(data as Buffer));
  const messages = [Buffer.from('small'), randomBytes(20_000), Buffer.from('behind'), randomBytes(30_000)];
  for (const message of messages) webSocket.message(message);
  while (received.length < messages.length) await once(client, 'message');
  assert.deepEqual(received, messages);
  client.terminate();
});

test('a compressed message that was cut off fails with 1007, and is not passed on as a whole one', async (t) => {
  const running = await startServer(t, { compression: true });
  const { client, webSocket } = await openWebSocket(running, 65_536, OFFER);
  const payload = deflateRawSync('Hello, Hello, Hello!', { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, 6);
  client.write(encodeMaskedFrame(TEXT, payload, 0x55aa1234, false, true));
  assert.equal((await webSocket.failed()).code, 'HF_WEBSOCKET_PROTOCOL');
  assert.deepEqual(webSocket.events, []);
  assert.equal((await client.takeAll()).slice(2, 4), closeText(1007));
});

test('a flood of empty messages that wait to be compressed ends its WebSocket only', async (t) => {
  const running = await startServer(t, { compression: true });
  const other = await openWebSocket(running, 0, OFFER);
  const { client, webSocket } = await openWebSocket(running, 0, OFFER);
  webSocket.message('x');
  // Each is charged 256 bytes of 16,842,752.
  for (let i = 0; i < 65_792; i++) webSocket.message('');
  assert.equal(webSocket.failure(), 'HF_RESPONSE_INVALID');
  assert.equal(running.counters.responsesInvalid, 1);
  assert.equal((await client.takeAll()).slice(2, 4), closeText(1011));
  other.webSocket.message('Hello');
  assert.equal((await other.client.takeBytes(9)).slice(2), '\xf2\x48\xcd\xc9\xc9\x07\x00');
});

test('credit for what is sent comes back when it is compressed and written', async (t) => {
  const running = await startServer(t, { compression: true });
  const { client, webSocket } = await openWs(running);
  webSocket.message(Buffer.alloc(60_000));
  webSocket.message(Buffer.alloc(5_000));
  assert.equal(webSocket.credits, webSocket.request.credits - 65_000);
  await webSocket.until(() => webSocket.credits === webSocket.request.credits);
  client.terminate();
});

test('an inflated message and what follows it are passed on only as credit is granted', async (t) => {
  const running = await startServer(t, { compression: true });
  const { client, webSocket } = await openWebSocket(running, 10, OFFER);
  const message = 'x'.repeat(100_000);
  client.write(Buffer.concat([compressed(message), frame(PING, 'p'), frame(TEXT, 'plain'), compressed('y')]));
  await webSocket.until(() => webSocket.pieces.length === 1);
  await turn();
  assert.deepEqual(webSocket.pieces, [10]);
  webSocket.grant(20);
  assert.deepEqual(webSocket.pieces, [10, 20]);
  webSocket.grant(100_000);
  assert.deepEqual(await webSocket.lines(4), [`text ${message}`, 'ping p', 'text plain', 'text y']);
  // All of the rest can still be spent, by whatever comes.
  client.write(Buffer.concat([frame(TEXT, 'z'.repeat(20)), frame(PING, '123')]));
  const rest = 10 + 20 + 100_000 - 100_000 - 1 - 5 - 1;
  assert.equal(rest, 23);
  assert.deepEqual((await webSocket.lines(6)).slice(4), [`text ${'z'.repeat(20)}`, 'ping 123']);
});

test('a compressed message, a close and a FIN at once lose nothing', async (t) => {
  const running = await startServer(t, { compression: true });
  const { client, webSocket } = await openWebSocket(running, 65_536, OFFER);
  const bytes = Buffer.concat([compressed('Hello'), frame(CLOSE, closeText(1000))]);
  client.end(bytes.toString('latin1'));
  assert.deepEqual(await webSocket.lines(2), ['text Hello', 'close 1000']);
  webSocket.close(1000);
  assert.equal(await client.takeAll(), `\x88\x02${closeText(1000)}`);
});

test('a message that inflates beyond the limit leads to 1009, one that does not inflate to 1007', async (t) => {
  const running = await startServer(t, { compression: true, maxMessageBytes: 50_000 });
  const bomb = compressed('x'.repeat(50_001));
  const garbage = encodeMaskedFrame(TEXT, Buffer.from('ffffffff', 'hex'), 1, false, true);
  for (const [bytes, code] of [
    [bomb, 1009],
    [garbage, 1007],
  ] as const) {
    const { client, webSocket } = await openWebSocket(running, 65_536, OFFER);
    client.write(bytes);
    assert.equal((await webSocket.failed()).code, 'HF_WEBSOCKET_PROTOCOL');
    const text = await client.takeAll();
    assert.equal(text.slice(2, 4), closeText(code));
  }
  assert.equal(running.counters.webSocketsFailed, 2);
});

test('a responder that closes while a message waits to be inflated still gets the close of its client', async (t) => {
  const running = await startServer(t, { compression: true });
  const { client, webSocket } = await openWebSocket(running, 1, OFFER);
  client.write(Buffer.concat([compressed('x'.repeat(1_000)), frame(CLOSE, closeText(1000))]));
  await webSocket.until(() => webSocket.pieces.length === 1);
  webSocket.close(1000);
  assert.deepEqual(await webSocket.lines(1), ['close 1000']);
  assert.equal(await client.takeAll(), `\x88\x02${closeText(1000)}`);
});

test('a client that leaves while messages are compressed in both directions leaves nothing behind', async (t) => {
  const running = await startServer(t, { compression: true });
  for (let i = 0; i < 20; i++) {
    const { client, webSocket } = await openWebSocket(running, 65_536, OFFER);
    client.write(compressed('x'.repeat(60_000)));
    webSocket.message(Buffer.alloc(60_000));
    if (i % 2 === 0) await turn();
    client.reset();
    assert.equal((await webSocket.failed()).code, 'HF_CLIENT_GONE');
  }
  assert.equal(running.counters.webSocketsOpen, 0);
});
