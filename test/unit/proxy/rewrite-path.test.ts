import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRouteLine } from '../../../src/config/index.ts';
import { parsePathRewrite } from '../../../src/config/path-rewrite.ts';
import { rewritePath } from '../../../src/proxy/rewrite-path.ts';
import { rewriteTarget } from '../../../src/proxy/target-path.ts';

test('a path that matches the pattern is rewritten, and no other', () => {
  const cases: [rewrite: string, path: string, result: string | null][] = [
    ['/users/{id} /people/{id}.json', '/users/7', '/people/7.json'],
    ['/users/{id} /people/{id}', '/users/', null],
    ['/users/{id} /people/{id}', '/users', null],
    ['/users/{id} /people/{id}', '/users/7/', null],
    ['/users/{id} /people/{id}', '/users/7/8', null],
    ['/a/{rest*} /b/{rest}', '/a/x/y%2fz', '/b/x/y%2fz'],
    ['/a/{rest*} /b/{rest}', '/a/', '/b/'],
    ['/a/{rest*} /b/{rest}', '/a', null],
    ['/{all*} /v2/{all}', '/', '/v2/'],
    ['/{b}/{a} /{a}/{b}/{a}', '/1/2', '/2/1/2'],
    ['/ /index', '/', '/index'],
    ['/a/ /b', '/a/', '/b'],
    ['/a/ /b', '/a', null],
  ];
  for (const [rewrite, path, result] of cases) {
    assert.equal(rewritePath(path, parsePathRewrite(rewrite)), result, `${rewrite}: ${path}`);
  }
});

test('an origin is asked for the rewritten path with its query, or for the path as it is', () => {
  const rewritten = (target: string, rewrite: string) =>
    rewriteTarget(target, parseRouteLine(`*,rewrite="${rewrite}" localhost:1`));
  assert.equal(rewritten('/users/7?a=/b', '/users/{id} /people/{id}x'), '/people/7x?a=/b');
  assert.equal(rewritten('/other?a', '/users/{id} /people/{id}x'), '/other?a');
});

test('a placeholder cannot lead above the replacement', () => {
  const route = parseRouteLine('*,rewrite="/a/{rest*} /b/.{rest}" localhost:1');
  assert.equal(rewriteTarget('/a/./c', route), null);
  assert.equal(rewriteTarget('/a/c', route), '/b/.c');
});
