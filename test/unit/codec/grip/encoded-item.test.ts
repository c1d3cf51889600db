import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeItems, encodeItem, idTest, parsePublishItem } from '../../../../src/codec/grip/index.ts';

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
    assert.throws(() => decodeItems(bytes.subarray(0, length)), /RangeError|SyntaxError|ERR_/);
  }
});
