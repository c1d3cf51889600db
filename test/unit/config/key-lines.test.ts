import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'smol-toml';
import { keyLines } from '../../../src/config/key-lines.ts';

/** Lines of the paths, after making sure that the text is TOML at all. */
function lines(toml: string, ...paths: (string | number)[][]): (number | null)[] {
  parse(toml);
  return paths.map(keyLines(toml));
}

test('keys of the root, of tables and of dotted names are found', () => {
  const toml = 'a = 1\n\n[b]\nc = 2\nd.e = 3\n[f . g]\nh = 4';
  const paths = [['a'], ['b'], ['b', 'c'], ['b', 'd'], ['b', 'd', 'e'], ['f'], ['f', 'g'], ['f', 'g', 'h']];
  assert.deepEqual(lines(toml, ...paths), [1, 3, 4, 5, 5, 6, 6, 7]);
});

test('each element of an array of tables has its own lines, and so have the tables within it', () => {
  const toml = '[[r]]\na = 1\n[[r]]\na = 2\n[r.h]\nx = 1\n[[r.s]]\n[[r.s]]\nb = 1\n[[r]]\n[r.h]\nx = 2';
  const paths = [
    ['r', 0],
    ['r', 0, 'a'],
    ['r', 1, 'a'],
    ['r', 1, 'h', 'x'],
    ['r', 1, 's', 1, 'b'],
    ['r', 2, 'h', 'x'],
  ];
  assert.deepEqual(lines(toml, ...paths), [1, 2, 4, 6, 9, 12]);
});

test('elements of lists and keys of inline tables have their own line', () => {
  const toml =
    'a = [ # first, ]\n  1,\n  "]", [2,\n 3],\n  { x = 1, y.z = "}" },\n]\nb = {\n  c = 1,\n  d = [1, 2]\n}\ne = 1';
  const paths = [['a', 0], ['a', 1], ['a', 2, 0], ['a', 2, 1], ['a', 3, 'y', 'z'], ['b', 'c'], ['b', 'd', 1], ['e']];
  assert.deepEqual(lines(toml, ...paths), [2, 3, 3, 4, 5, 8, 9, 11]);
});

test('text that looks like keys in strings and comments is ignored', () => {
  const toml = [
    '# x = 1',
    `a = "x = 1 \\" # [y]"`,
    `b = 'x = 1 \\'`,
    'c = """',
    'x = 1 \\""" ""',
    'x = 2""""',
    "d = '''",
    "x = 3\\''''' # x = 4",
    'e = 1979-05-27 07:32:00 # x = 5',
    'f = -inf # x = 6',
    'x = 7',
  ].join('\n');
  assert.deepEqual(lines(toml, ['x'], ['b'], ['d'], ['e'], ['f']), [11, 3, 7, 9, 10]);
});

test('quoted keys are found, and those with escapes have the line of their table', () => {
  const toml = `\n[a."b.c"]\n'd e' = 1\n"f\\u0067" = 2\n`;
  assert.deepEqual(lines(toml, ['a', 'b.c', 'd e'], ['a', 'b.c', 'fg']), [3, 2]);
});

test('a missing key has the line of the nearest table, or none', () => {
  const toml = 'x = 1\n[[r]]\na = 1';
  assert.deepEqual(lines(toml, ['r', 0, 'missing', 'too'], ['other'], []), [2, null, null]);
});

test('Windows line ends and a byte order mark change nothing', () => {
  assert.deepEqual(lines('\uFEFFa = 1\r\n[b]\r\nc = [\r\n1]\r\n', ['a'], ['b', 'c'], ['b', 'c', 0]), [1, 3, 4]);
});
