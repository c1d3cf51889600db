import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NodeRates } from '../../../src/cluster/node-rates.ts';

test('a rate is that of the last seconds', () => {
  const rates = new NodeRates();
  assert.equal(rates.perSecond, null);
  for (let second = 0; second <= 20; second++) {
    rates.add({ published: 100 * second, delivered: second < 10 ? 0 : 1_000 * (second - 10) }, second * 1_000);
    if (second === 0) assert.equal(rates.perSecond, null);
    if (second === 2) assert.deepEqual(rates.perSecond, { published: 100, delivered: 0 });
  }
  assert.deepEqual(rates.perSecond, { published: 100, delivered: 1_000 });
});

test('counters that begin again give no negative rate', () => {
  const rates = new NodeRates();
  rates.add({ published: 100, delivered: 100 }, 0);
  rates.add({ published: 0, delivered: 0 }, 1_000);
  assert.deepEqual(rates.perSecond, { published: 0, delivered: 0 });
});
