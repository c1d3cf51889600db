import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { requirePeer } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { startApp } from '../support/running-app.ts';
import { startEventsOrigin } from '../support/websocket/events-origin.ts';

const SUBSCRIBE = 'c:{"type":"subscribe","channel":"room"}';

test('curl with ws:// gets the messages of an origin over HTTP, and what is published', async (t) => {
  const curl = requirePeer(t, 'curl');
  if (curl === null) return;
  const origin = await startEventsOrigin(t);
  const app = await startApp(t, [`* ${origin.address},over_http`]);
  const client = new Program(t, curl, ['-sSN', `ws://${app.address}/room`], { input: new PassThrough() });
  const opening = await origin.next();
  assert.equal(opening.body, 'OPEN\r\n');
  assert.match(opening.field('user-agent') ?? '', /^curl\//);
  opening.events(`OPEN\r\nTEXT ${SUBSCRIBE.length.toString(16)}\r\n${SUBSCRIBE}\r\nTEXT 9\r\nm:welcome\r\n`, {
    'Sec-WebSocket-Extensions': 'grip',
  });
  await client.output(/welcome/);
  await app.held();
  await app.post([{ channel: 'room', formats: { 'ws-message': { content: 'published' } } }]);
  await client.output(/welcomepublished/);
  await app.post([{ channel: 'room', formats: { 'ws-message': { action: 'close', code: 1000 } } }]);
  // curl also writes the payload of the close.
  assert.equal((await client.ended).stdout.slice(0, 'welcomepublished\x03'.length), 'welcomepublished\x03');
});
