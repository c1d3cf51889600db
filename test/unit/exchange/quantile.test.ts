import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketsBetween, Histogram, quantile } from '../../../src/exchange/index.ts';

const BUCKETS = [
  { le: 1, count: 10 },
  { le: 2, count: 10 },
  { le: 4, count: 30 },
  { le: null, count: 40 },
];

test('a quantile lies within its bucket as if all of it were spread evenly', () => {
  assert.equal(quantile(0.125, BUCKETS), 0.5);
  assert.equal(quantile(0.25, BUCKETS), 1);
  assert.equal(quantile(0.5, BUCKETS), 3);
});

test('a quantile beyond the last bound is that bound', () => {
  assert.equal(quantile(0.99, BUCKETS), 4);
});

test('there is no quantile of nothing', () => {
  assert.equal(quantile(0.5, [{ le: 1, count: 0 }]), null);
  assert.equal(quantile(0.5, []), null);
});

test('what came between two states of a histogram is a histogram', () => {
  const latency = new Histogram();
  latency.observe(1);
  const before = Histogram.bucketsOf(latency);
  assert.equal(quantile(0.5, bucketsBetween(before, before)), null);
  latency.observe(1);
  latency.observe(1_000_000);
  const between = bucketsBetween(before, Histogram.bucketsOf(latency));
  assert.equal(between.at(-1)?.count, 2);
  assert.equal(quantile(0.99, between), Histogram.bounds.at(-1));
});
