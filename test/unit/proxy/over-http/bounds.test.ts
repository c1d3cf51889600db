import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeError } from '../../../../src/exchange/index.ts';
import { MAX_PARTINGS } from '../../../../src/proxy/over-http/over-http-websocket.ts';
import { respond, Site } from '../support/over-http-site.ts';

const GONE = new ExchangeError('HF_CLIENT_GONE');

test('an origin is told of so many clients that leave at once, and of no more', (t) => {
  const site = new Site(t);
  const opened = Array.from({ length: MAX_PARTINGS + 10 }, () => site.open());
  const before = site.posts.length;
  for (const { webSocket } of opened) webSocket.onRequestError(GONE);
  assert.equal(site.posts.length - before, MAX_PARTINGS);
  assert.equal(site.counters.partingsDropped, 10);
  const next = site.open();
  respond(site.posts[before], '');
  next.webSocket.onRequestError(GONE);
  assert.equal(site.counters.partingsDropped, 10);
});

test('an origin that does not respond when it is told that a client has left is not waited for longer than 10 s', (t) => {
  const site = new Site(t);
  site.open().webSocket.onRequestError(GONE);
  site.advance(9_900);
  assert.equal(site.cancelled, 0);
  site.advance(200);
  assert.equal(site.cancelled, 1);
  assert.equal(site.held.bytes, 0);
});

test('what waits for origins is counted, until it has been accepted or its client has left', (t) => {
  const site = new Site(t);
  const { webSocket } = site.open();
  assert.equal(site.held.bytes, 0);
  webSocket.onRequestMessage(Buffer.alloc(1_000), true, false);
  // The message and the request.
  assert.ok(site.held.bytes > 2_000);
  webSocket.onRequestMessage(Buffer.alloc(0), true, false);
  webSocket.onRequestMessage(Buffer.alloc(500), true, true);
  respond(site.posts.at(-1), '', 'Content-Bytes-Accepted', '999');
  respond(site.posts.at(-1), '');
  assert.equal(site.held.bytes, 500);
  webSocket.onRequestMessage(Buffer.alloc(0), true, false);
  respond(site.posts.at(-1), '');
  assert.equal(site.held.bytes, 0);
  webSocket.onRequestMessage(Buffer.alloc(1_000), true, false);
  webSocket.onRequestError(GONE);
  respond(site.posts.at(-1), '');
  respond(site.posts.at(-1), '');
  assert.equal(site.held.bytes, 0);
});

test('a WebSocket that its origin refuses holds nothing', (t) => {
  const site = new Site(t);
  const { client } = site.ask();
  assert.ok(site.held.bytes > 0);
  site.posts.at(-1)?.onResponse({ status: 403, reason: '', headers: [], bodyLength: 0 });
  site.posts.at(-1)?.onResponseData(Buffer.alloc(0), false);
  assert.equal(client.head?.status, 403);
  assert.equal(site.held.bytes, 0);
});

test('beyond the total the WebSockets end that hold the most', async (t) => {
  const site = new Site(t, 1_000_000);
  const opened = Array.from({ length: 5 }, () => site.open());
  for (const [i, { webSocket }] of opened.entries()) {
    webSocket.onRequestMessage(Buffer.alloc(60_000 + 10_000 * i), true, false);
    webSocket.onRequestMessage(Buffer.alloc(60_000 + 10_000 * i), true, false);
  }
  await new Promise(setImmediate);
  const ended = opened.map(({ client }) => client.failure());
  assert.ok(site.held.bytes <= 750_000);
  assert.deepEqual([ended[0], ended[4]], ['', 'HF_ORIGIN_TIMEOUT']);
});

test('what waits for an origin keeps nothing of the buffer that it came in', (t) => {
  const site = new Site(t);
  const { webSocket } = site.open();
  const read = Buffer.from('message and what came with it');
  webSocket.onRequestMessage(read.subarray(0, 7), true, false);
  webSocket.onRequestMessage(read.subarray(8, 11), true, false);
  webSocket.onRequestPing(read.subarray(12, 16));
  webSocket.onRequestPong(read.subarray(17, 21));
  read.fill('-');
  respond(site.posts.at(-1), '', 'Content-Bytes-Accepted', '0');
  site.take();
  const events = ['TEXT 7', 'message', 'TEXT 3', 'and', 'PING 4', 'what', 'PONG 4', 'came', ''];
  assert.deepEqual(site.bodies.at(-1)?.split('\r\n'), events);
});
