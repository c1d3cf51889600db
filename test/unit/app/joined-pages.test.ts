import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fittingPart, joinedParts, type ListPart } from '../../../src/app/joined-pages.ts';
import { fc } from '../../support/properties.ts';

interface Entry {
  readonly key: string;
  readonly count: number;
}

const keyOf = ({ key }: Entry): string => key;
const sumOf = (one: Entry, other: Entry): Entry => ({ key: one.key, count: one.count + other.count });

/** The part of a list after a key. */
function partOf(list: readonly string[], after: string, limit: number): ListPart<Entry> {
  const rest = list.filter((key) => key > after);
  const entries = rest.slice(0, limit).map((key) => ({ key, count: 1 }));
  return { entries, next: rest.length > limit ? (entries.at(-1)?.key ?? null) : null };
}

test('lists that are read in pages together have each entry once, in order, however much each part has room for', () => {
  const lists = fc.array(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 2 })), { maxLength: 4 });
  const rooms = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(lists, fc.integer({ min: 1, max: 5 }), rooms, (unsorted, limit, rooms) => {
      const sorted = unsorted.map((list) => [...list].sort());
      const counts = new Map<string, number>();
      for (const key of sorted.flat()) counts.set(key, (counts.get(key) ?? 0) + 1);
      const read: Entry[] = [];
      let turn = 0;
      for (let after: string | null = ''; after !== null; ) {
        const from: string = after;
        const parts = sorted.map((list) => partOf(list, from, Math.min(limit, rooms[turn++ % rooms.length] as number)));
        const page: ListPart<Entry> = joinedParts(parts, limit, keyOf, sumOf);
        assert.ok(page.entries.length <= limit);
        read.push(...page.entries);
        after = page.next;
      }
      assert.deepEqual(
        read.map(({ key, count }) => [key, count]),
        [...counts].sort(([one], [other]) => (one < other ? -1 : 1)),
      );
    }),
  );
});

test('a part is cut to what an answer has room for', () => {
  const entries = ['a', 'b', 'c'].map((key) => ({ key, text: 'x'.repeat(1_000) }));
  const part = { entries, next: null };
  const keys = (maxBytes: number) => {
    const cut = fittingPart(part, ({ key }) => key, maxBytes);
    return [cut.entries.map(({ key }) => key).join(''), cut.next];
  };
  assert.deepEqual(keys(10_000), ['abc', null]);
  assert.deepEqual(keys(3_500), ['ab', 'b']);
  assert.deepEqual(keys(2_500), ['a', 'a']);
  assert.deepEqual(keys(1_000), ['abc', null], 'it is refused as too large');
});
