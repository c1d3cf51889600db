import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeItem,
  decodeItems,
  encodeItem,
  encodeItemBehind,
  idTest,
  PublishError,
  parsePublishItem,
} from '../../../../src/codec/grip/index.ts';

const ITEMS = [
  { channel: 'a', formats: { 'http-stream': { content: 'x' } } },
  {
    channel: 'é\u0000"\ud800',
    id: '1',
    'prev-id': '0',
    'no-seq': true,
    size: 5,
    meta: JSON.parse('{"__proto__":"x","user":"ü"}'),
    formats: {
      'http-response': {
        code: 404,
        reason: 'No',
        headers: { 'X-A': 'é' },
        'expose-headers': ['X-B'],
        'body-patch': [{ op: 'add', path: '/a', value: JSON.parse('{"__proto__":[1]}') }],
      },
      'http-stream': { 'content-bin': Buffer.of(0, 255).toString('base64'), 'content-filters': ['skip-self'] },
      'ws-message': { content: 'ö', 'content-filters': [] },
    },
  },
  { channel: 'b', formats: { 'http-response': { action: 'hint' }, 'ws-message': { action: 'close', code: 4000 } } },
  { channel: 'c', formats: { 'ws-message': { action: 'refresh' } } },
];

test('items are read as they were written', () => {
  const items = ITEMS.map(parsePublishItem);
  assert.deepEqual(decodeItems(Buffer.concat(items.map(encodeItem))), items);
  assert.deepEqual(decodeItems(Buffer.alloc(0)), []);
});

test('an item is the same behind other bytes', () => {
  for (const item of ITEMS.map(parsePublishItem)) {
    const behind = encodeItemBehind(3, { ...item, number: 7 });
    assert.deepEqual(behind.subarray(3), encodeItem({ ...item, number: 7 }));
  }
});

test('the id of an item is found without reading it', () => {
  const ids = ['1', '10', '', 'é"\\', '\u2028'];
  const channel = 'é\u0000"';
  for (const id of ids) {
    const bytes = encodeItem(parsePublishItem({ channel, id, formats: { 'http-stream': { content: 'x' } } }));
    const found = ids.filter((each) => idTest(channel, each)(bytes));
    assert.deepEqual(found, [id]);
    assert.equal(idTest('other', id)(bytes), false);
    assert.equal(idTest(channel, id)(bytes.subarray(0, 14)), false);
  }
  const without = encodeItem(parsePublishItem({ channel, formats: { 'http-stream': { content: '"id":"1"' } } }));
  assert.equal(idTest(channel, '1')(without), false);
});

test('an item that is cut short is not read', () => {
  const bytes = encodeItem(parsePublishItem(ITEMS[1]));
  for (let length = 1; length < bytes.length; length++) {
    assert.throws(() => decodeItems(bytes.subarray(0, length)), PublishError);
  }
});

/** The bytes of an outline that `encodeItem` could have written, and of contents. */
function bytesOf(outline: unknown, contents = '', number = 0): Buffer {
  const text = Buffer.from(typeof outline === 'string' ? outline : JSON.stringify(outline));
  const head = Buffer.alloc(12);
  head.writeUInt32BE(text.length);
  head.writeDoubleBE(number, 4);
  return Buffer.concat([head, text, Buffer.from(contents, 'latin1')]);
}

