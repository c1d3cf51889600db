import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRetryAfter } from '../../../../src/codec/fields/index.ts';

const NOW = Date.UTC(2026, 0, 1, 12);

for (const [value, seconds] of [
  [undefined, null],
  ['0', 0],
  ['120', 120],
  ['Thu, 01 Jan 2026 12:00:30 GMT', 30],
  ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
  ['', null],
  ['-1', null],
  ['1.5', null],
  ['soon', null],
  ['2026', 2026],
  ['2026-01-02', null],
  ['9'.repeat(400), null],
] as const) {
  test(`Retry-After: ${String(value).slice(0, 40)} is ${seconds === null ? 'no time' : `${seconds} s`}`, () => {
    assert.equal(parseRetryAfter(value, NOW), seconds);
  });
}
