import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { integerOf, parseInteger } from '../../../../src/codec/grip/integers.ts';

describe('parseInteger', () => {
  it('reads decimal digits with an optional sign', () => {
    assert.equal(parseInteger('55'), 55);
    assert.equal(parseInteger('+5'), 5);
    assert.equal(parseInteger('-1'), -1);
    assert.equal(parseInteger('007'), 7);
  });

  it('takes nothing else', () => {
    for (const text of ['', ' 1', '1 ', '1.0', '1e3', '0x10', '--1', '1s', '1234567890123456', 'NaN']) {
      assert.equal(parseInteger(text), null, text);
    }
  });
});

describe('integerOf', () => {
  it('takes integers and strings that hold one', () => {
    assert.equal(integerOf(200), 200);
    assert.equal(integerOf('200'), 200);
  });

  it('takes no other value', () => {
    for (const value of [1.5, Number.NaN, 2 ** 53, true, null, undefined, [], {}, 'x']) {
      assert.equal(integerOf(value), null, String(value));
    }
  });
});
