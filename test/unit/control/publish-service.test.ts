import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { fieldValue } from '../../../src/codec/fields/index.ts';
import { ExchangeError, UNKNOWN_LENGTH, WINDOW } from '../../../src/exchange/index.ts';
import { TURN_ITEMS } from '../../../src/hub/items-publication.ts';
import { Endpoint } from './support.ts';

const ITEM = { channel: 'c', formats: { 'http-stream': { content: 'x' } } };
const BODY = JSON.stringify({ items: [ITEM] });
const TOO_LARGE = [413, 'Request body too large.\n'];

describe('POST /publish', () => {
  it('publishes the items and confirms as text', () => {
    const endpoint = new Endpoint();
    const { response, head } = endpoint.post('/publish/', BODY);
    assert.deepEqual(response, [200, 'Published\n']);
    assert.deepEqual(head?.headers, ['Content-Type', 'text/plain']);
    assert.equal(endpoint.publisher.calls.length, 1);
    const [items] = endpoint.publisher.calls;
    assert.ok(Array.isArray(items));
    assert.deepEqual([items.length, items[0].channel, items[0].httpStream.content.toString()], [1, 'c', 'x']);
    assert.equal(endpoint.counters.publishesRefused, 0);
    assert.deepEqual(endpoint.log.at('info'), []);
  });

  it('reads a bounded number of items in a turn, and accepts all or none', () => {
    const endpoint = new Endpoint();
    const items: object[] = Array.from({ length: 3 * TURN_ITEMS + 1 }, () => ITEM);
    assert.deepEqual(endpoint.post('/publish/', JSON.stringify({ items })).response, [200, 'Published\n']);
    // Three turns more to read them, and three to publish them.
    assert.equal(endpoint.publisher.turns, 6);
    assert.deepEqual(
      endpoint.publisher.calls.map((call) => call.length),
      [TURN_ITEMS, TURN_ITEMS, TURN_ITEMS, 1],
    );
    items[3 * TURN_ITEMS] = {};
    assert.equal(endpoint.post('/publish/', JSON.stringify({ items })).response[0], 400);
    assert.deepEqual([endpoint.publisher.turns, endpoint.publisher.calls.length], [9, 4]);
  });

  it('confirms once the items have their place among those of others', () => {
    const endpoint = new Endpoint();
    endpoint.publisher.unordered = [];
    const length = ['Content-Length', String(BODY.length)];
    const begin = () =>
      endpoint.begin({ method: 'POST', target: '/publish', headers: length, bodyLength: BODY.length });
    const [one, other] = [begin(), begin()];
    for (const { responder } of [one, other]) responder.onRequestData(Buffer.from(BODY), false);
    assert.equal(endpoint.publisher.calls.length, 2);
    assert.equal(one.requester.complete, false);
    other.responder.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
    for (const done of endpoint.publisher.unordered) done();
    assert.deepEqual(one.requester.response, [200, 'Published\n']);
    assert.equal(other.requester.complete, false);
  });

  it('publishes nothing for a publisher that leaves before all of its items are read', () => {
    const endpoint = new Endpoint();
    endpoint.publisher.busy = true;
    const body = JSON.stringify({ items: Array.from({ length: TURN_ITEMS + 1 }, () => ITEM) });
    const { responder } = endpoint.begin({
      method: 'POST',
      target: '/publish',
      headers: ['Content-Length', String(body.length)],
      bodyLength: body.length,
    });
    responder.onRequestData(Buffer.from(body), false);
    const [publication] = endpoint.publisher.waiting;
    assert.equal(publication?.onTurn(), false);
    responder.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
    assert.equal(publication?.onTurn(), true);
    assert.deepEqual([endpoint.publisher.waiting, endpoint.publisher.calls], [[], []]);
  });

  it('publishes all items of a publisher that leaves when some are published', () => {
    const endpoint = new Endpoint();
    endpoint.publisher.busy = true;
    const body = JSON.stringify({ items: Array.from({ length: TURN_ITEMS + 1 }, () => ITEM) });
    const { requester, responder } = endpoint.begin({
      method: 'POST',
      target: '/publish',
      headers: ['Content-Length', String(body.length)],
      bodyLength: body.length,
    });
    responder.onRequestData(Buffer.from(body), false);
    const [publication] = endpoint.publisher.waiting;
    assert.deepEqual([publication?.onTurn(), publication?.onTurn()], [false, false]);
    responder.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
    assert.equal(publication?.onTurn(), true);
    assert.deepEqual(
      endpoint.publisher.calls.map((call) => call.length),
      [TURN_ITEMS, 1],
    );
    assert.equal(requester.head, null);
  });

  it('accepts an item that has only an unknown format, and logs once that it reaches nobody', () => {
    const endpoint = new Endpoint();
    const item = { channel: 'c', formats: { fax: { content: 'x' } } };
    for (const items of [[ITEM], [ITEM, item], [item]]) {
      assert.deepEqual(endpoint.post('/publish/', JSON.stringify({ items })).response, [200, 'Published\n']);
    }
    const warnings = endpoint.log.at('warn');
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]?.message ?? '', /nothing receives it/);
  });

  it('accepts a missing slash at the end and any query', () => {
    const endpoint = new Endpoint();
    for (const target of ['/publish', '/publish/', '/publish?x=/y', '/publish/?']) {
      assert.deepEqual(endpoint.post(target, BODY).response, [200, 'Published\n'], target);
    }
    assert.equal(endpoint.publisher.calls.length, 4);
  });

  it('confirms as JSON if that is accepted', () => {
    const { response, head } = new Endpoint().post('/publish/', BODY, ['Accept', 'application/json']);
    assert.deepEqual(response, [200, '{"message":"Published"}\n']);
    assert.deepEqual(head?.headers, ['Content-Type', 'application/json']);
  });

  it('takes chunked bodies, whatever the chunks', () => {
    const endpoint = new Endpoint();
    for (const chunkBytes of [1, 7, BODY.length, 1000]) {
      assert.deepEqual(endpoint.postChunked('/publish/', BODY, chunkBytes).response, [200, 'Published\n']);
    }
    assert.equal(endpoint.publisher.calls.length, 4);
  });

  it('takes the end of a chunked body by itself', () => {
    const endpoint = new Endpoint();
    const { requester, responder } = endpoint.begin({ method: 'POST', target: '/publish', bodyLength: UNKNOWN_LENGTH });
    responder.onRequestData(Buffer.from(BODY), true);
    assert.equal(requester.complete, false);
    responder.onRequestData(Buffer.alloc(0), false);
    assert.deepEqual(requester.response, [200, 'Published\n']);
  });

  it('requests the body window by window', () => {
    const endpoint = new Endpoint();
    const { requester, responder } = endpoint.begin({ method: 'POST', target: '/publish', bodyLength: WINDOW * 3 });
    assert.equal(requester.granted, WINDOW);
    responder.onRequestData(Buffer.alloc(1000), true);
    assert.equal(requester.granted, WINDOW + 1000);
  });

  it('never requests more than the declared length', () => {
    const requester = new Endpoint().post('/publish', BODY);
    assert.equal(requester.granted, BODY.length);
    const large = JSON.stringify({ items: [], filler: 'x'.repeat(WINDOW * 3) });
    assert.equal(new Endpoint().post('/publish', large).granted, large.length);
  });

  it('refuses a bad body with its reason, counts and logs it, and publishes nothing of it', () => {
    const endpoint = new Endpoint();
    const cases: [string, string][] = [
      ['', 'Body is not valid JSON.'],
      ['{', 'Body is not valid JSON.'],
      ['[]', 'Invalid format.'],
      ['{}', "Invalid format: object does not contain 'items'"],
      [JSON.stringify({ items: [ITEM, {}] }), "Invalid format: publish item object does not contain 'channel'"],
      [JSON.stringify({ items: [{ channel: 'c', 'http-stream': { action: 'x' } }] }), 'Invalid format: '],
    ];
    for (const [body, reason] of cases) {
      const { response, head } = endpoint.post('/publish/', body, ['Accept', 'application/json']);
      assert.deepEqual(response, [400, `${reason}\n`]);
      assert.deepEqual(head?.headers, ['Content-Type', 'text/plain']);
      const record = endpoint.log.at('info').at(-1);
      assert.equal(record?.message, 'publish refused');
      assert.equal(record?.fields.reason, reason);
      assert.equal(record?.fields.id, '1-1');
    }
    assert.equal(endpoint.counters.publishesRefused, cases.length);
    assert.equal(endpoint.log.at('info').length, cases.length);
    assert.deepEqual(endpoint.publisher.calls, []);
  });

  it('refuses a body over the limit as soon as its length is known', () => {
    const endpoint = new Endpoint(100);
    const { requester } = endpoint.begin({ method: 'POST', target: '/publish', bodyLength: 101 });
    assert.deepEqual(requester.response, TOO_LARGE);
    assert.equal(requester.granted, 0);
    assert.equal(endpoint.counters.publishesRefused, 1);
  });

  it('takes a body of exactly the limit, 1,000,000 bytes by default', () => {
    const body = BODY + ' '.repeat(1_000_000 - BODY.length);
    const endpoint = new Endpoint();
    assert.deepEqual(endpoint.post('/publish', body).response, [200, 'Published\n']);
    assert.deepEqual(endpoint.postChunked('/publish', body, 50_000).response, [200, 'Published\n']);
    assert.equal(endpoint.begin({ method: 'POST', bodyLength: 1_000_001 }).requester.head?.status, 413);
    assert.deepEqual(endpoint.postChunked('/publish', `${body} `, 50_000).response, TOO_LARGE);
  });

  it('refuses a chunked body when it gets over the limit, and ignores the rest', () => {
    const endpoint = new Endpoint(100);
    const { requester, responder } = endpoint.begin({ method: 'POST', target: '/publish', bodyLength: UNKNOWN_LENGTH });
    assert.equal(requester.granted, 101);
    responder.onRequestData(Buffer.alloc(100), true);
    assert.equal(requester.complete, false);
    responder.onRequestData(Buffer.alloc(1), true);
    assert.deepEqual(requester.response, TOO_LARGE);
    responder.onRequestData(Buffer.alloc(1), false);
    assert.equal(endpoint.counters.publishesRefused, 1);
  });

  it('publishes nothing when the publisher leaves within the body', () => {
    const endpoint = new Endpoint();
    const { requester, responder } = endpoint.begin({ method: 'POST', target: '/publish', bodyLength: BODY.length });
    responder.onRequestData(Buffer.from(BODY).subarray(0, 10), true);
    responder.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
    responder.onRequestData(Buffer.from(BODY).subarray(10), false);
    assert.equal(requester.head, null);
    assert.deepEqual(endpoint.publisher.calls, []);
  });
});

