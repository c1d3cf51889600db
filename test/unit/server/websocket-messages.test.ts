import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import WebSocket from 'ws';
import { BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT } from '../../../src/codec/websocket/index.ts';
import { joined } from '../../support/exchange/joined.ts';
import { turn } from '../../support/manual-clock.ts';
import { startServer } from '../../support/running-server.ts';
import { settled } from '../../support/settled.ts';
import { closeText, frame, handshake, openWebSocket, takeFrame } from './raw-websocket.ts';

test('messages go both ways with ws as the client, up to a megabyte', async (t) => {
  const running = await startServer(t);
  running.script.onWebSocket = (webSocket) => {
    webSocket.accept(4_000_000);
    const { requester } = webSocket;
    webSocket.onRequestMessage = (chunk, text, more) => requester.onResponseMessage(chunk, text, more);
  };
  const client = new WebSocket(`ws://${running.address}/echo`, { perMessageDeflate: false });
  await once(client, 'open');
  for (const size of [0, 1, 125, 126, 127, 4_096, 4_097, 65_535, 65_536, 1_000_000]) {
    const sent = Buffer.alloc(size, 'some bytes');
    client.send(sent);
    const [data, binary] = await once(client, 'message');
    assert.deepEqual([binary, (data as Buffer).equals(sent)], [true, true]);
    client.send(sent.toString());
    const [text, alsoBinary] = await once(client, 'message');
    assert.deepEqual([alsoBinary, (text as Buffer).equals(sent)], [false, true]);
  }
  client.terminate();
});

test('each piece of a message is one frame, and control frames between the pieces keep their place', async (t) => {
  const running = await startServer(t);
  const { client, webSocket } = await openWebSocket(running);
  webSocket.message('', true);
  webSocket.message('Hel', true);
  webSocket.ping('1');
  webSocket.message('', true);
  webSocket.message('lo', true);
  webSocket.pong('2');
  webSocket.message('');
  webSocket.message(Buffer.from('b'));
  const frames = ['1+ Hel', '9 1', '0+ lo', '10 2', '0 ', '2 b'];
  for (const expected of frames) assert.equal(await takeFrame(client), expected);
});

test('frames give the same messages however they are split, whatever is between the fragments', async (t) => {
  const running = await startServer(t);
  const input = Buffer.concat([
    frame(TEXT, 'Hel', true),
    frame(PING, 'p'),
    frame(CONTINUATION, '', true),
    frame(PONG, 'q'),
    frame(CONTINUATION, 'lo'),
    frame(BINARY, 'x'.repeat(200)),
    frame(TEXT),
    frame(CLOSE, closeText(1000, 'bye')),
  ]);
  const expected = ['ping p', 'pong q', 'text Hello', `binary ${'x'.repeat(200)}`, 'text', 'close 1000 bye'];
  for (let split = 0; split <= input.length; split++) {
    const { client, webSocket } = await openWebSocket(running);
    client.write(input.subarray(0, split));
    await turn();
    client.write(input.subarray(split));
    assert.deepEqual(await webSocket.lines(expected.length), expected);
    webSocket.close(1000, 'bye');
    assert.equal(await takeFrame(client), `8 ${closeText(1000, 'bye')}`);
    client.end();
    await client.closed;
  }
});

test('frames in one segment with the handshake are not lost, however soon the service accepts', async (t) => {
  const running = await startServer(t);
  for (const soon of [true, false]) {
    running.script.onWebSocket = (webSocket) => {
      if (soon) webSocket.accept();
    };
    const client = await running.connect();
    client.write(Buffer.concat([Buffer.from(`${handshake()}\r\n`), frame(TEXT, 'early'), frame(TEXT, 'bird')]));
    const webSocket = await running.nextWebSocket();
    if (!soon) {
      await turn();
      assert.deepEqual(webSocket.events, []);
      webSocket.accept();
    }
    assert.deepEqual(await webSocket.lines(2), ['text early', 'text bird']);
  }
});

test('messages are passed on in pieces, only as far as credit is granted', async (t) => {
  const running = await startServer(t);
  const { client, webSocket } = await openWebSocket(running, 3);
  client.write(Buffer.concat([frame(TEXT, 'Hello'), frame(BINARY, '12345'), frame(CLOSE)]));
  await webSocket.until(() => webSocket.pieces.length === 1);
  await turn();
  assert.deepEqual(webSocket.pieces, [3]);
  webSocket.grant(4);
  assert.deepEqual([webSocket.pieces, webSocket.events.length], [[3, 2, 2], 1]);
  webSocket.grant(3);
  assert.deepEqual(webSocket.pieces, [3, 2, 2, 3]);
  // The close frame costs nothing.
  assert.deepEqual(await webSocket.lines(3), ['text Hello', 'binary 12345', 'close 1005']);
});

test('credit that is granted before the WebSocket is open, or from within a call, counts', async (t) => {
  const running = await startServer(t);
  running.script.onWebSocket = (webSocket) => {
    webSocket.grant(1);
    const take = webSocket.onRequestMessage.bind(webSocket);
    webSocket.onRequestMessage = (chunk, text, more) => {
      webSocket.grant(1);
      take(chunk, text, more);
    };
  };
  const client = await running.connect();
  client.write(`${handshake()}\r\n`);
  const webSocket = await running.nextWebSocket();
  webSocket.accept(0);
  client.write(frame(TEXT, 'Hello'));
  assert.deepEqual(await webSocket.lines(1), ['text Hello']);
  assert.deepEqual(webSocket.pieces, [1, 1, 1, 1, 1]);
});

