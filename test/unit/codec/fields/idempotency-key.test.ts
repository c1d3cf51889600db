import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIdempotencyKey } from '../../../../src/codec/fields/index.ts';

test('a key is a string in quotes, or the same without', () => {
  assert.equal(parseIdempotencyKey('"8e03978e-40d5-43e8-bc93-6894a57f9324"'), '8e03978e-40d5-43e8-bc93-6894a57f9324');
  assert.equal(parseIdempotencyKey('8e03978e-40d5-43e8-bc93-6894a57f9324'), '8e03978e-40d5-43e8-bc93-6894a57f9324');
  assert.equal(parseIdempotencyKey('"a, \\"b\\" \\\\ c"'), 'a, "b" \\ c');
  assert.equal(parseIdempotencyKey("!#$%&'*+-.^_`|~:;/=?@[](){}<>"), "!#$%&'*+-.^_`|~:;/=?@[](){}<>");
});

test('anything else is none', () => {
  for (const value of [
    '',
    '""',
    '"',
    '"a',
    'a"',
    '"a"b',
    '"a";p=1',
    'a b',
    'a,b',
    '"a", "b"',
    '"\\a"',
    'a\\b',
    '"\x7f"',
    '"\t"',
    '"é"',
    'é',
  ])
    assert.equal(parseIdempotencyKey(value), null, value);
});
