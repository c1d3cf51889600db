import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PublishItem } from '../../../src/codec/grip/index.ts';
import { RUN_BYTES, RUN_ITEMS, StreamRun } from '../../../src/hub/stream-run.ts';
import { item, streamFormat } from './support.ts';

function runOf(content: Buffer): StreamRun {
  return new StreamRun(published(content), content);
}

function add(run: StreamRun, content: Buffer): boolean {
  return run.add(published(content), content);
}

function published(content: Buffer, contentFilters: readonly string[] | null = null): PublishItem {
  return item('c', { httpStream: { ...streamFormat(''), content, contentFilters } });
}

test('a single content is passed on without a copy', () => {
  const content = Buffer.from('abc');
  const run = runOf(content);
  const joined = run.joined;
  assert.equal(joined.body, content);
  assert.equal(joined.items, 1);
  assert.equal(run.items[0]?.payload, joined);
});

test('contents are joined in order, and each stays available', () => {
  const run = runOf(Buffer.from('a'));
  assert.equal(add(run, Buffer.from('bc')), true);
  assert.equal(add(run, Buffer.from('d')), true);
  const joined = run.joined;
  assert.equal(String(joined.body), 'abcd');
  assert.equal(joined.items, 3);
  const { items } = run;
  assert.deepEqual(
    items.map(({ payload }) => [String(payload.body), payload.items]),
    [
      ['a', 1],
      ['bc', 1],
      ['d', 1],
    ],
  );
  assert.equal(run.items, items);
});

test('a run grows to its bound and not beyond', () => {
  const run = runOf(Buffer.alloc(RUN_BYTES - 1));
  assert.equal(add(run, Buffer.alloc(2)), false);
  assert.equal(add(run, Buffer.alloc(1)), true);
  assert.equal(add(run, Buffer.alloc(1)), false);
  assert.equal(run.joined.body.length, RUN_BYTES);
});

test('content beyond the bound is its own run', () => {
  const run = runOf(Buffer.alloc(RUN_BYTES + 1));
  assert.equal(add(run, Buffer.alloc(1)), false);
  assert.equal(run.joined.body.length, RUN_BYTES + 1);
});

test('a run has a bound in items too', () => {
  const run = runOf(Buffer.from('a'));
  for (let i = 1; i < RUN_ITEMS; i++) assert.equal(add(run, Buffer.from('a')), true);
  assert.equal(add(run, Buffer.from('a')), false);
  assert.equal(run.items.length, RUN_ITEMS);
});

test('an item with content filters is not for streams without filters', () => {
  const run = runOf(Buffer.from('a'));
  run.add(published(Buffer.from('b'), ['build-id']), Buffer.from('b'));
  run.add(published(Buffer.from('c'), []), Buffer.from('c'));
  assert.deepEqual([String(run.joined.body), run.joined.items, run.items.length], ['ac', 2, 3]);
});
