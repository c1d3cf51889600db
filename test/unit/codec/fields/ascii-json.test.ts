import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asciiJson } from '../../../../src/codec/fields/index.ts';

test('JSON for a field has no character that a field cannot carry, and the same value', () => {
  const value = { 'é\u007f': ['a b', '\u2028', '💡', '\ud800', '\n"\\'], n: 1.5 };
  const text = asciiJson(value);
  assert.match(text, /^[ -~]*$/);
  assert.deepEqual(JSON.parse(text), value);
  assert.equal(asciiJson('é'), '"\\u00e9"');
});
