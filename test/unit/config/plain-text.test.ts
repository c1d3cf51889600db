import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'smol-toml';
import { isPlainText, shown } from '../../../src/config/plain-text.ts';

test('a message shows values in TOML notation, on one short line', () => {
  const { value } = parse('value = [1, 1.5, nan, true, "a\\n\\"b", [1], { a = 1 }, 1979-05-27]') as {
    value: unknown[];
  };
  assert.deepEqual(value.map(shown), ['1', '1.5', 'NaN', 'true', '"a\\n\\"b"', 'a list', 'a table', 'a date']);
  assert.equal(shown('x'.repeat(61)), `"${'x'.repeat(60)}…"`);
});

test('plain text has no control characters and no lone surrogates', () => {
  for (const text of ['', 'a b', 'ünïcode 🙂']) assert.ok(isPlainText(text), text);
  for (const text of ['a\nb', '\0', '\x7f', '\x9f', '\ud83d', '\ude42x'])
    assert.ok(!isPlainText(text), JSON.stringify(text));
});

test('a message does not show the user and password of a URL', () => {
  assert.equal(shown('http://user:p@ss@collector:4318/x@y'), '"http://…@collector:4318/x@y"');
  assert.equal(shown('a@b'), '"a@b"');
});
