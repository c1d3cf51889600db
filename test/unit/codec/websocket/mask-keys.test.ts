import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskKey } from '../../../../src/codec/websocket/index.ts';

test('masking keys are 32-bit integers that rarely repeat', () => {
  const keys = new Set<number>();
  for (let i = 0; i < 5_000; i++) keys.add(maskKey());
  // Two of so few are the same by chance once in some hundred times.
  assert.ok(keys.size >= 4_998, String(keys.size));
  for (const key of keys) assert.equal(key, key | 0);
});

test('each bit of them is set as often as not', () => {
  const counts = new Array<number>(32).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const key = maskKey();
    for (let bit = 0; bit < 32; bit++) (counts[bit] as number) += (key >>> bit) & 1;
  }
  // Ten standard deviations of 50 each.
  for (const count of counts) assert.ok(Math.abs(count - 5_000) < 500, String(counts));
});
