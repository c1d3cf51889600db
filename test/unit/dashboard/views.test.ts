import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { changeText } from '../../../dashboard/src/views/change-text.ts';
import { contentsOf, withEnd } from '../../../dashboard/src/views/contents-of.ts';
import { itemOf } from '../../../dashboard/src/views/item-of.ts';
import { reasonsOf } from '../../../dashboard/src/views/reasons-of.ts';
import { ERRORS } from '../../../src/exchange/index.ts';

const REFERENCE = readFileSync(new URL('../../../docs/reference/errors.md', import.meta.url), 'utf8');

test('the page has a reason for each error of the catalogue', () => {
  const reasons = reasonsOf(REFERENCE);
  for (const [code, { cause }] of Object.entries(ERRORS)) {
    const reason = reasons.get(code);
    assert.equal(reason?.cause, cause, code);
    const text = reason?.parts.map((part) => part.text).join('') ?? '';
    assert.ok(text.length > 20, code);
    assert.doesNotMatch(text, /`|\]\(/, code);
  }
});

const FORM = { channel: 'a', content: 'x', asEvent: false, id: '', prevId: '', code: 200, type: '' } as const;

test('an item has what its format needs', () => {
  assert.deepEqual(itemOf({ ...FORM, format: 'ws-message' }), {
    channel: 'a',
    formats: { 'ws-message': { content: 'x' } },
  });
  assert.deepEqual(itemOf({ ...FORM, format: 'http-response', code: 204, id: '2', prevId: '1' }), {
    channel: 'a',
    id: '2',
    'prev-id': '1',
    formats: { 'http-response': { code: 204, headers: {}, body: 'x' } },
  });
});

test('each line of an event is data', () => {
  const item = itemOf({ ...FORM, format: 'http-stream', content: 'a\r\nb\n', asEvent: true });
  assert.deepEqual(item, {
    channel: 'a',
    formats: { 'http-stream': { content: 'data: a\ndata: b\ndata: \n\n' } },
  });
});

test('the contents of a tapped item say what they are', () => {
  assert.deepEqual(
    contentsOf({
      'http-stream': { action: 'send', text: 'hi', bytes: 2, cut: false },
      'ws-message': { action: 'binary', base64: 'AA==', bytes: 9_000, cut: true },
      'http-response': { action: 'hint', bytes: 0, cut: false },
    }),
    [
      { format: 'http-stream', content: 'hi', note: '' },
      { format: 'ws-message', content: 'AA==', note: 'binary, base64, the beginning of 9 KB' },
      { format: 'http-response', content: '', note: 'hint' },
    ],
  );
  assert.equal(withEnd('data: a\n\n'), 'data: a↵↵');
});

test('a change of a reload is one line', () => {
  assert.equal(changeText({ what: 'keys' }), 'keys');
  assert.equal(changeText({ what: 'hub.message_rate', from: 0, to: 5 }), 'hub.message_rate: 0 → 5');
  assert.equal(changeText({ what: 'log.file', to: '/a' }), 'log.file: none → /a');
  assert.equal(changeText({ what: 'routes', added: ['a', 'b'], removed: [] }), 'routes: added a, b, removed none');
});
