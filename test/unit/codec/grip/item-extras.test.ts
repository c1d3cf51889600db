import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeItems,
  encodeItem,
  PublishError,
  PublishItemsReader,
  parsePublishItem,
  parsePublishMessage,
} from '../../../../src/codec/grip/index.ts';
import { MAX_KEY_BYTES } from '../../../../src/codec/grip/item-extras.ts';
import { encode } from '../../../../src/codec/tnetstring/index.ts';

const ITEM = { channel: 'c', formats: { 'http-stream': { content: 'x' } } };

function keyOf(item: object) {
  return parsePublishItem({ ...ITEM, ...item }).extras?.repeatKey;
}

function refusal(item: object): string {
  try {
    parsePublishItem({ ...ITEM, ...item });
  } catch (error) {
    assert.ok(error instanceof PublishError);
    return error.message;
  }
  return assert.fail('taken');
}

test('an item without extras has none, and those of others go to other processes', () => {
  assert.equal(parsePublishItem(ITEM).extras, null);
  const item = parsePublishItem({ ...ITEM, 'idempotency-key': 'k\0\ud800é', version: 7, ttl: 60 });
  assert.equal(item.extras?.version, 7);
  assert.equal(item.extras?.ttl, 60);
  assert.equal(item.extras?.expires, 0);
  assert.deepEqual(decodeItems(encodeItem(item)), [item]);
});

test('an item may say that it is not kept, and says so in other processes', () => {
  const item = parsePublishItem({ ...ITEM, retain: false });
  assert.equal(item.extras?.retain, false);
  assert.deepEqual(decodeItems(encodeItem(item)), [item]);
  assert.equal(parsePublishItem({ ...ITEM, retain: true }).extras, null);
  assert.match(refusal({ retain: 'no' }), /retain/);
});

test('a key belongs to its channel, and its digest to all of the content', () => {
  const first = keyOf({ 'idempotency-key': 'k' });
  assert.deepEqual(keyOf({ 'idempotency-key': 'k' }), first);
  assert.equal(keyOf({ 'idempotency-key': 'l' })?.digest, first?.digest);
  assert.notEqual(keyOf({ 'idempotency-key': 'k', channel: 'd' })?.key, first?.key);
  assert.notEqual(keyOf({ 'idempotency-key': '1', channel: 'c1' })?.key, keyOf({ 'idempotency-key': '11' })?.key);
  const others = [
    { formats: { 'http-stream': { content: 'y' } } },
    { formats: { 'http-response': { body: 'x' } } },
    { id: '1' },
    { meta: { a: 'b' } },
    { version: 1 },
    { ttl: 1 },
    { 'no-seq': true },
  ];
  for (const other of others) {
    const { key, digest } = keyOf({ 'idempotency-key': 'k', ...other }) ?? assert.fail();
    assert.equal(key, first?.key);
    assert.notEqual(digest, first?.digest, JSON.stringify(other));
  }
  const bytes = encode({ channel: 'c', 'idempotency-key': 'k', formats: { 'http-stream': { content: 'x' } } });
  assert.deepEqual(parsePublishMessage(bytes, null).extras?.repeatKey, first, 'the same over ZeroMQ');
});

test('the items of a request with a key have its key, unless they have their own', () => {
  const body = Buffer.from(JSON.stringify({ items: [ITEM, { ...ITEM, 'idempotency-key': 'own' }, ITEM] }));
  const keys = (bytes: Buffer) => {
    const reader = new PublishItemsReader(bytes, 'r');
    assert.equal(reader.read(2), false);
    assert.equal(reader.read(2), true);
    return reader.items.map(({ extras }) => extras?.repeatKey);
  };
  const [first, own, last] = keys(body);
  assert.deepEqual([first?.index, own?.index, last?.index], [0, 0, 2]);
  assert.equal(last?.key, first?.key);
  assert.equal(last?.digest, first?.digest);
  assert.deepEqual(own, keyOf({ 'idempotency-key': 'own' }));
  const [other] = keys(Buffer.concat([body, Buffer.from(' ')]));
  assert.equal(other?.key, first?.key);
  assert.notEqual(other?.digest, first?.digest);
});

test('what is no key, version or ttl is refused by name', () => {
  const longest = 'é'.repeat(MAX_KEY_BYTES / 2);
  assert.ok(keyOf({ 'idempotency-key': longest }));
  for (const key of ['', `${longest}x`, 'x'.repeat(100_000)])
    assert.match(refusal({ 'idempotency-key': key }), /'idempotency-key' with invalid value/);
  for (const key of [1, null, ['k'], {}])
    assert.match(refusal({ 'idempotency-key': key }), /'idempotency-key' with wrong type/);
  assert.equal(parsePublishItem({ ...ITEM, version: 0 }).extras?.version, 0);
  assert.equal(parsePublishItem({ ...ITEM, version: '123' }).extras?.version, 123);
  assert.equal(parsePublishItem({ ...ITEM, version: 9_007_199_254_740_991 }).extras?.version, 9_007_199_254_740_991);
  for (const version of [-1, 9_007_199_254_740_992]) assert.match(refusal({ version }), /'version' with/);
  for (const version of [1.5, 'x', null]) assert.match(refusal({ version }), /'version' with wrong type/);
  assert.match(refusal({ version: 1, 'prev-id': 'a' }), /'version' with invalid value/);
  for (const ttl of [0, -1, 31_536_001]) assert.match(refusal({ ttl }), /'ttl' with/);
  for (const ttl of [0.5, '1s', true]) assert.match(refusal({ ttl }), /'ttl' with wrong type/);
});

test('keys that are not UTF-8 in a tnetstring are refused', () => {
  const bytes = encode({
    channel: 'c',
    'idempotency-key': Buffer.of(0xff),
    formats: { 'http-stream': { content: 'x' } },
  });
  assert.throws(() => parsePublishMessage(bytes, null), /not UTF-8/);
});