describe('POST /recover', () => {
  it('recovers, with or without a body', () => {
    const endpoint = new Endpoint();
    assert.deepEqual(endpoint.post('/recover', '').response, [200, 'Updated\n']);
    assert.deepEqual(endpoint.post('/recover/', 'anything').response, [200, 'Updated\n']);
    const json = endpoint.post('/recover', '', ['Accept', 'application/*']);
    assert.deepEqual(json.response, [200, '{"message":"Updated"}\n']);
    assert.deepEqual(endpoint.publisher.calls, ['recover', 'recover', 'recover']);
  });

  it('recovers at the nodes that the query says, whatever else it has', () => {
    const endpoint = new Endpoint();
    for (const query of ['scope=node', 'scope=cluster', 'x=y'])
      assert.deepEqual(endpoint.post(`/recover?${query}`, '').response, [200, 'Updated\n']);
    assert.deepEqual(endpoint.publisher.calls, ['recover here', 'recover', 'recover']);
    const [status, text] = endpoint.post('/recover?scope=all', '').response;
    assert.equal(status, 400);
    assert.match(text, /^query: scope: /);
  });
});

describe('other requests', () => {
  it('get the probe at /', () => {
    const endpoint = new Endpoint();
    for (const method of ['GET', 'HEAD']) {
      const { response, head } = endpoint.request(method, '/', ['Accept', 'application/json']);
      assert.deepEqual(response, [200, 'Pushpin API\n']);
      assert.deepEqual(head?.headers, ['Content-Type', 'text/plain']);
    }
  });

  it('get a 404 for another path', () => {
    const endpoint = new Endpoint();
    for (const target of ['/publish/x', '/publish//', '/Publish', '*', '/recover/x', '/publishing']) {
      assert.deepEqual(endpoint.request('GET', target).response, [404, 'Not Found\n'], target);
    }
    assert.deepEqual(endpoint.post('/other', BODY).response, [404, 'Not Found\n']);
    assert.deepEqual([endpoint.counters.requestsRefused, endpoint.counters.publishesRefused], [7, 0]);
    assert.equal(endpoint.log.at('info').at(-1)?.message, 'control request refused');
  });

  it('get a 405 for another method', () => {
    const endpoint = new Endpoint();
    for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS']) {
      for (const target of ['/publish', '/publish/', '/recover']) {
        const { response, head } = endpoint.request(method, target);
        assert.deepEqual(response, [405, `Method not allowed: ${method}.\n`]);
        assert.deepEqual(head?.headers, ['Content-Type', 'text/plain', 'Allow', 'POST']);
      }
    }
    assert.equal(endpoint.request('PUT', '/publish', ['content-length', '0']).head?.status, 405);
  });

  it('get a 411 without a length first, for methods with a body', () => {
    const endpoint = new Endpoint();
    for (const method of ['POST', 'PUT', 'PATCH', 'BREW']) {
      for (const target of ['/publish', '/recover', '/', '/other']) {
        const { response } = endpoint.request(method, target, ['Accept', 'image/png']);
        assert.deepEqual(response, [411, 'Request requires Content-Length.\n']);
      }
    }
    assert.equal(endpoint.counters.publishesRefused, 1);
    assert.deepEqual(endpoint.publisher.calls, []);
  });

  it('get a 406 if neither text nor JSON is accepted, on any path', () => {
    const endpoint = new Endpoint();
    const text = 'Not Acceptable. Supported formats are text/plain and application/json.\n';
    for (const target of ['/', '/publish', '/other']) {
      assert.deepEqual(endpoint.request('GET', target, ['Accept', 'text/html']).response, [406, text]);
    }
    assert.deepEqual(endpoint.post('/publish', BODY, ['Accept', 'text/html']).response, [406, text]);
    assert.equal(endpoint.counters.publishesRefused, 1);
    assert.deepEqual(endpoint.publisher.calls, []);
  });
});

