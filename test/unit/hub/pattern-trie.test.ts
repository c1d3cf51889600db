import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesPattern, patternProblem } from '../../../src/codec/grip/index.ts';
import { PatternTrie } from '../../../src/hub/pattern-trie.ts';
import { type SeededRandom, seededRandom } from '../../support/seeded-random.ts';

test('what matches comes with the most exact first', () => {
  const trie = new PatternTrie<string>();
  for (const pattern of ['>', '*.>', 'a.>', '*.*', 'a.*', '*.b', 'a.b', 'a', 'a.b.c', 'b.>'])
    trie.set(pattern, pattern);
  assert.deepEqual(trie.match('a.b'), ['a.b', 'a.*', 'a.>', '*.b', '*.*', '*.>', '>']);
  assert.deepEqual(trie.match('a'), ['a', '>']);
  assert.deepEqual(trie.match('a.b.c.d'), ['a.>', '*.>', '>']);
  assert.deepEqual(trie.match('$a.b'), []);
  assert.deepEqual(trie.match('a..b'), []);
});

test('a pattern that is set again keeps its place, and one that is not there is deleted without harm', () => {
  const trie = new PatternTrie<number>();
  trie.set('a.*', 1);
  trie.set('a.*', 2);
  assert.deepEqual([trie.size, trie.get('a.*')], [1, 2]);
  for (const pattern of ['a', 'a.>', 'a.*.>', 'b', '*']) trie.delete(pattern);
  assert.equal(trie.size, 1);
  trie.delete('a.*');
  trie.delete('a.*');
  assert.deepEqual([trie.size, trie.get('a.*'), [...trie.values()]], [0, undefined, []]);
});

test('a name with very many tokens goes no deeper than the patterns', () => {
  const trie = new PatternTrie<string>();
  trie.set('a.>', 'a');
  trie.set('*.*.c', 'c');
  assert.deepEqual(trie.match(`a${'.b'.repeat(1_000_000)}`), ['a']);
});

/** A few tokens, so that patterns often match. */
const TOKENS = ['a', 'b', 'c', '*', '>', '', '$', 'a*'];

function randomName(random: SeededRandom): string {
  return Array.from({ length: 1 + random.below(4) }, () => random.pick(TOKENS)).join('.');
}

test('the trie finds the patterns that a comparison with each of them finds, whatever comes and goes', (t) => {
  const random = seededRandom(t);
  const trie = new PatternTrie<string>();
  const model = new Set<string>();
  for (let step = 0; step < 20_000; step++) {
    const text = randomName(random);
    if (random.below(3) === 0) {
      const found = trie.match(text);
      assert.deepEqual([...found].sort(), [...model].filter((pattern) => matchesPattern(pattern, text)).sort(), text);
      assert.equal(new Set(found).size, found.length);
    } else if (patternProblem(text) === null) {
      if (random.below(2) === 0) {
        trie.set(text, text);
        model.add(text);
      } else {
        trie.delete(text);
        model.delete(text);
      }
      assert.deepEqual([trie.size, trie.get(text) !== undefined], [model.size, model.has(text)]);
    }
  }
  assert.deepEqual([...trie.values()].sort(), [...model].sort());
  for (const pattern of model) trie.delete(pattern);
  assert.deepEqual([trie.size, [...trie.values()]], [0, []]);
});
