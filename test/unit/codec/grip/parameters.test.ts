import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  leadingText,
  listElements,
  parseParameters,
  trailingParameters,
} from '../../../../src/codec/grip/parameters.ts';

describe('listElements', () => {
  it('splits at commas, joins repeated fields and trims spaces and tabs', () => {
    assert.deepEqual(listElements(['a, b\t,c', ' d ']), ['a', 'b', 'c', 'd']);
  });

  it('keeps what is in quotes together', () => {
    assert.deepEqual(listElements(['k="a,b", l="\\",", m']), ['k="a,b"', 'l="\\","', 'm']);
  });

  it('takes the rest as one element when a quote is not closed', () => {
    assert.deepEqual(listElements(['a, b="c, d']), ['a', 'b="c, d']);
  });

  it('keeps empty elements before a comma and sees none after the last', () => {
    assert.deepEqual(listElements(['a,,b', ',c', 'd,', 'e, ']), ['a', '', 'b', '', 'c', 'd', 'e']);
    assert.deepEqual(listElements(['', ' ']), []);
  });

  it('takes no bytes of UTF-8 text for spaces', () => {
    assert.deepEqual(listElements(['\u00c3\u00a0, \u00a0b']), ['\u00c3\u00a0', '\u00a0b']);
  });
});

describe('leadingText', () => {
  it('is all before the first semicolon, trimmed and otherwise as it is', () => {
    assert.equal(leadingText(' a="b c" ; d=e'), 'a="b c"');
    assert.equal(leadingText('plain'), 'plain');
    assert.equal(leadingText('; x=y'), '');
  });
});

describe('trailingParameters', () => {
  it('reads names and values behind the first semicolon', () => {
    assert.deepEqual(trailingParameters('name; a=1;b = 2 ; c'), ['a', '1', 'b', '2', 'c', '']);
    assert.deepEqual(trailingParameters('name'), []);
    assert.deepEqual(trailingParameters('name;'), []);
  });

  it('reads quoted values with their escapes and ignores what follows the quote', () => {
    assert.deepEqual(trailingParameters('n; a="x;\\"y\\\\" z; b=""'), ['a', 'x;"y\\', 'b', '']);
  });

  it('takes a quote within a value as a character', () => {
    assert.deepEqual(trailingParameters('n; a=W/"1"; b=x"y'), ['a', 'W/"1"', 'b', 'x"y']);
  });

  it('keeps further equals signs', () => {
    assert.deepEqual(trailingParameters('n; a=b=c; =d'), ['a', 'b=c', '', 'd']);
  });

  it('is null when a quote is not closed', () => {
    assert.equal(trailingParameters('n; a="b'), null);
    assert.equal(trailingParameters('n; a="b\\"'), null);
    assert.equal(trailingParameters('n; a="'), null);
  });

  it('reads empty parameters as such', () => {
    assert.deepEqual(trailingParameters('n;; ;a=1;'), ['', '', '', '', 'a', '1']);
  });
});

describe('parseParameters', () => {
  it('reads the first pair too when started at the beginning', () => {
    assert.deepEqual(parseParameters('user="u 1"; x=y', 0), ['user', 'u 1', 'x', 'y']);
  });
});
