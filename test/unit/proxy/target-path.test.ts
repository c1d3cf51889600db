import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRouteLine } from '../../../src/config/index.ts';
import { normalizeTarget, rewriteTarget } from '../../../src/proxy/target-path.ts';

function rewritten(target: string, properties: string): string | null {
  return rewriteTarget(target, parseRouteLine(`*,${properties} localhost:1`));
}

test('Percent-encoded unreserved characters are decoded, in either case of the digits', () => {
  assert.equal(normalizeTarget('/%61%70i/%7euser/%7Euser'), '/api/~user/~user');
  const unreserved = 'ABCXYZabcxyz0123456789-._~';
  const encoded = [...unreserved].map((char) => `%${char.charCodeAt(0).toString(16)}`).join('');
  assert.equal(normalizeTarget(`/${encoded}`), `/${unreserved}`);
});

test('Every other escape stays as it was written', () => {
  const target = '/%2f%2F%3f%23%20%25%00%0d%0a%c3%A9%ff%7f';
  assert.equal(normalizeTarget(target), target);
});

test('A percent sign without two hexadecimal digits stays', () => {
  for (const target of ['/%', '/%6', '/%6g', '/%%361']) {
    assert.equal(normalizeTarget(target), target.replace('%36', '6'));
  }
});

test('What has been decoded once is not decoded again', () => {
  assert.equal(normalizeTarget('/%2561'), '/%2561');
});

test('The query is left alone', () => {
  assert.equal(normalizeTarget('/%61?b=%61&c=?%61'), '/a?b=%61&c=?%61');
  assert.equal(normalizeTarget('/?%61'), '/?%61');
});

test('A target without escapes is passed as it is', () => {
  assert.equal(normalizeTarget('/plain/path?x=1'), '/plain/path?x=1');
  assert.equal(normalizeTarget('*'), '*');
});

test('path_rem removes characters from the beginning of the path', () => {
  assert.equal(rewritten('/api/users?x=1', 'path_rem=4'), '/users?x=1');
  assert.equal(rewritten('/api/users', 'path_rem=5'), '/users');
});

test('path_rem never reaches into the query', () => {
  assert.equal(rewritten('/a?secret=1', 'path_rem=8'), '/?secret=1');
  assert.equal(rewritten('/a', 'path_rem=2'), '/');
});

test('replace_beg stands in the place of path_beg', () => {
  assert.equal(rewritten('/api/users?x=1', 'path_beg=/api,replace_beg=/v2'), '/v2/users?x=1');
  assert.equal(rewritten('/apiary', 'path_beg=/api,replace_beg=/v2'), '/v2ary');
  assert.equal(rewritten('/api', 'path_beg=/api,replace_beg=/v2/'), '/v2/');
});

test('An empty replace_beg takes path_beg away, and a slash begins what is left', () => {
  assert.equal(rewritten('/api/users', 'path_beg=/api,replace_beg='), '/users');
  assert.equal(rewritten('/apiary', 'path_beg=/api,replace_beg='), '/ary');
  assert.equal(rewritten('/api?x=1', 'path_beg=/api,replace_beg='), '/?x=1');
  assert.equal(rewritten('/api', 'path_beg=/api,replace_beg='), '/');
});

test('replace_beg without a path_beg goes in front of every path', () => {
  assert.equal(rewritten('/users', 'replace_beg=/v2'), '/v2/users');
});

test('replace_beg leaves the query whole where the route was chosen by its id and the path is shorter than path_beg', () => {
  assert.equal(rewritten('/a?secret=1', 'path_beg=/long/prefix,replace_beg=/v2'), '/v2?secret=1');
});

test('A route that rewrites nothing passes the target as it is', () => {
  assert.equal(rewritten('/api?x=1', 'path_beg=/api'), '/api?x=1');
  assert.equal(rewritten('*', 'debug'), '*');
});

for (const [target, normal] of [
  ['/public/%2e%2e/admin', '/admin'],
  ['/public/%2E./admin?a=/../b', '/admin?a=/../b'],
  ['/a/./b/../c', '/a/c'],
  ['/a/b/..', '/a/'],
  ['/a/b/.', '/a/b/'],
  ['/..', '/'],
  ['/../../a', '/a'],
  ['/a//../b', '/a/b'],
  ['/.hidden/..a/a../...', '/.hidden/..a/a../...'],
  ['/a/..%2fb', '/a/..%2fb'],
  ['/a?../b', '/a?../b'],
] as const) {
  test(`Dot segments are removed: ${target} is ${normal}`, () => {
    assert.equal(normalizeTarget(target), normal);
  });
}

test('A path that a route would turn into a dot segment is not passed on', () => {
  assert.equal(rewritten('/api../admin', 'path_beg=/api,replace_beg=/v2/'), null);
  assert.equal(rewritten('/api../admin', 'path_beg=/api,path_rem=4'), null);
  assert.equal(rewritten('/api./admin', 'path_beg=/api,replace_beg='), null);
  assert.equal(rewritten('/api/..a?../b', 'path_beg=/api,replace_beg=/v2'), '/v2/..a?../b');
});
