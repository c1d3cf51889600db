import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorsOf } from '../../../src/app/errors-of.ts';
import { ErrorCounts } from '../../../src/exchange/index.ts';

test('the most frequent failure comes first, with what the catalogue says of it', () => {
  const counts = new ErrorCounts();
  counts.add([
    ['HF_OF_TOMORROW', { count: 1, last: 1 }],
    ['HF_NO_ROUTE', { count: 3, last: 1_000 }],
  ]);
  assert.deepEqual(errorsOf(counts), [
    { code: 'HF_NO_ROUTE', count: 3, last: '1970-01-01T00:00:01.000Z', status: 502, text: 'No route for host.' },
    { code: 'HF_OF_TOMORROW', count: 1, last: '1970-01-01T00:00:00.001Z', status: 0, text: '' },
  ]);
});
