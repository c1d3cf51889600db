import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePublishItems } from '../../../src/codec/grip/index.ts';
import { type Item, serverSentEvent } from '../../../src/publish-client/index.ts';
import { itemJson } from '../../../src/publish-client/item.ts';

/** What the server reads of an item. */
function read(content: Parameters<typeof itemJson>[1]) {
  const [item] = parsePublishItems(Buffer.from(JSON.stringify({ items: [itemJson('c', content)] })));
  assert.ok(item);
  return item;
}

test('text and bytes are content for all formats', () => {
  const text = read('é');
  assert.ok(text.httpStream?.action === 'send');
  assert.equal(text.httpStream.content.toString(), 'é');
  const bytes = read(Uint8Array.of(255, 0));
  assert.deepEqual(itemJson('c', Uint8Array.of(255, 0)).formats, {
    'http-response': { 'body-bin': '/wA=' },
    'http-stream': { 'content-bin': '/wA=' },
    'ws-message': { 'content-bin': '/wA=' },
  });
  assert.ok(bytes.wsMessage?.action === 'send');
  assert.equal(bytes.wsMessage.type, 'binary');
});

test('each format and action is what the server expects', () => {
  const all: readonly Item[] = [
    { httpResponse: { code: 201, reason: 'Made', headers: { A: 'b' }, body: 'x', contentFilters: ['build-id'] } },
    { httpResponse: { bodyPatch: [{ op: 'add', path: '/-', value: 1 }] } },
    { httpResponse: { action: 'hint' }, httpStream: { action: 'hint' } },
    { httpStream: { action: 'close' }, wsMessage: { action: 'close', code: 4000, reason: 'bye' } },
    { wsMessage: { action: 'refresh' } },
    { wsMessage: { type: 'ping' } },
    { httpStream: 'x', id: '2', prevId: '1', meta: { sender: 'me' }, noSeq: true },
  ];
  for (const item of all) assert.equal(read(item).channel, 'c');
  assert.deepEqual(itemJson('c', all[6] as Item), {
    channel: 'c',
    id: '2',
    'prev-id': '1',
    formats: { 'http-stream': { content: 'x' } },
    meta: { sender: 'me' },
    'no-seq': true,
  });
});

test('an item without a channel or a format is refused', () => {
  assert.throws(() => itemJson('', 'x'), /the channel has no name/);
  assert.throws(() => itemJson('c', {}), /no format: give httpResponse, httpStream or wsMessage/);
});

test('an event of a stream is one event, whatever its data is', () => {
  assert.equal(serverSentEvent({ data: 'a\nb\r\nc' }), 'data: a\ndata: b\ndata: c\n\n');
  assert.equal(serverSentEvent({ event: 'e', id: '1', retry: 5, data: '' }), 'event: e\nid: 1\nretry: 5\ndata: \n\n');
  assert.throws(() => serverSentEvent({ event: 'a\nid: 2', data: '' }), /line end/);
  assert.throws(() => serverSentEvent({ id: 'a\0', data: '' }), /line end or a NUL/);
});
