import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partsOf, SequenceReader } from '../../../src/hub-relay/index.ts';

test('what it takes to order the items goes over in parts, with keys and versions', () => {
  const sequence = {
    lastIds: new Map([['a', '1']]),
    seen: [['1 a1', 1_000]] as const,
    keys: Array.from({ length: 5_000 }, (_, i) => ({
      key: `1 a${i}`,
      digest: 'd',
      taken: 1,
      receivers: [i, null],
      numbers: [null, i],
      left: i,
    })),
    versions: [['a', 7, 1_000]] as const,
    early: [],
    stays: Array.from({ length: 3_000 }, (_, i) => ({ channel: 'a', user: `u${i}`, since: i })),
  };
  const reader = new SequenceReader();
  const parts = [...partsOf(sequence)];
  // As they travel.
  for (const part of parts) reader.add(JSON.parse(JSON.stringify(part)));
  assert.deepEqual(reader.keys, sequence.keys);
  assert.deepEqual(reader.versions, sequence.versions);
  assert.deepEqual(reader.stays, sequence.stays);
  assert.deepEqual(reader.seen, sequence.seen);
  assert.deepEqual([...reader.lastIds], [['a', '1']]);
  assert.ok(parts.length > 5, 'no part is too large for a turn');
  assert.equal(parts.filter(({ last }) => last).length, 1);
});
