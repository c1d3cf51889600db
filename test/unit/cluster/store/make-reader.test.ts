import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConsumerInfo } from '@nats-io/jetstream';
import { makeReader } from '../../../../src/cluster/store/make-reader.ts';

const SETTINGS = { from: 1, subjects: ['a'], inactive: 30 };

/** Servers of which each makes what it is asked for as the next of `answers` says. */
function servers(answers: readonly ('never' | 'late' | 'at once' | Error)[]) {
  const made: string[] = [];
  const deleted: string[] = [];
  const maker: Parameters<typeof makeReader>[0] = {
    add: (_, { name = '' }) => {
      const answer = answers[made.length] ?? 'never';
      made.push(name);
      if (answer instanceof Error) return Promise.reject(answer);
      const info = { name } as ConsumerInfo;
      if (answer === 'at once') return Promise.resolve(info);
      return new Promise((resolve) => {
        if (answer === 'late') setTimeout(resolve, 1_500, info);
      });
    },
    delete: (_, name) => {
      deleted.push(name);
      return Promise.reject(new Error('timeout'));
    },
  };
  return { maker, made, deleted };
}

test('a reader that is there at once is the only one', async () => {
  const { maker, made, deleted } = servers(['at once']);
  const { name } = await makeReader(maker, 's', SETTINGS);
  assert.deepEqual([made, deleted], [[name], []]);
});

test('where a server does not answer another reader is made, and the first that is there is taken', async () => {
  const killed = servers(['never', 'at once']);
  assert.equal((await makeReader(killed.maker, 's', SETTINGS)).name, killed.made[1]);
  assert.deepEqual(killed.deleted, [killed.made[0]]);
  const slow = servers(['late', 'never']);
  assert.equal((await makeReader(slow.maker, 's', SETTINGS)).name, slow.made[0]);
  assert.deepEqual(slow.deleted, slow.made.slice(1));
  assert.ok(slow.made.length > 1);
});

test('what a server refuses is told at once', async () => {
  const refusal = new Error('maximum consumers limit reached');
  const { maker, made } = servers([refusal, 'at once']);
  await assert.rejects(makeReader(maker, 's', SETTINGS), refusal);
  assert.equal(made.length, 1);
  const later = servers(['never', refusal]);
  await assert.rejects(makeReader(later.maker, 's', SETTINGS), refusal);
  assert.deepEqual(later.deleted, later.made);
});

test('no more than five are made', async () => {
  const { maker, made, deleted } = servers([]);
  await assert.rejects(makeReader(maker, 's', SETTINGS), /the broker makes no reader/);
  assert.equal(made.length, 5);
  assert.deepEqual(deleted, made);
});
