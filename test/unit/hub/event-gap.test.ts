import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventGap, MAX_EVENT_GAP } from '../../../src/hub/event-gap.ts';

test('the channels of a gap are a list in JSON of ASCII characters', () => {
  assert.equal(eventGap([]), '[]');
  assert.equal(eventGap(['a', 'é"\n']), '["a","\\u00e9\\"\\n"]');
});

test('names that have no room in the field are left out', () => {
  const names = Array.from({ length: 1_000 }, (_, i) => `channel ${i}`);
  const value = eventGap([...names.slice(0, 5), 'x'.repeat(MAX_EVENT_GAP), ...names.slice(5)]);
  assert.ok(value.length <= MAX_EVENT_GAP && value.length > MAX_EVENT_GAP - 20);
  const list = JSON.parse(value) as string[];
  assert.deepEqual(list, names.slice(0, list.length));
});
