import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiskStore } from '../../../src/history/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { FakeDisk, systemError } from '../../support/history/fake-disk.ts';
import { ALL } from '../../support/history/history-model.ts';
import { turn } from '../../support/manual-clock.ts';

test('an exception while a failed sync is handled is a fault, and items are delivered from memory', async (t) => {
  const disk = new FakeDisk();
  const log = new FakeLog();
  const files = disk.process();
  const store = await DiskStore.open({ path: '', files, maxBytes: 4_194_304, log, syncInterval: 1 });
  const error = t.mock.method(log, 'error');
  error.mock.mockImplementationOnce(() => {
    throw new Error('on purpose');
  });
  disk.syncError = systemError('EIO', -5);
  const stored: number[] = [];
  const put = (): void => {
    store.append([{ channel: 'a', bytes: Buffer.from('x'), keep: ALL }], (first) => stored.push(first));
  };
  put();
  while (store.counters.faults === 0) await turn();
  put();
  while (stored.length < 2) await turn();
  assert.deepEqual([stored, store.counters.faults], [[1, 2], 1]);
  assert.notEqual(store.degraded, null);
  await store.stop();
});
