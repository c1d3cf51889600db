import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChangeParts } from '../../../src/app/change-parts.ts';
import { type ChangeableWorker, PoolChanges } from '../../../src/app/pool-changes.ts';
import type { WorkerOrder } from '../../../src/app/worker-messages.ts';
import { FakeLog } from '../../support/fake-log.ts';

class FakeWorker implements ChangeableWorker {
  readonly pid = 1;
  readonly orders: string[] = [];
  killed = false;

  order({ order }: WorkerOrder): void {
    this.orders.push(order);
  }

  kill(): void {
    this.killed = true;
  }
}

const PARTS = ChangeParts.of({ kind: 'remove', id: 'a' });
const answer = (problem: string | null) => ({ report: 'prepared', problem, certificates: [] }) as const;

function pool(count: number) {
  const log = new FakeLog();
  const changes = new PoolChanges(() => PARTS, log);
  const workers = Array.from({ length: count }, () => new FakeWorker());
  for (const worker of workers) changes.add(worker, 0);
  return { changes, workers, log };
}

test('all processes prepare a change part by part, and use it when they are told', async () => {
  const { changes, workers } = pool(2);
  const preparing = changes.prepare(PARTS);
  for (const worker of workers) {
    assert.deepEqual(worker.orders, ['part']);
    changes.onReport(worker, { report: 'taken' });
    assert.deepEqual(worker.orders, ['part', 'prepare']);
    changes.onReport(worker, answer(null));
  }
  const prepared = await preparing;
  for (const { orders } of workers) assert.equal(orders.length, 2);
  prepared.commit();
  for (const { orders } of workers) assert.deepEqual(orders, ['part', 'prepare', 'commit']);
});

test('what one process cannot use none uses', async () => {
  const { changes, workers } = pool(2);
  const preparing = changes.prepare(PARTS);
  workers.forEach((worker, i) => {
    changes.onReport(worker, { report: 'taken' });
    changes.onReport(worker, answer(i === 0 ? null : 'no such key'));
  });
  await assert.rejects(preparing, { message: 'a worker cannot use it: no such key' });
  for (const { orders } of workers) assert.deepEqual(orders, ['part', 'prepare', 'discard']);
});

test('a process that ends meanwhile is not waited for, and one that began with what was in force is told', async () => {
  const { changes, workers } = pool(2);
  const [one, two] = workers as [FakeWorker, FakeWorker];
  const preparing = changes.prepare(PARTS);
  changes.onReport(one, { report: 'taken' });
  changes.onReport(one, answer(null));
  changes.remove(two);
  const prepared = await preparing;
  const late = new FakeWorker();
  changes.add(late, 0);
  assert.deepEqual(late.orders, []);
  prepared.commit();
  assert.deepEqual(late.orders, ['part']);
  changes.onReport(late, { report: 'taken' });
  changes.onReport(late, answer(null));
  assert.deepEqual(late.orders, ['part', 'prepare', 'commit']);
});

test('a process that cannot use what is in force is ended, so that it is replaced', async () => {
  const { changes, log } = pool(0);
  (await changes.prepare(PARTS)).commit();
  const late = new FakeWorker();
  changes.add(late, 0);
  changes.onReport(late, { report: 'taken' });
  changes.onReport(late, answer('no such key'));
  assert.ok(late.killed);
  assert.equal(log.of('worker cannot use the configuration: it is replaced')[0]?.reason, 'no such key');
});