test('a publisher that waits for its turn while the broker goes away gets a 503', () => {
  const endpoint = new Endpoint();
  endpoint.publisher.busy = true;
  const body = '{"items":[{"channel":"a","http-stream":{"content":"x"}}]}';
  const waiting = endpoint.begin({
    method: 'POST',
    target: '/publish',
    headers: ['Content-Length', String(body.length)],
    bodyLength: body.length,
  });
  waiting.responder.onRequestData(Buffer.from(body), false);
  const [publication] = endpoint.publisher.waiting;
  assert.equal(waiting.requester.head, null);
  assert.equal(publication?.onAway?.(), true);
  assert.deepEqual(waiting.requester.response, [503, 'The broker of the cluster is away, try again later.\n']);
  assert.deepEqual(endpoint.publisher.calls, []);
});

test('other nodes are told what became of the items of a key only where that is known', () => {
  const endpoint = new Endpoint();
  const body = '{"items":[{"channel":"a","idempotency-key":"k","http-stream":{"content":"x"}}]}';
  assert.equal(endpoint.post('/publish', body).response[0], 200);
  endpoint.publisher.isKnown = false;
  assert.equal(endpoint.post('/publish', body).response[0], 503);
  assert.deepEqual(endpoint.publisher.settled, [true, false]);
});

test('an idempotency key is repeated in the response, and one that was used for other content gets a 422', () => {
  const endpoint = new Endpoint();
  const items = (channel: string) =>
    JSON.stringify({ items: [{ channel, formats: { 'http-stream': { content: 'x' } } }] });
  const key = ['Idempotency-Key', '"a b"'];
  const published = endpoint.post('/publish/', items('c'), key);
  assert.equal(published.head?.status, 200);
  assert.equal(fieldValue(published.head?.headers ?? [], 'idempotency-key'), '"a b"');
  endpoint.publisher.reused = 'reused';
  const refused = endpoint.post('/publish/', items('reused'), key);
  assert.deepEqual(refused.response, [422, 'The idempotency key of reused was used for other content.\n']);
  assert.equal(endpoint.publisher.calls.length, 1);
  assert.equal(endpoint.counters.publishesRefused, 1);
  const invalid = endpoint.post('/publish/', items('c'), ['Idempotency-Key', 'a b']);
  assert.match(invalid.response[1], /^Idempotency-Key has an invalid value/);
  assert.equal(endpoint.post('/recover', '', key).head?.status, 200, 'it says nothing of other requests');
});
