import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isMatchable,
  literalBeginning,
  MAX_PATTERN_TOKENS,
  matchesPattern,
  patternProblem,
} from '../../../../src/codec/grip/index.ts';

test('tokens match as the subjects of NATS do', () => {
  const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['orders.*', ['orders.eu', 'orders.*', 'orders.>'], ['orders', 'orders.eu.7', 'order.eu', 'ordersx.eu', 'orders.']],
    ['orders.>', ['orders.eu', 'orders.eu.7', 'orders.a.b.c'], ['orders', 'orders.', 'orders..a', 'orders.a.']],
    ['*.eu', ['orders.eu', 'x.eu'], ['eu', '.eu', 'orders.us', 'a.orders.eu']],
    ['*.*', ['a.b'], ['a', 'a.b.c']],
    ['a.*.c', ['a.b.c'], ['a.c', 'a.b.b.c', 'a..c']],
    ['a.*.>', ['a.b.c', 'a.b.c.d'], ['a.b', 'a']],
    ['>', ['a', 'a.b', 'Ü'], ['', '.', 'a.', '$a', '$a.b']],
    ['*', ['a', '*'], ['', 'a.b', '$a']],
    ['a.b', ['a.b'], ['a.c', 'a', 'a.b.c']],
    // Only whole tokens stand for others.
    ['a*.b>', ['a*.b>'], ['ax.b', 'a.b']],
    ['a.$b', ['a.$b'], []],
  ];
  for (const [pattern, matched, others] of cases) {
    assert.equal(patternProblem(pattern), null, pattern);
    for (const name of matched) assert.ok(matchesPattern(pattern, name), `${pattern} matches ${name}`);
    for (const name of others) assert.ok(!matchesPattern(pattern, name), `${pattern} does not match ${name}`);
  }
});

test('a pattern that is not valid is refused with what is wrong about it', () => {
  const cases = {
    '': 'it is empty',
    'a..b': 'it has an empty token',
    '.a': 'it has an empty token',
    'a.*.': 'it has an empty token',
    '>.a': "it has a '>' that is not the last token",
    'a.>.>': "it has a '>' that is not the last token",
    '$a.>': "it begins with '$'",
  };
  for (const [pattern, problem] of Object.entries(cases)) assert.equal(patternProblem(pattern), problem, pattern);
});

test('a pattern has at most 16 tokens', () => {
  const tokens = Array.from({ length: MAX_PATTERN_TOKENS }, () => 'a');
  assert.equal(patternProblem(tokens.join('.')), null);
  assert.equal(patternProblem([...tokens, '>'].join('.')), 'it has over 16 tokens');
});

test('names of the system, and those with an empty token, match no pattern', () => {
  for (const name of ['a', 'a.b', '*', 'a.$b', ' ']) assert.ok(isMatchable(name), name);
  for (const name of ['', '.', '.a', 'a.', 'a..b', '$', '$sys.a']) assert.ok(!isMatchable(name), name);
});

test('the names that a pattern matches begin with what stands before its first wildcard', () => {
  const beginnings = { 'orders.*.x': 'orders.', 'a.b.>': 'a.b.', '>': '', '*.a': '', 'a.b*.c': 'a.b*.c', 'a>': 'a>' };
  for (const [pattern, beginning] of Object.entries(beginnings)) assert.equal(literalBeginning(pattern), beginning);
});
