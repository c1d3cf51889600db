import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryDelay } from '../../../src/clock/index.ts';

test('the delay doubles with each failure up to 32 seconds, with up to one second at random', (t) => {
  const random = t.mock.method(Math, 'random', () => 0);
  assert.deepEqual([0, 1, 4, 5, 6, 2_000].map(retryDelay), [1_000, 2_000, 16_000, 32_000, 32_000, 32_000]);
  random.mock.mockImplementation(() => 0.5);
  assert.equal(retryDelay(0), 1_500);
});
