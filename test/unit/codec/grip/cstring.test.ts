import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeCstring } from '../../../../src/codec/grip/cstring.ts';

function text(cstring: string): string | undefined {
  return decodeCstring(cstring)?.toString('latin1');
}

describe('decodeCstring', () => {
  it('reads backslash, CR, LF and hexadecimal escapes', () => {
    assert.equal(text('a\\\\b\\r\\n\\x3b\\xFf\\x00'), 'a\\b\r\n;\xff\0');
  });

  it('leaves plain bytes as they are', () => {
    assert.equal(text('plain \u00e9'), 'plain \u00e9');
    assert.equal(text(''), '');
  });

  it('drops any other escaped character', () => {
    assert.equal(text('a\\tb\\"c\\0d'), 'abcd');
  });

  it('refuses incomplete and wrong hexadecimal escapes', () => {
    for (const cstring of ['\\x', '\\x1', '\\xg0', '\\x0g', '\\x 1', 'a\\x-1']) assert.equal(text(cstring), undefined);
  });

  it('refuses a backslash at the end', () => {
    assert.equal(text('abc\\'), undefined);
    assert.equal(text('abc\\\\'), 'abc\\');
  });
});
