import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compact, ownCopy } from '../../../src/exchange/index.ts';

test('a small remainder of a large read does not keep the read in memory', () => {
  const read = Buffer.allocUnsafeSlow(65_536);
  assert.equal(compact(read.subarray(65_530)).buffer.byteLength, 6);
  assert.equal(compact(read.subarray(100)).buffer, read.buffer);
});

test('a copy of its own keeps no other memory alive', () => {
  const read = Buffer.from('abcdef');
  const copy = ownCopy(read.subarray(1, 3));
  assert.deepEqual([copy.toString(), copy.buffer.byteLength], ['bc', 2]);
});
