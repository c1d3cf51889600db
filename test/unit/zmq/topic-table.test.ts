import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TopicTable } from '../../../src/zmq/topic-table.ts';

function matching(table: TopicTable<string>, message: string): string[] {
  const found: string[] = [];
  table.match(Buffer.from(message, 'latin1'), (subscriber) => found.push(subscriber));
  return found.sort();
}

test('a message goes to those who have asked for its beginning', () => {
  const table = new TopicTable<string>();
  table.add('all', '');
  table.add('a', 'a');
  table.add('abc', 'abc');
  table.add('b', 'b');
  assert.deepEqual(matching(table, 'abcd'), ['a', 'abc', 'all']);
  assert.deepEqual(matching(table, 'ab'), ['a', 'all']);
  assert.deepEqual(matching(table, ''), ['all']);
  assert.equal(table.matches(Buffer.from('zzz')), true);
});

test('topics are bytes, not characters', () => {
  const table = new TopicTable<string>();
  table.add('half', '\xc3');
  assert.deepEqual(matching(table, Buffer.from('\u00e4').toString('latin1')), ['half']);
});

test('the first to ask for a topic and the last to leave it are told apart', () => {
  const table = new TopicTable<string>();
  assert.equal(table.add('x', 't'), true);
  assert.equal(table.add('y', 't'), false);
  assert.equal(table.add('y', 't'), false);
  assert.equal(table.remove('y', 't'), false);
  assert.equal(table.remove('y', 't'), false);
  assert.equal(table.remove('x', 't'), true);
  assert.equal(table.remove('x', 't'), false);
  assert.equal(table.matches(Buffer.from('t')), false);
});

test('who has asked for what is known', () => {
  const table = new TopicTable<string>();
  table.add('x', 'a');
  table.add('x', 'b');
  assert.equal(table.count('x'), 2);
  assert.equal(table.has('x', 'a'), true);
  assert.equal(table.has('y', 'a'), false);
  assert.deepEqual(table.of('x'), ['a', 'b']);
  assert.deepEqual(table.of('y'), []);
  table.remove('x', 'a');
  table.remove('x', 'b');
  assert.equal(table.count('x'), 0);
});
