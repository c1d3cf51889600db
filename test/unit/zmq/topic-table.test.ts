import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TopicTable } from '../../../src/zmq/topic-table.ts';
import { seededRandom } from '../../support/seeded-random.ts';

/** A message that counts how often its bytes are looked at. */
class CountedMessage {
  reads = 0;
  readonly bytes: Buffer;

  constructor(text: string) {
    const bytes = Buffer.from(text, 'latin1');
    this.bytes = new Proxy(bytes, {
      get: (target, key) => {
        this.reads++;
        const value = Reflect.get(target, key);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }
}

function matching(table: TopicTable<string>, message: string): string[] {
  const found: string[] = [];
  table.match(Buffer.from(message, 'latin1'), (subscriber) => found.push(subscriber));
  const foundByText: string[] = [];
  table.match(message, (subscriber) => foundByText.push(subscriber));
  assert.deepEqual(foundByText, found);
  return found.sort();
}

test('a message goes to the subscribers of each topic that it begins with', () => {
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

test('the first subscriber to a topic and the last one to leave it are told apart', () => {
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

test('the topics of a subscriber are known, and each costs its length but at least 256 bytes', () => {
  const table = new TopicTable<string>();
  table.add('x', 'a');
  table.add('x', 'b');
  assert.equal(table.count('x'), 2);
  assert.equal(table.has('x', 'a'), true);
  assert.equal(table.has('y', 'a'), false);
  assert.deepEqual([...table.of('x')], ['a', 'b']);
  assert.deepEqual([...table.of('y')], []);
  assert.equal(table.bytes('x'), 512);
  table.add('x', 'c'.repeat(1_000));
  assert.equal(table.bytes('x'), 1_512);
  table.remove('x', 'c'.repeat(1_000));
  table.remove('x', 'a');
  table.remove('x', 'b');
  assert.equal(table.count('x'), 0);
  assert.equal(table.bytes('x'), 0);
});

test('with topics of 1,024 lengths a message that matches none costs a few steps', () => {
  const table = new TopicTable<string>();
  for (let length = 1; length <= 1_024; length++) table.add('x', `${'t'.repeat(length - 1)}!`);
  const other = new CountedMessage(`client ${'t'.repeat(2_000)}`);
  table.match(other.bytes, () => assert.fail('no topic fits'));
  assert.ok(other.reads <= 4, `${other.reads} reads`);
  const close = new CountedMessage('t'.repeat(2_000));
  assert.equal(table.matches(close.bytes), false);
  // A byte and the length for each step of the longest topic.
  assert.ok(close.reads <= 3 * 1_024, `${close.reads} reads`);
});

test('the trie finds what a list would find, whatever is added and removed', (t) => {
  const random = seededRandom(t);
  const table = new TopicTable<string>();
  const list = new Set<string>();
  const topic = () => Array.from({ length: random.below(6) }, () => 'ab'[random.below(2)]).join('');
  for (let i = 0; i < 5_000; i++) {
    const [subscriber, name] = [`s${random.below(3)}`, topic()];
    const entry = `${subscriber} ${name}`;
    const others = [...list].some((each) => each !== entry && each.split(' ')[1] === name);
    if (random.below(2) === 0) {
      assert.equal(table.add(subscriber, name), !others && !list.has(entry));
      list.add(entry);
    } else {
      assert.equal(table.remove(subscriber, name), !others && list.delete(entry));
      list.delete(entry);
    }
    const message = topic() + topic();
    const expected = [...list].map((each) => each.split(' ')).filter(([, each = '']) => message.startsWith(each));
    assert.deepEqual(matching(table, message), expected.map(([each = '']) => each).sort());
    assert.equal(table.matches(Buffer.from(message)), expected.length > 0);
  }
});
