import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RoutePattern } from '../../../../src/mongrel2/routing/route-pattern.ts';

function matches(pattern: string, text: string): boolean {
  return new RoutePattern(pattern, 0, pattern.length).matches(text, 0, text.length);
}

/** Pattern, texts that it matches, texts that it does not match. */
const CASES: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['', ['', 'a'], []],
  ['()$', [''], ['a']],
  ['abc', ['abc', 'abcd'], ['', 'ab', 'abx', 'xabc']],
  ['a.c', ['abc', 'a/c', 'a\xffc'], ['ac']],
  ['([0-9]+)', ['1', '1234/testing'], ['', 'x1']],
  ['([0-9]+)$', ['1234'], ['1234/x']],
  ['(.*).jpg$', ['.jpg', 'a.jpg', 'a.jpg.jpg', 'a-jpg'], ['a.jpg.png', 'jpg']],
  ['([a-z]-)$', ['', 'cadillac'], ['Cadillac', 'cadillac1']],
  ['ab?c$', ['ac', 'abc'], ['abbc', 'a']],
  ['a?a?a?$', ['', 'a', 'aa', 'aaa'], ['aaaa', 'b']],
  ['[^/]+/x$', ['a/x', 'abc/x'], ['/x', 'a/b/x']],
  ['[]a]+$', [']', 'a]a'], ['b']],
  ['[^]a]+$', ['b', '['], [']', 'a']],
  ['[a-]+$', ['a', '-', 'a-a'], ['b']],
  ['[\\]x]+$', [']', 'x'], ['\\']],
  ['[\\d_]+$', ['1_2'], ['a']],
  ['[%-/]+$', ['%&*-/'], ['0']],
  ['\\a+$', ['aZ'], ['', 'a1']],
  ['\\c$', ['\x00', '\x1f', '\x7f'], [' ', '\x80']],
  ['\\d\\D$', ['1a'], ['11', 'aa']],
  ['\\l\\L$', ['aA', 'a1'], ['aa']],
  ['\\p+$', ['!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'], ['a', ' ', '\x80']],
  ['\\s\\S$', [' a', '\ta', '\va'], ['a ', '  ']],
  ['\\u\\U$', ['Aa', 'A1'], ['AA', 'aa']],
  ['\\w+\\W$', ['a1Z_', 'a/'], ['ab', '_']],
  ['\\x+\\X$', ['09afAFg'], ['abc', 'g']],
  ['\\z\\Z$', ['\x00a'], ['\x00\x00', 'aa']],
  ['\\.\\*\\(\\)\\\\$', ['.*()\\'], ['x*()\\']],
  ['\\y$', ['y'], ['x']],
  ['([0-9]+)-([0-9]+)$', ['1-2'], ['12', '1--2']],
  ['-a$', ['-a'], ['a']],
  ['a$b$', ['a$b'], ['ab']],
  ['(a$)', ['a$'], ['a', 'ab']],
  ['a+a$', ['aa', 'aaa'], ['a', 'aab']],
  ['\\b()$', ['()', '(a)', '((a)(b))'], ['', 'a', '(', '(()', '())', 'x()']],
  ['\\b{}x', ['{}x', '{{}}xy'], ['{}', '{x']],
  ['.*\\b<>$', ['<>', 'a<b>', 'a<<>', '<><>'], ['>', '<', '<>a']],
  ["\\b''$", ["''", "'abc'"], ["'", "'a'b"]],
];

for (const [pattern, yes, no] of CASES) {
  test(`the pattern ${pattern} matches what Mongrel2's does`, () => {
    for (const text of yes) assert.equal(matches(pattern, text), true, JSON.stringify(text));
    for (const text of no) assert.equal(matches(pattern, text), false, JSON.stringify(text));
  });
}

test('a pattern looks at a part of a text only', () => {
  const pattern = new RoutePattern('/users/([0-9]+)$', 7, 16);
  assert.equal(pattern.matches('/users/12', 7, 9), true);
  assert.equal(pattern.matches('/users/12x', 7, 9), true);
  assert.equal(pattern.matches('/users/x12', 7, 10), false);
});

test('a text may be longer than any request head', () => {
  const text = `${'a'.repeat(100_000)}b`;
  assert.equal(matches('a*b$', text), true);
  assert.equal(matches('a*c$', text), false);
});

test('letters stand for both of their cases where this is asked for', () => {
  const pattern = new RoutePattern('x[a-f]\\u', 0, 8, true);
  for (const text of ['xfq', 'XFQ', 'XfQ']) assert.equal(pattern.matches(text, 0, 3), true, text);
  assert.equal(pattern.matches('xg1', 0, 3), false);
});

describe('a pattern that cannot be meant is refused', () => {
  const REFUSED: readonly (readonly [string, RegExp])[] = [
    ['[a', /^character 1: the set is not closed: expected \]$/],
    ['x[^', /^character 2: the set is not closed/],
    ['[]', /^character 1: the set is not closed/],
    ['a\\', /^character 2: a character must follow the backslash$/],
    ['[\\', /^character 2: a character must follow the backslash$/],
    ['\\b(', /^character 1: \\b must be followed by two characters$/],
    ['[z-a]', /^character 2: expected a range from a lower to a higher character$/],
    ['[a-\\d]', /^character 2: expected a range/],
    ['(a*)*', /^character 5: a group cannot be repeated: expected \\\* if the character is meant$/],
    ['(a+)+$', /^character 5: a group cannot be repeated/],
    ['(a)?', /^character 4: a group cannot be repeated/],
    ['a**', /^character 3: nothing to repeat: expected \\\* if the character is meant$/],
    ['(+', /^character 2: nothing to repeat/],
    ['\\f[a]', /^character 1: \\f is not supported$/],
  ];
  for (const [pattern, message] of REFUSED) {
    test(pattern, () => {
      assert.throws(() => new RoutePattern(pattern, 0, pattern.length), { name: 'SiteRouteError', message });
    });
  }
});
