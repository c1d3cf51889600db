import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mediaTypeOf } from '../../../src/files/media-types.ts';

const TYPES = { '.tar.gz': 'application/x-gtar-compressed', '.html': 'text/html; charset=utf-8' };

for (const [path, expected] of [
  ['a/b.css', 'text/css'],
  ['b.PNG', 'image/png'],
  ['b.JS', 'text/javascript'],
  ['site.tar.gz', 'application/x-gtar-compressed'],
  ['site.1.2.tar.gz', 'application/x-gtar-compressed'],
  ['site.gz', 'application/gzip'],
  ['x.html', 'text/html; charset=utf-8'],
  ['x.htm', 'text/html'],
  ['a.css/readme', 'x/default'],
  ['x.unknown', 'x/default'],
  ['css', 'x/default'],
  ['x.', 'x/default'],
  ['.css', 'text/css'],
  ['x.constructor', 'x/default'],
  ['movie.mp4', 'video/mp4'],
] as const) {
  test(`${path} is ${expected}`, () => {
    assert.equal(mediaTypeOf(path, TYPES, 'x/default'), expected);
  });
}
