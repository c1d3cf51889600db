import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesPattern } from '../../../src/codec/grip/index.ts';
import { ChannelLog } from '../../../src/history/channel-log.ts';
import { MAX_PLACES, NameTree } from '../../../src/history/name-tree.ts';
import { ALL } from '../../support/history/history-model.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

/** Channels in a tree, with the numbers of their newest items. */
class Named {
  readonly tree = new NameTree();
  readonly channels = new Map<string, ChannelLog>();

  put(name: string, number: number): void {
    const channel = this.channels.get(name) ?? new ChannelLog(name, ALL, 0);
    if (!this.channels.has(name)) this.tree.add(channel);
    this.channels.set(name, channel);
    channel.last = number;
    this.tree.note(channel, number);
  }

  delete(name: string): void {
    const channel = this.channels.get(name);
    if (channel !== undefined) this.tree.delete(channel);
    this.channels.delete(name);
  }

  matching(patterns: readonly string[], after: number, limit = 1_000): readonly string[] | null {
    return this.tree.matching(patterns, after, limit)?.toSorted() ?? null;
  }
}

test('whatever comes and goes, the channels that match and have news are found', () => {
  const random = new SeededRandom(7);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)] as T;
  const token = (): string => pick(['a', 'b', 'c', '']);
  const nameOf = (): string => Array.from({ length: 1 + random.below(4) }, token).join('.');
  const patterns = ['>', '*', 'a', 'a.*', 'a.>', '*.b', '*.*', 'a.*.c', '*.b.>', 'a.b.c'];
  const named = new Named();
  for (let number = 1; number <= 5_000; number++) {
    const name = random.next() < 0.05 ? `$${nameOf()}` : nameOf();
    if (random.next() < 0.3) named.delete(name);
    else named.put(name, number);
    const asked = [pick(patterns), pick(patterns)];
    const after = number - random.below(40);
    const expected = [...named.channels.values()].filter(
      (channel) => channel.last > after && asked.some((pattern) => matchesPattern(pattern, channel.name)),
    );
    assert.deepEqual(named.matching(asked, after), expected.map(({ name: each }) => each).toSorted());
  }
  for (const name of [...named.channels.keys()]) named.delete(name);
  assert.equal(named.tree.size, 0);
});

test('to find few among many takes few steps, and too many are not found', () => {
  const named = new Named();
  for (let i = 1; i <= 100_000; i++) named.put(`orders.${i}`, i);
  assert.deepEqual(named.matching(['orders.*'], 99_998), ['orders.100000', 'orders.99999']);
  assert.equal(named.matching(['orders.*'], 0, 99_999), null, 'more than wanted');
  assert.equal(named.matching(['orders.>'], 98_000, 1_000), null);
  assert.equal(named.matching(['orders.*.new'], 100_000 - MAX_PLACES / 2)?.length, 0);
  assert.equal(named.matching(['orders.*.new'], 0), null, 'too many places');
});

test('a name with very many tokens takes a few places', () => {
  const named = new Named();
  named.put(`a${'.b'.repeat(100_000)}`, 1);
  assert.ok(named.tree.size < 20);
  assert.equal(named.matching(['a.>'], 0)?.length, 1);
  assert.equal(named.matching([`a${'.*'.repeat(15)}`], 0)?.length, 0);
  assert.equal(named.matching([`a${'.b'.repeat(14)}.>`], 0)?.length, 1);
});

test('where numbers come in another order nothing is missed', () => {
  const named = new Named();
  named.put('a.1', 100);
  named.put('a.2', 50);
  assert.deepEqual(named.matching(['a.*'], 60), ['a.1']);
  assert.deepEqual(named.matching(['a.*'], 40), ['a.1', 'a.2']);
});
