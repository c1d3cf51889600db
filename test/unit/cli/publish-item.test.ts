import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Action, type ItemOptions, publishItem } from '../../../src/cli/publish-item.ts';
import { parsePublishItems } from '../../../src/codec/grip/index.ts';

const response = { code: 200, headers: [] };
const send: Action = { kind: 'send', httpContent: Buffer.from('hello\n'), wsContent: Buffer.from('hello'), response };

const NO_EXTRAS = { idempotencyKey: '', version: null, ttl: null, retain: true };

function item(changes: Partial<ItemOptions>): unknown {
  const options = { channel: 'c', action: send, id: '', prevId: '', ...NO_EXTRAS, meta: [], noSeq: false, ...changes };
  const made = publishItem(options);
  // Whatever is made here, the server must be able to read.
  parsePublishItems(Buffer.from(JSON.stringify({ items: [made] })));
  return made;
}

const FORMATS = {
  'http-response': { code: 200, body: 'hello\n' },
  'http-stream': { content: 'hello\n' },
  'ws-message': { content: 'hello' },
};

test('content is published in all three formats', () => {
  assert.deepEqual(item({}), { channel: 'c', formats: FORMATS });
});

test('an item has the idempotency key, version, ttl and retain that are given', () => {
  const extras = { 'idempotency-key': 'k', version: 0, ttl: 60, retain: false };
  const given = item({ idempotencyKey: 'k', version: 0, ttl: 60, retain: false });
  assert.deepEqual(given, { channel: 'c', ...extras, formats: FORMATS });
});

test('code and headers go into the response of held requests', () => {
  const headers = [
    ['A', 'b'],
    ['A', 'c'],
  ] as const;
  assert.deepEqual(item({ action: { ...send, response: { code: 404, headers } } }), {
    channel: 'c',
    formats: {
      ...FORMATS,
      'http-response': {
        code: 404,
        headers: [
          ['A', 'b'],
          ['A', 'c'],
        ],
        body: 'hello\n',
      },
    },
  });
});

test('ids, metadata and no-seq are sent when they are given', () => {
  const meta = [['user', 'x']] as const;
  assert.deepEqual(item({ id: '2', prevId: '1', meta, noSeq: true }), {
    channel: 'c',
    id: '2',
    'prev-id': '1',
    formats: FORMATS,
    meta: { user: 'x' },
    'no-seq': true,
  });
});

test('a variable named __proto__ is a variable like any other', () => {
  const { meta } = item({ meta: [['__proto__', 'x']] }) as { meta: object };
  assert.deepEqual(Object.entries(meta), [['__proto__', 'x']]);
});

test('content that is not UTF-8 is sent in base64', () => {
  const bytes = Buffer.from([0xff, 0x00]);
  assert.deepEqual(item({ action: { ...send, httpContent: bytes, wsContent: bytes } }), {
    channel: 'c',
    formats: {
      'http-response': { code: 200, 'body-bin': '/wA=' },
      'http-stream': { 'content-bin': '/wA=' },
      'ws-message': { 'content-bin': '/wA=' },
    },
  });
});

test('a patch is for held responses only', () => {
  const patch = [{ op: 'remove', path: '/a' }];
  assert.deepEqual(item({ action: { kind: 'patch', patch, response } }), {
    channel: 'c',
    formats: { 'http-response': { code: 200, 'body-patch': patch } },
  });
});

test('a hint goes to all clients, a close to those with a stream or WebSocket', () => {
  assert.deepEqual(item({ action: { kind: 'hint' } }), {
    channel: 'c',
    formats: {
      'http-response': { action: 'hint' },
      'http-stream': { action: 'hint' },
      'ws-message': { action: 'hint' },
    },
  });
  assert.deepEqual(item({ action: { kind: 'close' } }), {
    channel: 'c',
    formats: { 'http-stream': { action: 'close' }, 'ws-message': { action: 'close' } },
  });
});
