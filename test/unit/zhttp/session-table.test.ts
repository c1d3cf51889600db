import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SessionTable } from '../../../src/zhttp/session-table.ts';

interface Entry {
  readonly id: string;
}

/** A table with so many entries, in their order. */
function tableOf(count: number): { table: SessionTable<Entry>; entries: Entry[] } {
  const table = new SessionTable<Entry>('p');
  const entries = Array.from({ length: count }, () => add(table));
  return { table, entries };
}

function add(table: SessionTable<Entry>): Entry {
  const entry = { id: table.nextId() };
  table.add(entry);
  return entry;
}

test('an entry is found by its id until it is removed', () => {
  const { table, entries } = tableOf(3);
  const [, middle] = entries as [Entry, Entry, Entry];
  for (const entry of entries) assert.equal(table.get(entry.id), entry);
  assert.equal(table.remove(middle), true);
  assert.equal(table.remove(middle), false);
  assert.equal(table.get(middle.id), null);
  assert.deepEqual(
    table.all(),
    entries.filter((entry) => entry !== middle),
  );
});

test('a slot is reused, an id is not', () => {
  const { table } = tableOf(1);
  const ids = new Set<string>();
  for (let n = 0; n < 100; n++) {
    const entry = add(table);
    ids.add(entry.id);
    assert.equal(table.get(entry.id), entry);
    assert.equal(table.remove(entry), true);
  }
  assert.equal(ids.size, 100);
  for (const id of ids) assert.equal(table.get(id), null);
});

test('unknown ids find nothing', () => {
  const { table, entries } = tableOf(2);
  const [{ id }] = entries as [Entry, Entry];
  const others = [
    '',
    'p',
    'p-',
    'p--',
    'p-0',
    'p-0-',
    `${id}0`,
    `x${id}`,
    'q-0-0',
    'p-1-0',
    'p-99-0',
    `p-${'9'.repeat(60)}`,
    'p-x',
  ];
  for (const other of others) assert.equal(table.get(other), null, other);
});

test('the table knows the ids of its prefix, removed ones too', () => {
  const { table, entries } = tableOf(1);
  const [entry] = entries as [Entry];
  table.remove(entry);
  assert.equal(table.knows(entry.id), true);
  for (const id of ['', 'p', 'pp-0-0', 'q-0-0']) assert.equal(table.knows(id), false, id);
});

test('the table knows the ids of those that it replaces', () => {
  const table = new SessionTable<Entry>('p.1');
  assert.equal(table.nextId(), 'p.1-0-0');
  for (const id of ['p.0-0-0', 'p.1-0-0', 'p.10-3-4']) assert.equal(table.knows(id), true, id);
  for (const id of ['p-0-0', 'pp.0-0-0', 'q.1-0-0']) assert.equal(table.knows(id), false, id);
  assert.equal(table.get('p.0-0-0'), null);
});

test('a round of parts visits every entry once, even while entries are removed and added', () => {
  const { table, entries } = tableOf(25);
  const round = (): Entry[] => Array.from({ length: 10 }, () => table.nextPart(10)).flat();
  assert.deepEqual(new Set(round()), new Set(entries));
  for (const entry of entries.splice(5, 10)) table.remove(entry);
  entries.push(add(table), add(table));
  for (let rounds = 0; rounds < 5; rounds++) {
    const met = new Set(round());
    for (const entry of entries) assert.ok(met.has(entry));
    assert.equal(met.size, entries.length);
  }
});

test('a table without entries has empty parts', () => {
  assert.deepEqual(tableOf(0).table.nextPart(10), []);
  const { table, entries } = tableOf(1);
  table.remove(entries[0] as Entry);
  assert.deepEqual(table.nextPart(10), []);
});
