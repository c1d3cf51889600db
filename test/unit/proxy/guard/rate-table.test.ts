import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '../../../../src/exchange/index.ts';
import { MAX_TABLE_BYTES, RateTable } from '../../../../src/proxy/guard/rate-table.ts';

/** Clients that fit: each has a key of this form. */
const keyOf = (client: number) => `route ${String(client).padStart(10, '0')}`;
const FITTING = Math.floor(MAX_TABLE_BYTES / (256 + 2 * keyOf(0).length));

function fullTable(now: number) {
  const counters = new Counters();
  const table = new RateTable(counters);
  for (let client = 0; client < FITTING; client++) table.take(keyOf(client), 1, 2, now);
  assert.equal(table.size, FITTING);
  return { counters, table };
}

test('A client may send its burst at once, and then the rate; others are not affected', () => {
  const table = new RateTable(new Counters());
  const waits = [0, 0, 0, 0, 400, 500, 500, 2000].map((now) => table.take('a', 2, 3, now));
  assert.deepEqual(waits, [0, 0, 0, 1, 1, 0, 1, 0]);
  assert.equal(table.take('b', 2, 3, 0), 0);
  assert.equal(table.take('slow', 0.1, 1, 0), 0);
  assert.equal(table.take('slow', 0.1, 1, 1_000), 9);
});

test('The table is bounded, and the clients that were used longest ago leave once they may send their burst again', () => {
  const { counters, table } = fullTable(0);
  table.take(keyOf(0), 1, 2, 0);
  // Two seconds later the first client has one of two requests, all others have both.
  for (let client = FITTING; client < FITTING + 100; client++) table.take(keyOf(client), 1, 2, 1_500);
  assert.equal(table.size, FITTING);
  assert.equal(counters.rateLimitsForgotten, 0);
  assert.equal(table.take(keyOf(0), 1, 2, 1_500), 0);
  assert.equal(table.take(keyOf(0), 1, 2, 1_500), 1);
});

test('Where no client may send its burst, the oldest leaves all the same, and is counted', () => {
  const { counters, table } = fullTable(0);
  table.take('new', 1, 2, 0);
  assert.equal(table.size, FITTING);
  assert.equal(counters.rateLimitsForgotten, 1);
  assert.equal(table.take('new', 1, 2, 0), 0);
  assert.equal(table.take('new', 1, 2, 0), 1);
});
