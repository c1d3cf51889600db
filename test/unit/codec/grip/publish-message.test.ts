import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PublishError, parsePublishMessage } from '../../../../src/codec/grip/index.ts';
import { encode } from '../../../../src/codec/tnetstring/index.ts';

const ITEM = { channel: 'c', formats: { 'http-stream': { content: 'x' } } };

function refuses(message: Buffer | string, text: string): void {
  assert.throws(
    () => parsePublishMessage(Buffer.from(message as string), null),
    (error) => error instanceof PublishError && error.message === text,
  );
}

test('an item is JSON after J, a tnetstring after T, or a tnetstring alone', () => {
  for (const message of [
    Buffer.from(`J${JSON.stringify(ITEM)}`),
    encode(ITEM),
    Buffer.concat([Buffer.from('T'), encode(ITEM)]),
  ]) {
    const { channel, httpStream } = parsePublishMessage(message, null);
    assert.equal(channel, 'c');
    assert.equal(httpStream?.content.toString(), 'x');
  }
});

test('the channel of the message counts, whatever the item says', () => {
  assert.equal(parsePublishMessage(encode(ITEM), 'other').channel, 'other');
  assert.equal(parsePublishMessage(encode({ formats: ITEM.formats }), 'other').channel, 'other');
});

test('bodies and contents of a tnetstring are raw bytes, also under their -bin names and without formats', () => {
  const bytes = Buffer.from([0xff, 0, 0xfe]);
  for (const key of ['content', 'content-bin']) {
    const item = parsePublishMessage(encode({ channel: 'c', 'http-stream': { [key]: bytes } }), null);
    assert.deepEqual(item.httpStream?.content, bytes);
  }
  for (const key of ['body', 'body-bin']) {
    const item = parsePublishMessage(encode({ channel: 'c', formats: { 'http-response': { [key]: bytes } } }), null);
    assert.deepEqual(item.httpResponse?.body, bytes);
  }
});

test('bytes do not keep the message', () => {
  const message = encode(ITEM);
  const { httpStream } = parsePublishMessage(message, null);
  message.fill(0);
  assert.equal(httpStream?.content.toString(), 'x');
});

test('members named content inside a patch are text', () => {
  const patch = [{ op: 'add', path: '/a', value: { content: 'x', body: 'y' } }];
  const message = encode({ channel: 'c', formats: { 'http-response': { 'body-patch': patch } } });
  const { httpResponse } = parsePublishMessage(message, null);
  assert.equal(JSON.stringify(httpResponse?.bodyPatch), JSON.stringify(patch));
});

test('what is no item is refused with the reason', () => {
  refuses('J{', 'Message is not valid JSON.');
  refuses('J[]', 'Invalid format: publish item object is not an object');
  refuses(encode('text'), 'Invalid format: publish item object is not an object');
  refuses(encode({ channel: 'c' }), 'Invalid format: no formats specified');
  refuses(encode({ channel: Buffer.from([0xff]) }), 'Invalid format: text that is not UTF-8');
  assert.throws(
    () => parsePublishMessage(Buffer.from('5:abc'), null),
    /^PublishError: Message is not a valid tnetstring: /,
  );
  assert.throws(() => parsePublishMessage(Buffer.alloc(0), null), PublishError);
});
