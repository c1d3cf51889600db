import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PublishItem } from '../../../src/codec/grip/index.ts';
import { Endpoint } from './support.ts';

/** The item that a request publishes. */
function published(target: string, body: string | Buffer, headers: string[] = []): PublishItem {
  const endpoint = new Endpoint();
  assert.deepEqual(endpoint.post(target, body, headers).response, [200, 'Published\n']);
  const [items] = endpoint.publisher.calls;
  assert.ok(Array.isArray(items) && items.length === 1);
  return items[0];
}

/** Contents by format, and the headers of the response to a held request. */
function contentsOf({ httpResponse, httpStream, wsMessage }: PublishItem): unknown {
  return {
    response: httpResponse?.body.toString('latin1'),
    headers: httpResponse?.headers,
    stream: httpStream?.content.toString('latin1'),
    message: `${wsMessage?.type} ${wsMessage?.content.toString('latin1')}`,
  };
}

test('a text is the body of responses, the data of events and a text message', () => {
  const plain = { response: 'a\nb', headers: ['Content-Type', 'text/plain; charset=utf-8'], message: 'text a\nb' };
  for (const [target, headers, expected] of [
    ['/channels/c/message', [], { ...plain, stream: 'data: a\ndata: b\n\n' }],
    ['/channels/c/message/?event=news', [], { ...plain, stream: 'event: news\ndata: a\ndata: b\n\n' }],
    // As curl -d says of everything.
    [
      '/channels/c/message?stream=raw',
      ['Content-Type', 'application/x-www-form-urlencoded'],
      { ...plain, stream: 'a\nb' },
    ],
    [
      '/channels/c/message',
      ['Content-Type', 'application/problem+json; charset=utf-8'],
      {
        ...plain,
        headers: ['Content-Type', 'application/problem+json; charset=utf-8'],
        stream: 'data: a\ndata: b\n\n',
      },
    ],
  ] as const) {
    assert.deepEqual(contentsOf(published(target, 'a\nb', [...headers])), expected, target);
  }
  assert.deepEqual(
    published('/channels/c/message', '1\r\n2\r3\n').httpStream?.content.toString(),
    'data: 1\ndata: 2\ndata: 3\ndata: \n\n',
  );
});

test('anything else is binary, and no event', () => {
  const type = ['Content-Type', 'application/octet-stream'];
  const expected = { response: '\u00ff', headers: type, message: 'binary \u00ff' };
  const body = Buffer.of(0xff);
  assert.deepEqual(contentsOf(published('/channels/c/message', body, type)), { ...expected, stream: undefined });
  assert.deepEqual(contentsOf(published('/channels/c/message?stream=raw', body, type)), {
    ...expected,
    stream: '\u00ff',
  });
});

test('the query says more of the item, and the channel is decoded', () => {
  const item = published('/channels/a%2Fb%20%C3%A9/message?id=7&prev-id=6&ttl=60&retain=false', 'x', [
    'Idempotency-Key',
    '"k"',
  ]);
  assert.deepEqual(
    [item.channel, item.id, item.prevId, item.extras?.ttl, item.extras?.retain],
    ['a/b é', '7', '6', 60, false],
  );
  assert.ok(item.extras?.repeatKey?.key.endsWith('k'));
  assert.equal(published('/channels/c/message?version=3', '').extras?.version, 3);
});

test('what is not valid is refused with a reason, and counted', () => {
  for (const [target, body, headers, status, reason] of [
    ['/channels/c/message?ttl=0', 'x', [], 400, /ttl/],
    ['/channels/c/message?retain=no', 'x', [], 400, /retain/],
    ['/channels/c/message?other=1', 'x', [], 400, /other/],
    ['/channels/c/message?event=a%0Ab', 'x', [], 400, /one line/],
    ['/channels/c/message?id=1&id=2', 'x', [], 400, /twice/],
    ['/channels/c/message?version=1&prev-id=2', 'x', [], 400, /version/],
    ['/channels/c/message', Buffer.of(0xff), [], 400, /not UTF-8/],
    ['/channels/c/message', 'x', ['Idempotency-Key', 'a b'], 400, /Idempotency-Key/],
    ['/channels/%FF/message', 'x', [], 404, /Not Found/],
    ['/channels//message', 'x', [], 404, /Not Found/],
    ['/channels/a/b/message', 'x', [], 404, /Not Found/],
  ] as const) {
    const endpoint = new Endpoint();
    const [code, text] = endpoint.post(target, body as string, [...headers]).response;
    assert.equal(code, status, target);
    assert.match(text, reason);
    assert.equal(endpoint.publisher.calls.length, 0);
    assert.equal(endpoint.counters.publishesRefused, status === 404 ? 0 : 1, target);
  }
  const endpoint = new Endpoint(10);
  assert.equal(endpoint.post('/channels/c/message', 'x'.repeat(11)).response[0], 413);
  assert.equal(endpoint.request('GET', '/channels/c/message').response[0], 405);
});

test('a message is published in its turn, and tells its receivers and its cursor when asked', () => {
  const endpoint = new Endpoint();
  const headers = ['Prefer', 'return=representation'];
  const [status, text] = endpoint.post('/channels/abc/message?id=7', 'x', headers).response;
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(text).items, [{ channel: 'abc', id: '7', receivers: 3, cursor: null }]);
  const kept = endpoint.post('/channels/kept/message', 'x', headers).response;
  assert.deepEqual(JSON.parse(kept[1]).items, [{ channel: 'kept', receivers: 4, cursor: 'e-1' }]);
  endpoint.publisher.reused = 'abc';
  assert.equal(endpoint.post('/channels/abc/message', 'x', ['Idempotency-Key', '"k"']).response[0], 422);
});