test('a ping waits until there is credit for all of it, and what follows waits too', async (t) => {
  const running = await startServer(t);
  const { client, webSocket } = await openWebSocket(running, 4);
  client.write(Buffer.concat([frame(PING, '12345'), frame(PONG, 'p'), frame(TEXT, 'x')]));
  await turn();
  client.write(frame(TEXT, 'y'));
  webSocket.grant(0);
  assert.deepEqual(webSocket.events, []);
  webSocket.grant(1);
  assert.deepEqual(await webSocket.lines(1), ['ping 12345']);
  webSocket.grant(3);
  assert.deepEqual(await webSocket.lines(4), ['ping 12345', 'pong p', 'text x', 'text y']);
});

test('empty messages and pings wait while there is no credit at all, but the end of a message does not', async (t) => {
  const running = await startServer(t);
  const { client, webSocket } = await openWebSocket(running, 2);
  client.write(Buffer.concat([frame(TEXT, 'ab', true), frame(CONTINUATION), frame(TEXT), frame(PING), frame(PONG)]));
  assert.deepEqual(await webSocket.lines(1), ['text ab']);
  await turn();
  assert.equal(webSocket.events.length, 1);
  webSocket.grant(1);
  assert.deepEqual(await webSocket.lines(4), ['text ab', 'text', 'ping', 'pong']);
});

test('with autoPong pings get their pong without credit, and pongs are passed on', async (t) => {
  const running = await startServer(t, { autoPong: true });
  const { client, webSocket } = await openWebSocket(running, 0);
  client.write(Buffer.concat([frame(PING), frame(PING, 'x'.repeat(125)), frame(PONG, 'mine')]));
  assert.equal(await takeFrame(client), '10 ');
  assert.equal(await takeFrame(client), `10 ${'x'.repeat(125)}`);
  assert.deepEqual(webSocket.events, []);
  webSocket.grant(4);
  assert.deepEqual(await webSocket.lines(1), ['pong mine']);
  // Nothing was taken from the answering side for it.
  assert.equal(webSocket.credits, webSocket.request.credits);
});

test('messages of one turn to one client leave in one write, and their credit comes back at once', async (t) => {
  const running = await startServer(t);
  const { client, webSocket } = await openWebSocket(running);
  const writes: number[] = [];
  client.socket.on('data', (chunk) => writes.push(chunk.length));
  const credits: number[] = [];
  webSocket.onResponseCredit = (bytes) => credits.push(bytes);
  for (let i = 0; i < 50; i++) webSocket.message(`${i % 10}`.repeat(10));
  webSocket.ping('p');
  for (let i = 0; i < 50; i++) assert.equal(await takeFrame(client), `1 ${`${i % 10}`.repeat(10)}`);
  assert.equal(await takeFrame(client), '9 p');
  assert.deepEqual([writes, credits], [[603], [501]]);
});

test('joined messages leave in the same bytes to all clients, each in its own frame', async (t) => {
  const running = await startServer(t);
  const messages = joined('one', 'two');
  const opened = [await openWebSocket(running), await openWebSocket(running)];
  const credits: number[] = [];
  for (const { webSocket } of opened) {
    webSocket.onResponseCredit = (bytes) => credits.push(bytes);
    webSocket.requester.onResponseJoined(messages);
  }
  for (const { client } of opened)
    assert.deepEqual([await takeFrame(client), await takeFrame(client)], ['1 one', '1 two']);
  assert.deepEqual([messages.frames?.toString('latin1'), credits], ['\x81\x03one\x81\x03two', [6, 6]]);
});

test('a client does not wait for another one that sends much', async (t) => {
  const running = await startServer(t);
  const one = await openWebSocket(running);
  const other = await openWebSocket(running);
  one.webSocket.message(Buffer.alloc(65_536));
  other.webSocket.message('x');
  assert.equal(await takeFrame(other.client), '1 x');
  assert.equal((await takeFrame(one.client)).length, 65_536 + 2);
});

test('a WebSocket that is paused is not read, and a close during the pause is passed on behind it', async (t) => {
  const running = await startServer(t, { pipelineBytes: 1_000 });
  const { client, webSocket } = await openWebSocket(running);
  webSocket.requester.pauseRequest(true);
  client.write(Buffer.concat(Array.from({ length: 2_000 }, () => frame(PING))));
  client.write(Buffer.concat([frame(TEXT, 'a'), frame(CLOSE, closeText(1000))]));
  assert.equal(await settled(() => webSocket.events.length), 0);
  webSocket.requester.pauseRequest(false);
  const lines = await webSocket.lines(2_002);
  assert.deepEqual(lines.slice(-3), ['ping', 'text a', 'close 1000']);
});

test('a pause ends when the responder closes', async (t) => {
  const running = await startServer(t);
  const { client, webSocket } = await openWebSocket(running);
  webSocket.requester.pauseRequest(true);
  client.write(frame(TEXT, 'a'));
  webSocket.close(1000);
  assert.equal(await takeFrame(client), `8 ${closeText(1000)}`);
  client.write(frame(CLOSE, closeText(1000)));
  assert.deepEqual(await webSocket.lines(1), ['close 1000']);
});
