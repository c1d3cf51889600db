import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { eventually, type RunningApp, startApp } from '../../support/running-app.ts';
import { type OriginPeer, startOrigin } from '../../support/scripted-origin.ts';
import { startEventsOrigin } from '../../support/websocket/events-origin.ts';

const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** Lets the client leave by FIN, and waits until its connection is gone. */
async function leave(app: RunningApp, client: OriginPeer): Promise<void> {
  client.end();
  await client.closed;
  await eventually(() => app.counters.connectionsOpen === 0);
}

async function handshake(t: TestContext, app: RunningApp): Promise<OriginPeer> {
  const client = await app.client.connect(t);
  client.write(HANDSHAKE);
  return client;
}

test('a client that sends FIN while an origin has not accepted its WebSocket ends the connection to the origin', async (t) => {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port}`]);
  const client = await handshake(t, app);
  const origin = await scripted.accept();
  await origin.received();
  await leave(app, client);
  await origin.closed;
});

test('a client that sends FIN while OPEN has no response ends that request', async (t) => {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port},over_http`]);
  const client = await handshake(t, app);
  const origin = await scripted.accept();
  await origin.received('OPEN');
  await leave(app, client);
  await origin.closed;
});

test('a client that sends FIN while its origin defers to accept is polled for no more', async (t) => {
  const origin = await startEventsOrigin(t);
  const app = await startApp(t, [`* ${origin.address},over_http`], { proxy: { overHttpMinKeepAlive: 0.1 } });
  const client = await handshake(t, app);
  (await origin.next()).events('', { 'Keep-Alive-Interval': '1' });
  const poll = await origin.next();
  assert.equal(poll.body, 'OPEN\r\n');
  const ended = once(poll.request.socket, 'close');
  await leave(app, client);
  await ended;
});
