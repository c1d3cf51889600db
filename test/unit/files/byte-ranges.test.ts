import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRanges } from '../../../src/files/byte-ranges.ts';

const SIZE = 1_000;

/** The ranges as `START-END`, the end not included. */
function ranges(field: string, size = SIZE): string | null {
  const list = parseRanges(field, size);
  return list === null ? null : list.map(({ start, end }) => `${start}-${end}`).join(' ');
}

for (const [field, expected] of [
  ['bytes=0-0', '0-1'],
  ['bytes=0-499', '0-500'],
  ['bytes=500-', '500-1000'],
  ['bytes=-1', '999-1000'],
  ['bytes=-5000', '0-1000'],
  ['bytes=900-5000', '900-1000'],
  ['Bytes=0-1', '0-2'],
  ['bytes=0-99999999999999999999999999', '0-1000'],
  ['bytes= 0-1 ,\t5-6', '0-2 5-7'],
  ['bytes=0-1,,5-6,', '0-2 5-7'],
  ['bytes=5-6,0-1', '5-7 0-2'],
  ['bytes=0-1,2000-3000', '0-2'],
] as const) {
  test(`${field} is ${expected}`, () => {
    assert.equal(ranges(field), expected);
  });
}

for (const field of ['bytes=1000-', 'bytes=1000-2000', 'bytes=-0', 'bytes=99999999999999999999-']) {
  test(`${field} is in no file of 1,000 bytes`, () => {
    assert.equal(ranges(field), '');
  });
}

test('an empty file has no range', () => {
  for (const field of ['bytes=0-', 'bytes=-1', 'bytes=0-0']) assert.equal(ranges(field, 0), '');
});

for (const field of [
  '',
  'bytes',
  'bytes=',
  'bytes=,',
  'bytes=-',
  'bytes=1',
  'bytes=a-b',
  'bytes=1-0',
  'bytes=0 - 1',
  'bytes=+0-1',
  'bytes=0-1-2',
  'bytes=-1-',
  'bytes:0-1',
  'lines=0-1',
  'bytes =0-1',
  'bytes=0-1,x',
  'bytes=1e2-',
  'bytes=0x1-2',
]) {
  test(`${JSON.stringify(field)} is ignored`, () => {
    assert.equal(ranges(field), null);
  });
}

test('more than 32 ranges are ignored', () => {
  const list = (count: number) => `bytes=${Array.from({ length: count }, (_, i) => `${i}-${i}`).join(',')}`;
  assert.equal(parseRanges(list(32), SIZE)?.length, 32);
  for (const count of [33, 64, 65, 10_000]) assert.equal(parseRanges(list(count), SIZE), null);
  assert.equal(parseRanges(`bytes=0-1${','.repeat(10_000)}`, SIZE), null);
});

test('several ranges with more bytes than the file are ignored', () => {
  assert.equal(ranges('bytes=0-,0-'), null);
  assert.equal(ranges('bytes=0-499,500-999'), '0-500 500-1000');
  assert.equal(ranges('bytes=0-500,500-999'), null);
});
