import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HistoryStore, MemoryStore, type ReadResult } from '../../../src/history/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { seededRandom } from '../../support/seeded-random.ts';

function read(store: HistoryStore, channels: readonly string[], number: number): ReadResult {
  let result: ReadResult | null = null;
  store.read({ channels, after: { epoch: store.epoch, number } }, (answer) => {
    result = answer;
  });
  return result ?? assert.fail();
}

test('a store that goes on with the parts of another answers as that one', (t) => {
  const random = seededRandom(t);
  const options = { maxBytes: 4_194_304, log: new FakeLog(), now: () => 5_000 };
  const old = new MemoryStore(options);
  t.after(() => old.stop());
  const names = Array.from({ length: 40 }, (_, i) => `channel ${i}`);
  old.setRules('rules', () => ({ items: 20, age: Infinity, bytes: Infinity }));
  for (let i = 0; i < 3_000; i++) {
    const keep = { items: 20, age: Infinity, bytes: random.below(50) === 0 ? 100 : Infinity };
    old.append([{ channel: random.pick(names), bytes: random.bytes(random.below(2_000)), keep }], () => {});
  }
  old.clear('channel 3');
  const next = new MemoryStore(options, structuredClone(old.summary));
  t.after(() => next.stop());
  let parts = 0;
  for (const part of old.parts) {
    next.take({ channels: structuredClone(part.channels), bytes: Buffer.from(part.bytes) });
    parts++;
  }
  assert.ok(parts > 1);
  assert.equal(next.epoch, old.epoch);
  assert.equal(next.last, old.last);
  for (let i = 0; i < 500; i++) {
    const some = names.filter(() => random.below(8) === 0);
    const from = random.below(3_100);
    assert.deepEqual(read(next, some, from), read(old, some, from));
    assert.deepEqual(read(next, ['unknown'], from), read(old, ['unknown'], from));
  }
  next.append(
    [{ channel: 'channel 3', bytes: Buffer.from('x'), keep: { items: 1, age: Infinity, bytes: Infinity } }],
    () => {},
  );
  assert.equal(next.last, old.last + 1);
});
