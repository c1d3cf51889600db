import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitRouteLine } from '../../../src/config/route-grammar.ts';

/** The sections as `[value, ...properties]`. */
function split(line: string): (string | [string, string | null])[][] {
  return splitRouteLine(line).map(({ value, properties }) => [
    value,
    ...properties.map((property): [string, string | null] => [property.name, property.value]),
  ]);
}

test('white space separates sections, commas separate items', () => {
  assert.deepEqual(split('  a,b,c=d \t e:1\u00a0f:2,g=  '), [
    ['a', ['b', null], ['c', 'd']],
    ['e:1'],
    ['f:2', ['g', '']],
  ]);
});

test('a number sign begins a comment, even within a word, but not within quotes', () => {
  assert.deepEqual(split('a b#c d'), [['a'], ['b']]);
  assert.deepEqual(split('a "b#c" # d "'), [['a'], ['b#c']]);
  assert.deepEqual(split('# all of it'), []);
});

test('quotes may stand around any part', () => {
  assert.deepEqual(split('a,b="c d",e="f, g"h "i j"'), [['a', ['b', 'c d'], ['e', 'f, gh']], ['i j']]);
  assert.deepEqual(split('a,"b=c d"'), [['a', ['b', 'c d']]]);
});

test('a backslash escapes a quote or a backslash within quotes, and is literal elsewhere', () => {
  assert.deepEqual(split('a,b="\\"\\\\",c=\\d'), [['a', ['b', '"\\'], ['c', '\\d']]]);
});

test('only the first equals sign separates name and value', () => {
  assert.deepEqual(split('a,b=c=d=='), [['a', ['b', 'c=d==']]]);
});

test('a section that begins with a property or a comma has no value', () => {
  assert.deepEqual(split('id=x,b'), [['', ['id', 'x'], ['b', null]]]);
  assert.deepEqual(split(',id=x'), [['', ['id', 'x']]]);
});

test('each section keeps its original text', () => {
  assert.deepEqual(
    splitRouteLine(' a,b="c d"  "e"').map((section) => section.text),
    ['a,b="c d"', '"e"'],
  );
});

test('a line with invalid grammar is an error with its position', () => {
  const cases: [string, RegExp][] = [
    ['a "b', /unterminated quote/],
    ['a b"', /unterminated quote/],
    ['a "b\\"', /unterminated quote/],
    ['a "\\n"', /not before "n"/],
    ['a "b\\', /not before ""/],
    ['a, b', /a comma must be followed by a property/],
    ['a,,b c', /a comma must be followed by a property/],
    ['a,=b c', /the name is missing before "=b"/],
    ['=b c', /the name is missing before "=b"/],
  ];
  for (const [line, message] of cases) assert.throws(() => splitRouteLine(line), { name: 'ConfigError', message });
});
