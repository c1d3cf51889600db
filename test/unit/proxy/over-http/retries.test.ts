import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fieldValue } from '../../../../src/codec/fields/index.ts';
import { ExchangeError } from '../../../../src/exchange/index.ts';
import { type Opened, respond, Site } from '../support/over-http-site.ts';

/** Milliseconds that are enough for each of the five waits. */
const WAITS = [2_200, 3_200, 5_200, 9_200, 17_200];

/** Milliseconds that are not, since each is at least a second, two seconds and so on. */
const TOO_SHORT = [900, 1_900, 3_900, 7_900, 15_900];

const REFUSED = new ExchangeError('HF_ORIGIN_UNREACHABLE', 'connection refused');

/** A WebSocket whose client has sent a message, which the origin has not answered yet. */
function sent(t: TestContext): Opened & { readonly site: Site } {
  const site = new Site(t);
  const opened = site.open();
  opened.webSocket.onRequestMessage(Buffer.from('x'), true, false);
  assert.equal(site.posts.length, 2);
  return { ...opened, site };
}

test('a request that never reaches the origin is sent six times, alike but for its signature, then the client is dropped', (t) => {
  const { site, client } = sent(t);
  for (const [retry, wait] of WAITS.entries()) {
    site.posts.at(-1)?.onResponseError(REFUSED);
    site.advance(TOO_SHORT[retry] as number);
    assert.equal(site.posts.length, retry + 2);
    site.advance(wait - (TOO_SHORT[retry] as number));
    assert.equal(site.posts.length, retry + 3);
    site.take();
  }
  assert.equal(client.failure(), '');
  site.posts.at(-1)?.onResponseError(REFUSED);
  assert.equal(client.failure(), 'HF_ORIGIN_UNREACHABLE');
  site.advance(60_000);
  assert.equal(site.posts.length, 7);
  assert.deepEqual(
    site.bodies.slice(2),
    WAITS.map(() => 'TEXT 1\r\nx\r\n'),
  );
  assert.deepEqual(
    site.heads.map(({ headers }) => fieldValue(headers, 'grip-sig')),
    ['1', '2', '3', '4', '5', '6', '7'],
  );
  const [first, ...others] = site.heads.slice(1).map(({ headers }) => fieldValue(headers, 'connection-id'));
  for (const other of others) assert.equal(other, first);
});

test('a complete response begins the count of retries anew', (t) => {
  const { site, client, webSocket } = sent(t);
  for (let round = 0; round < 2; round++) {
    for (const wait of WAITS) {
      site.posts.at(-1)?.onResponseError(REFUSED);
      site.advance(wait);
    }
    respond(site.posts.at(-1), '');
    webSocket.onRequestMessage(Buffer.from('y'), true, false);
  }
  assert.equal(client.failure(), '');
});

test('a request whose body was not sent whole is sent again', (t) => {
  const { site, client } = sent(t);
  site.take(5);
  site.posts.at(-1)?.onResponseError(new ExchangeError('HF_ORIGIN_CLOSED'));
  site.advance(WAITS[0] as number);
  site.take();
  assert.deepEqual(site.bodies.slice(1), ['TEXT ', 'TEXT 1\r\nx\r\n']);
  assert.equal(client.failure(), '');
});

for (const code of ['HF_ORIGIN_UNREACHABLE', 'HF_ORIGIN_CONNECT_TIMEOUT', 'HF_ORIGIN_TLS'] as const) {
  test(`${code} leads to a retry, but not before the origin has accepted the WebSocket`, (t) => {
    const { site, client } = sent(t);
    site.posts.at(-1)?.onResponseError(new ExchangeError(code));
    site.advance(WAITS[0] as number);
    assert.equal(site.posts.length, 3);
    assert.equal(client.failure(), '');
    const { client: asking } = site.ask();
    site.posts.at(-1)?.onResponseError(new ExchangeError(code));
    assert.equal(asking.failure(), code);
    site.advance(WAITS[0] as number);
    assert.equal(site.posts.length, 4);
  });
}

for (const code of ['HF_ORIGIN_TIMEOUT', 'HF_ORIGIN_CLOSED', 'HF_ORIGIN_PROTOCOL', 'HF_ORIGIN_TRUNCATED'] as const) {
  test(`${code} after the whole request was sent drops the client, because the origin may have taken it`, (t) => {
    const { site, client } = sent(t);
    site.take();
    site.posts.at(-1)?.onResponseError(new ExchangeError(code));
    assert.equal(client.failure(), code);
    site.advance(60_000);
    assert.equal(site.posts.length, 2);
  });
}
