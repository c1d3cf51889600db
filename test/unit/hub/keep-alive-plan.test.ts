import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeepAlivePlans, keepAliveDelay, keepAliveEarliest } from '../../../src/hub/keep-alive-plan.ts';
import { keepAlive } from './support.ts';

test('a keep-alive comes up to one second early, and never within 100 ms', (t) => {
  let random = 0;
  t.mock.method(Math, 'random', () => random);
  assert.equal(keepAliveDelay(55_000), 55_000);
  random = 0.5;
  assert.equal(keepAliveDelay(55_000), 54_500);
  random = 0.999;
  assert.equal(keepAliveDelay(1_000), 100);
  assert.equal(keepAliveEarliest(55_000), 54_000);
  assert.equal(keepAliveEarliest(1_000), 100);
});

test('streams with the same keep-alive share its bytes', () => {
  const plans = new KeepAlivePlans();
  const plan = plans.share(keepAlive('\n', 20));
  assert.equal(plans.share(keepAlive('\n', 20)), plan);
  assert.equal(plan?.payload.items, 0);
  assert.equal(plan?.timeout, 20_000);
  assert.equal(plan?.interval, false);
  assert.notEqual(plans.share(keepAlive('\n', 21)), plan);
  assert.notEqual(plans.share(keepAlive('\r', 20)), plan);
  const interval = plans.share(keepAlive('\n', 20, 'interval'));
  assert.notEqual(interval, plan);
  assert.equal(interval?.interval, true);
});

test('nothing is planned where nothing would be sent', () => {
  const plans = new KeepAlivePlans();
  assert.equal(plans.share(null), null);
  assert.equal(plans.share(keepAlive('', 20)), null);
});

test('many distinct keep-alives of an origin do not grow the memory for them', () => {
  const plans = new KeepAlivePlans();
  const first = plans.share(keepAlive('first', 20));
  for (let i = 0; i < 31; i++) plans.share(keepAlive(`other ${i}`, 20));
  assert.equal(plans.share(keepAlive('first', 20)), first);
  plans.share(keepAlive('one more', 20));
  assert.notEqual(plans.share(keepAlive('first', 20)), first);
});
