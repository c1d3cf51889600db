import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Payload } from '../../../src/exchange/index.ts';
import { QUEUE_RESERVE, QueueBudget } from '../../../src/hub/queue-budget.ts';

test('an item that waits for many clients is counted once', () => {
  const budget = new QueueBudget();
  const item = new Payload(Buffer.alloc(1_000));
  for (let i = 0; i < 10; i++) budget.take(item);
  assert.equal(budget.used, 1_000 + 10 * 64);
  for (let i = 0; i < 9; i++) budget.release(item);
  assert.equal(budget.used, 1_000 + 64);
  budget.release(item);
  assert.equal(budget.used, 0);
});

test('beyond the bound each client still has its reserve', () => {
  const budget = new QueueBudget(100_000);
  budget.take(new Payload(Buffer.alloc(99_000)));
  assert.equal(budget.admits(900, 1_000_000), true);
  assert.equal(budget.admits(2_000, QUEUE_RESERVE), false);
  assert.equal(budget.admits(2_000, QUEUE_RESERVE - 2_000), true);
});
