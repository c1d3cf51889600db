import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeftKeys } from '../../../src/hub/left-keys.ts';

test('channels that were left are noted, and no more of them than were asked for', () => {
  const left = new LeftKeys();
  for (let index = 0; index < 1_000; index++) {
    left.join(`c${index}`);
    left.part(`c${index}`);
  }
  assert.equal(left.size, 0);
  left.part('asked');
  // Another one, of which the answer has nothing that is for the client.
  left.join('asked');
  assert.deepEqual([left.has('asked'), left.size], [true, 1]);
  left.part('asked');
  assert.deepEqual([left.has('asked'), left.size], [true, 1]);
});
