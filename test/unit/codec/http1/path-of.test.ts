import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathOf } from '../../../../src/codec/http1/index.ts';

test('The path ends at the first question mark', () => {
  assert.equal(pathOf('/a?b?c'), '/a');
  assert.equal(pathOf('/a'), '/a');
});
