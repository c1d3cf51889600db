import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { splitAddress } from '../../../../src/codec/zhttp/index.ts';

const split = (frame: string) => {
  const parts = splitAddress(Buffer.from(frame, 'latin1'));
  return parts && [parts.address, parts.payload.toString('latin1')];
};

describe('splitting off the address', () => {
  test('takes what stands before the first space', () => {
    assert.deepEqual(split('c1 T0:}'), ['c1', 'T0:}']);
    assert.deepEqual(split('c1  T a'), ['c1', ' T a']);
    assert.deepEqual(split(' T0:}'), ['', 'T0:}']);
    assert.deepEqual(split('\xe9 '), ['\xe9', '']);
  });

  test('finds none without a space', () => {
    assert.equal(split('T0:}'), null);
    assert.equal(split(''), null);
  });

  test('gives a view of the packet', () => {
    const frame = Buffer.from('c1 T0:}');
    assert.equal(splitAddress(frame)?.payload.buffer, frame.buffer);
  });
});