test('an item is read only if it is what publishers may publish', () => {
  const response = { action: 'send', code: 200, reason: 'OK', headers: [], exposeHeaders: null, bodyPatch: null };
  const whole = { ...response, contentFilters: null, bytes: 1 };
  const message = { action: 'send', type: 'text', code: 1005, reason: '', contentFilters: null, bytes: 1 };
  const extras = { repeatKey: null, version: null, ttl: null, expires: 0 };
  const of = (fields: object, contents = 'x', number = 0): Buffer =>
    bytesOf({ channel: 'a', ...fields }, contents, number);
  const good = [
    of({ stream: 1 }),
    of({ response: whole }),
    of({ message }),
    of({ extras, stream: 1 }),
    of({ stream: 1 }, 'x', 7),
    of({ response: { ...whole, headers: ['A', 'b'], exposeHeaders: ['A'] } }),
    of({ message: { ...message, action: 'close', code: 4000, reason: 'x' } }),
  ];
  const bad = [
    ...['null', '1', '[]', '"a"', '{"channel":"a"', '\xff'].map((text) => bytesOf(text)),
    bytesOf(`{"channel":"a","response":${'['.repeat(2_000)}${']'.repeat(2_000)}}`),
    bytesOf({}),
    ...[1, null, {}, ['a']].map((channel) => bytesOf({ channel })),
    ...[-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY].map((number) => of({ stream: 1 }, 'x', number)),
    ...[1, null, {}, 'x'.repeat(1_025)].flatMap((id) => [of({ id, stream: 1 }), of({ prevId: id, stream: 1 })]),
    ...[1, [], null, { a: 1 }, { a: null }].map((meta) => of({ meta, stream: 1 })),
    of({ size: -1, stream: 1 }),
    of({ noSeq: 1, stream: 1 }),
    ...[1, [], {}, { ...extras, ttl: 0 }, { ...extras, version: '1' }, { ...extras, expires: null }].map((value) =>
      of({ extras: value, stream: 1 }),
    ),
    ...[{ key: 1, digest: '', index: 0 }, { key: 'a', digest: 'b' }, []].map((repeatKey) =>
      of({ extras: { ...extras, repeatKey }, stream: 1 }),
    ),
    of({ extras: { ...extras, retain: true }, stream: 1 }),
    ...[-1, 0.5, 2, '1', null, [], { action: 'send', contentFilters: null }].map((stream) => of({ stream })),
    of({ stream: { action: 'refresh', contentFilters: null, bytes: 1 } }),
    of({ stream: { action: 'send', contentFilters: [1], bytes: 1 } }),
    of({ stream: { action: 'send', bytes: 1 } }),
    of({ stream: 0 }),
    of({ response: 1 }),
    of({ response: { ...whole, action: 'close' } }),
    ...[-1, 1_000, '200'].map((code) => of({ response: { ...whole, code } })),
    of({ response: { ...whole, reason: 'a\r\nb' } }),
    ...[['A'], ['a b', 'c'], ['A', 'b\r\nSet-Cookie: c'], ['A', 1], { A: 'b' }, ['A', 'x'.repeat(65_536)]].map(
      (headers) => of({ response: { ...whole, headers } }),
    ),
    of({ response: { ...whole, exposeHeaders: 'A' } }),
    of({ response: { ...whole, bodyPatch: [] } }),
    of({ response: { ...whole, bytes: 0, bodyPatch: {} } }, ''),
    of({ message: { ...message, type: 'close' } }),
    of({ message: { ...message, action: 'hint' } }),
    of({ message: { ...message, code: 1006 } }),
    of({ message: { ...message, reason: 'x' } }),
    of({ message: { ...message, code: 4000, reason: 'x'.repeat(124) } }),
    of({ message: { ...message, type: 'ping', bytes: 126 } }, 'x'.repeat(126)),
    of({ message: 1 }, '\xff'),
    of({ message }, '\xff'),
  ];
  for (const bytes of good) assert.notEqual(decodeItem('a', bytes), null, bytes.toString('latin1'));
  for (const bytes of bad) {
    assert.throws(() => decodeItems(bytes), PublishError, bytes.toString('latin1'));
    assert.equal(decodeItem('a', bytes), null);
  }
});

test('an item of another channel, and one of several, is not that of the channel', () => {
  const bytes = encodeItem(parsePublishItem(ITEMS[0]));
  assert.equal(decodeItem('a', bytes)?.channel, 'a');
  assert.equal(decodeItem('b', bytes), null);
  assert.equal(decodeItem('a', Buffer.concat([bytes, bytes])), null);
  assert.equal(decodeItem('a', Buffer.alloc(0)), null);
});
