import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJson } from '../../../../src/codec/grip/parse-json.ts';

function nested(levels: number): Buffer {
  return Buffer.from(`${'['.repeat(levels)}${']'.repeat(levels)}`);
}

test('JSON is read up to 1,000 levels deep', () => {
  assert.ok(Array.isArray(parseJson(nested(1_000))));
  assert.equal(parseJson(nested(1_001)), undefined);
  assert.equal(parseJson(Buffer.from(`${'{"a":'.repeat(1_001)}1${'}'.repeat(1_001)}`)), undefined);
});

test('what opens and is never closed is refused without being read', () => {
  assert.equal(parseJson(Buffer.from('['.repeat(900_000))), undefined);
});

test('levels one after another are not deep', () => {
  const text = `[${Array.from({ length: 2_000 }, () => '[{"a":[]}]').join()}]`;
  assert.equal((parseJson(Buffer.from(text)) as unknown[]).length, 2_000);
});

test('brackets in strings are text', () => {
  for (const value of ['['.repeat(3_000), `${'\\'.repeat(3)}"${'{'.repeat(3_000)}`, `"${'['.repeat(3_000)}\\`]) {
    assert.deepEqual(parseJson(Buffer.from(JSON.stringify([value, value]))), [value, value]);
  }
});

test('the value may be of any kind', () => {
  assert.deepEqual(parseJson(Buffer.from(' {"a": [1, "é"]} ')), { a: [1, 'é'] });
  assert.equal(parseJson(Buffer.from('null')), null);
});

for (const text of [
  '',
  ' ',
  '{',
  "{'a':1}",
  '{"a":1}x',
  'NaN',
  '\ufeff{}',
  '"'.padEnd(2_000, 'x'),
  `"${'\\"'.repeat(2_000)}`,
  '[1,]',
]) {
  test(`not JSON: ${text.slice(0, 10)}`, () => {
    assert.equal(parseJson(Buffer.from(text)), undefined);
  });
}

test('bytes that are not UTF-8 are not JSON', () => {
  assert.equal(parseJson(Buffer.from([0x22, 0xff, 0x22])), undefined);
});
