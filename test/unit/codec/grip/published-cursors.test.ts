import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishedCursors } from '../../../../src/codec/grip/index.ts';

test('the cursors of items are in the answer to their publisher, and in no other', () => {
  const items = [{ cursor: 'e-1' }, { cursor: null }, {}, null, { cursor: 7 }, { cursor: 'e-2' }];
  assert.deepEqual(publishedCursors(JSON.stringify({ items })), ['e-1', null, null, null, null, 'e-2']);
  for (const other of ['Published\n', '', 'null', '7', '{}', '{"items":{}}', '{"items":['])
    assert.deepEqual(publishedCursors(other), []);
});
