import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseInstruct } from '../../../src/codec/grip/index.ts';
import { GripContext } from '../../../src/grip-origin/grip-context.ts';

/** A context, and the fields of its response. */
function context(request: Readonly<Record<string, string>> = {}, proxied = true) {
  const fields = new Map<string, string>();
  const host = {
    field: (name: string) => request[name],
    setField: (name: string, value: string) => void fields.set(name, value),
  };
  return { grip: new GripContext(host, { proxied, signed: proxied }), fields };
}

/** What the proxy reads of the fields. */
function instruct(fields: ReadonlyMap<string, string>) {
  return parseInstruct(200, 'OK', [...fields].flat(), Buffer.alloc(0));
}

test('what holds a stream is what the proxy reads', () => {
  const { grip, fields } = context();
  grip.holdStream(['plain', { name: 'späß', prevId: 'a"b\\;', filters: ['skip-self', 'build-id'], since: 'e-1' }], {
    keepAlive: { content: ':\n\n', timeout: 20, mode: 'interval' },
    next: { url: '/stream?recover=true', timeout: 30 },
    gone: 'https://example.com/gone',
    meta: { user: 'a, "b"', other: 'ü' },
  });
  grip.setStatus(201, 'Made');
  const { hold, links, response } = instruct(fields);
  assert.deepEqual(
    hold?.channels.map(({ name, prevId, filters, since = null }) => [name, prevId, [...filters], since]),
    [
      ['plain', null, [], null],
      ['späß', 'a"b\\;', ['skip-self', 'build-id'], 'e-1'],
    ],
  );
  assert.equal(hold?.mode, 'stream');
  assert.deepEqual(hold?.keepAlive, { content: Buffer.from(':\n\n'), timeout: 20, mode: 'interval' });
  assert.deepEqual({ ...hold?.meta }, { user: 'a, "b"', other: 'ü' });
  assert.deepEqual(links, { next: { uri: '/stream?recover=true', timeout: 30 }, gone: 'https://example.com/gone' });
  assert.equal(response?.status, 201);
});

test('what holds a request is what the proxy reads', () => {
  const { grip, fields } = context();
  grip.holdResponse('c', { timeout: 90, gone: '/gone' });
  const { hold, links } = instruct(fields);
  assert.deepEqual([hold?.mode, hold?.timeout, links.gone], ['response', 90, '/gone']);
});

test('what a header cannot hold is refused, before any field is set', () => {
  const { grip, fields } = context();
  for (const name of ['', 'a,b', 'a;b', 'a"', 'a\r\nX: y', ' a']) assert.throws(() => grip.holdStream(name), TypeError);
  assert.throws(() => grip.holdStream([]), /no channel/);
  assert.throws(() => grip.holdStream({ name: 'c', filters: ['1', '2', '3', '4', '5', '6'] }), /more than 5 filters/);
  assert.throws(() => grip.holdStream({ name: 'c', prevId: 'a\nb' }), /control characters/);
  assert.equal(fields.size, 0);
  assert.throws(() => grip.holdStream('c', { next: '/a b' }), /not a URL/);
  assert.throws(() => grip.holdStream('c', { next: '/a>; rel=gone' }), /not a URL/);
  assert.throws(() => grip.holdResponse('c', { timeout: 1.5 }), /whole number/);
  assert.throws(() => grip.holdStream('c', { meta: { 'a=b': 'c' } }), /name of a variable/);
  assert.throws(() => grip.setStatus(99), /status/);
});

test('a request that did not come through a proxy cannot be held', () => {
  const { grip, fields } = context({}, false);
  assert.throws(() => grip.holdStream('c'), /did not come through a GRIP proxy/);
  assert.equal(fields.size, 0);
});

test('what the proxy says can be read', () => {
  const { grip } = context({
    'grip-feature': 'status, link:next,filter:skip-self',
    'grip-last': 'a; last-id=1, b; last-id=x=y, broken',
    'last-event-id': '17',
  });
  assert.deepEqual([...grip.features], ['status', 'link:next', 'filter:skip-self']);
  assert.deepEqual(
    [...grip.lastIds],
    [
      ['a', '1'],
      ['b', 'x=y'],
    ],
  );
  assert.equal(grip.lastEventId, '17');
});
