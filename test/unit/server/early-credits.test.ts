import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CreditedResponse } from '../../../src/exchange/index.ts';
import { startServer } from '../../support/running-server.ts';
import { handshake } from './raw-websocket.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('a body of several windows that is sent before the service returns arrives whole', async (t) => {
  const running = await startServer(t);
  running.script.onExchange = (exchange) => {
    const body = new CreditedResponse(exchange.requester, exchange.credits);
    exchange.onResponseCredit = (bytes) => body.credit(bytes);
    exchange.head({ bodyLength: 200_000 });
    // Small enough that the socket never asks its writer to wait.
    for (let left = 200; left > 0; left--) body.give(Buffer.alloc(1_000, 'x'), left === 1);
  };
  const client = await running.connect();
  client.write(GET);
  assert.equal((await client.takeResponse()).body.length, 200_000);
});

test('credits for messages that are sent before the service of a WebSocket returns are not lost', async (t) => {
  const running = await startServer(t);
  running.script.onWebSocket = (webSocket) => {
    webSocket.accept();
    for (let sent = 0; sent < 65_536; sent += 1_024) webSocket.message('x'.repeat(1_024));
  };
  const client = await running.connect();
  client.write(`${handshake()}\r\n`);
  const webSocket = await running.nextWebSocket();
  await webSocket.until(() => webSocket.credits === 65_536);
});
