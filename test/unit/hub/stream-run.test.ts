import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RUN_BYTES, RUN_ITEMS, StreamRun } from '../../../src/hub/stream-run.ts';

test('a single content is passed on without a copy', () => {
  const content = Buffer.from('abc');
  const run = new StreamRun('c', content);
  const joined = run.joined;
  assert.equal(joined.body, content);
  assert.equal(joined.items, 1);
  assert.equal(run.singles[0], joined);
});

test('contents are joined in order, and each stays available', () => {
  const run = new StreamRun('c', Buffer.from('a'));
  assert.equal(run.add(Buffer.from('bc')), true);
  assert.equal(run.add(Buffer.from('d')), true);
  const joined = run.joined;
  assert.equal(String(joined.body), 'abcd');
  assert.equal(joined.items, 3);
  const singles = run.singles;
  assert.deepEqual(
    singles.map(({ body, items }) => [String(body), items]),
    [
      ['a', 1],
      ['bc', 1],
      ['d', 1],
    ],
  );
  assert.equal(run.singles, singles);
});

test('a run grows to its bound and not beyond', () => {
  const run = new StreamRun('c', Buffer.alloc(RUN_BYTES - 1));
  assert.equal(run.add(Buffer.alloc(2)), false);
  assert.equal(run.add(Buffer.alloc(1)), true);
  assert.equal(run.add(Buffer.alloc(1)), false);
  assert.equal(run.joined.body.length, RUN_BYTES);
});

test('content beyond the bound is its own run', () => {
  const run = new StreamRun('c', Buffer.alloc(RUN_BYTES + 1));
  assert.equal(run.add(Buffer.alloc(1)), false);
  assert.equal(run.joined.body.length, RUN_BYTES + 1);
});

test('a run has a bound in items too', () => {
  const run = new StreamRun('c', Buffer.from('a'));
  for (let i = 1; i < RUN_ITEMS; i++) assert.equal(run.add(Buffer.from('a')), true);
  assert.equal(run.add(Buffer.from('a')), false);
  assert.equal(run.singles.length, RUN_ITEMS);
});
