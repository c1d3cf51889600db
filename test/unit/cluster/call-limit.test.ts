import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallLimit } from '../../../src/cluster/call-limit.ts';

test('no more calls are under way than the limit says, and the others follow in their order, also behind one that fails', async () => {
  const limit = new CallLimit(2);
  const began: number[] = [];
  const calls = [0, 1, 2, 3].map((index) => {
    let [resolve, reject] = [(_: number) => {}, (_: Error) => {}];
    const promise = new Promise<number>((...ends) => {
      [resolve, reject] = ends;
    });
    const done = limit.run(() => {
      began.push(index);
      return promise;
    });
    return { done, resolve, reject };
  });
  assert.deepEqual([began, limit.running, limit.waiting], [[0, 1], 2, 2]);
  calls[1]?.reject(new Error('no'));
  await assert.rejects(calls[1]?.done as Promise<number>, /no/);
  assert.deepEqual([began, limit.running, limit.waiting], [[0, 1, 2], 2, 1]);
  for (const index of [0, 2, 3]) calls[index]?.resolve(index);
  assert.deepEqual(await Promise.all([0, 2, 3].map((index) => calls[index]?.done)), [0, 2, 3]);
  assert.deepEqual([began, limit.running, limit.waiting], [[0, 1, 2, 3], 0, 0]);
});
