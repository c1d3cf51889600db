import assert from 'node:assert/strict';
import { test } from 'node:test';
import { relativePath } from '../../../src/files/relative-path.ts';

for (const [path, expected] of [
  ['/a.txt', 'a.txt'],
  ['/a/b.txt', 'a/b.txt'],
  ['//a///b.txt', 'a/b.txt'],
  ['/a/', 'a/'],
  ['/a//', 'a/'],
  ['/', ''],
  ['///', ''],
  ['', ''],
  ['/%61%2e%74xt', 'a.txt'],
  ['/%C3%BC.txt', 'ü.txt'],
  ['/a%20b', 'a b'],
  ['/a+b', 'a+b'],
  ['/100%25', '100%'],
  ['/%2561', '%61'],
  ['/.well-known/x', '.well-known/x'],
  ['/...', '...'],
  ['/a/..b', 'a/..b'],
  ['/b..', 'b..'],
  ['/a:b', null],
  ['/dir/a:b', 'dir/a:b'],
  ['/~root', '~root'],
] as const) {
  test(`${path} is ${expected}`, () => {
    assert.equal(relativePath(path, 0), expected);
  });
}

for (const path of [
  '/..',
  '/../a',
  '/a/../b',
  '/a/..',
  '/a/../',
  '/./a',
  '/a/.',
  '/%2e%2e/a',
  '/.%2E/a',
  '/%2e/a',
  '/a%2fb',
  '/..%2fa',
  '/a%5cb',
  '/..\\a',
  '/a%00b',
  '/%00',
  '/C:/a',
  '/c%3a/a',
  '/%c0%ae%c0%ae/a',
  '/%e0%80%ae/a',
  '/%ff',
  '/%',
  '/%4',
  '/%zz',
  '/a%',
  `/${'a'.repeat(4_096)}`,
]) {
  test(`${path.slice(0, 20)} is no path of a file`, () => {
    assert.equal(relativePath(path, 0), null);
  });
}

test('what is before the beginning does not count', () => {
  assert.equal(relativePath('/static/a.txt', 8), 'a.txt');
  assert.equal(relativePath('/static/a.txt', 7), 'a.txt');
  assert.equal(relativePath('/../x/a.txt', 6), 'a.txt');
});
