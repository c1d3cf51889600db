import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RestartDelay } from '../../../src/app/restart-delay.ts';

test('a process that served for long is replaced soon; while replacements fail, each waits twice as long, up to 30 s', () => {
  const delay = new RestartDelay();
  assert.equal(delay.next(3_600_000), 500);
  const waits = Array.from({ length: 9 }, () => delay.next(0));
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  assert.equal(delay.next(9_999), 30_000);
  assert.equal(delay.next(10_000), 500);
});
