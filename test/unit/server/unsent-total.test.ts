import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startUnixServer } from '../../support/running-server.ts';
import { openWebSocket } from './raw-websocket.ts';
import { fillSocket } from './stalled-client.ts';

test('of the clients that read nothing only the one that holds the most is cut off', async (t) => {
  const running = await startUnixServer(t, { maxUnsentBytes: 100_000 });
  const one = await openWebSocket(running);
  await fillSocket(one);
  for (let i = 0; i < 20; i++) one.webSocket.message('');
  const held = running.server.unsent.bytes;
  assert.ok(held > 20 * 256 && held < 100_000, String(held));
  const other = await openWebSocket(running);
  await fillSocket(other);
  assert.equal((await one.webSocket.failed()).code, 'HF_CLIENT_STALLED');
  assert.equal(running.counters.clientsStalled, 1);
  assert.equal(other.webSocket.failure(), '');
  other.client.socket.resume();
  await other.webSocket.until(() => other.webSocket.credits === other.webSocket.request.credits);
  assert.equal(running.server.unsent.bytes, 0);
});

test('what a WebSocket holds counts no more when its client leaves', async (t) => {
  const running = await startUnixServer(t);
  const opened = await openWebSocket(running);
  await fillSocket(opened);
  assert.ok(running.server.unsent.bytes > 0);
  opened.client.socket.destroy();
  await opened.webSocket.failed();
  assert.equal(running.server.unsent.bytes, 0);
});
