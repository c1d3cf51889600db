import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeHeaderText, encodeHeaderText } from '../../../../src/codec/grip/header-text.ts';

describe('header text', () => {
  it('passes ASCII through', () => {
    assert.equal(encodeHeaderText('a b\t;'), 'a b\t;');
    assert.equal(decodeHeaderText('a b\t;'), 'a b\t;');
  });

  it('carries other characters as the latin1 form of their UTF-8 bytes', () => {
    assert.equal(encodeHeaderText('é€😀'), '\u00c3\u00a9\u00e2\u0082\u00ac\u00f0\u009f\u0098\u0080');
    assert.equal(decodeHeaderText('\u00c3\u00a9\u00e2\u0082\u00ac\u00f0\u009f\u0098\u0080'), 'é€😀');
  });

  it('replaces what has no encoding', () => {
    assert.equal(encodeHeaderText('\ud800'), '\u00ef\u00bf\u00bd');
    assert.equal(decodeHeaderText('a\u00ff'), 'a\ufffd');
  });
});
