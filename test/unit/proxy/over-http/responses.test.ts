import assert from 'node:assert/strict';
import { test } from 'node:test';
import { respond, Site } from '../support/over-http-site.ts';

const CLOSE = 'CLOSE 2\r\n\x03\xe8\r\n';

/** Responds to the last request with bytes that are not text. */
function respondBytes(site: Site, body: string): void {
  const post = site.posts.at(-1);
  const headers = ['Content-Type', 'application/websocket-events'];
  post?.onResponse({ status: 200, reason: '', headers, bodyLength: body.length });
  post?.onResponseData(Buffer.from(body, 'latin1'), false);
}

test('an origin that opens the WebSocket and closes it at once has it opened first', (t) => {
  const site = new Site(t);
  const { client } = site.ask();
  respondBytes(site, `OPEN\r\n${CLOSE}`);
  assert.equal(client.head?.status, 101);
  assert.deepEqual(client.events, ['close 1000']);
});

for (const type of ['CLOSE', 'DISCONNECT']) {
  test(`what follows ${type} in a response is ignored`, (t) => {
    const site = new Site(t);
    const { client, webSocket } = site.open();
    webSocket.onRequestMessage(Buffer.from('x'), true, false);
    respondBytes(site, `${type === 'CLOSE' ? CLOSE : 'DISCONNECT\r\n'}TEXT 1\r\ny\r\nOPEN\r\n`);
    assert.deepEqual(client.events, type === 'CLOSE' ? ['close 1000'] : []);
    assert.equal(client.failure(), type === 'CLOSE' ? '' : 'HF_ORIGIN_CLOSED');
  });
}

test('a first response over 1,000,000 bytes is a failure', (t) => {
  const site = new Site(t);
  const { client } = site.ask();
  respond(site.posts.at(-1), 'x'.repeat(1_000_001));
  assert.equal(client.failure(), 'HF_GRIP_TOO_LARGE');
});

test('a refusal of any size reaches the client whole', (t) => {
  const site = new Site(t);
  const { client } = site.ask();
  const body = Buffer.alloc(20_000, 'x');
  site.posts.at(-1)?.onResponse({ status: 404, reason: '', headers: [], bodyLength: body.length });
  site.posts.at(-1)?.onResponseData(body, false);
  assert.equal(client.head?.status, 404);
  assert.equal(client.body.length, body.length);
});

/** The seconds after which an origin that has set this interval is asked again; null if it is not within a minute. */
function secondsUntilAsked(site: Site, before: number): number | null {
  for (let seconds = 1; seconds <= 60; seconds++) {
    site.advance(1_000);
    if (site.posts.length > before) return seconds;
  }
  return null;
}

for (const [value, seconds] of [
  ['1', 20],
  ['19', 20],
  ['30', 30],
  ['0', null],
  ['-5', null],
  ['soon', null],
  ['99999999', null],
] as const) {
  test(`with the Keep-Alive-Interval ${value} the origin is ${seconds === null ? 'not asked again' : `asked after ${seconds} s`}`, (t) => {
    const site = new Site(t);
    site.open('Keep-Alive-Interval', '25');
    site.advance(26_000);
    assert.equal(site.posts.length, 2);
    respond(site.posts.at(-1), '', 'Keep-Alive-Interval', value);
    const asked = secondsUntilAsked(site, 2);
    // A timer fires within a step after its time.
    assert.equal(asked === null ? null : asked - 1, seconds);
  });
}

test('without the field the Keep-Alive-Interval stays as it is', (t) => {
  const site = new Site(t);
  site.open('Keep-Alive-Interval', '25');
  for (let asked = 2; asked < 5; asked++) {
    site.advance(26_000);
    assert.equal(site.posts.length, asked);
    respond(site.posts.at(-1), '');
  }
});
