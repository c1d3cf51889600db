import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCounts, ExchangeError, errorCounts } from '../../../src/exchange/index.ts';

const countOf = (code: string): number => new Map(errorCounts.entries()).get(code)?.count ?? 0;

test('a failure counts once, when it is found, with the time of the last one', () => {
  const before = countOf('HF_LOOP');
  const start = Date.now();
  new ExchangeError('HF_LOOP');
  const error = new ExchangeError('HF_LOOP', 'again');
  new ExchangeError(error.code, `the same in other words: ${error.detail}`, undefined, true);
  assert.equal(countOf('HF_LOOP'), before + 2);
  const last = new Map(errorCounts.entries()).get('HF_LOOP')?.last ?? 0;
  assert.ok(last >= start && last <= Date.now());
});

test('an end of an exchange that nobody needs any more is no failure', () => {
  const before = countOf('HF_CLIENT_GONE');
  new ExchangeError('HF_CLIENT_GONE', 'the response is not needed');
  assert.equal(countOf('HF_CLIENT_GONE'), before);
});

test('the counts of several processes add up, and the latest time counts', () => {
  const sum = new ErrorCounts();
  sum.add([
    ['HF_LOOP', { count: 2, last: 5 }],
    ['HF_OF_TOMORROW', { count: 1, last: 1 }],
  ]);
  sum.add([['HF_LOOP', { count: 3, last: 4 }]]);
  assert.deepEqual(Object.fromEntries(sum.entries()), {
    HF_LOOP: { count: 5, last: 5 },
    HF_OF_TOMORROW: { count: 1, last: 1 },
  });
});
