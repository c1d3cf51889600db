import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_DOCUMENT, patchBody } from '../../../src/app/patch-body.ts';

test('Every operation of RFC 6902 is applied, in order', () => {
  const document = '{"a":1,"list":[1,3],"gone":0,"from":"x"}';
  const patch = [
    { op: 'test', path: '/a', value: 1 },
    { op: 'replace', path: '/a', value: { b: 2 } },
    { op: 'add', path: '/list/1', value: 2 },
    { op: 'add', path: '/list/-', value: 4 },
    { op: 'remove', path: '/gone' },
    { op: 'move', from: '/from', path: '/to' },
    { op: 'copy', from: '/a/b', path: '/c~1d' },
  ];
  assert.deepEqual(JSON.parse(patchBody(document, patch) ?? ''), {
    a: { b: 2 },
    list: [1, 2, 3, 4],
    to: 'x',
    'c/d': 2,
  });
});

test('An array is a document too, and an empty patch changes nothing', () => {
  assert.equal(patchBody('[1]', [{ op: 'add', path: '/0', value: 0 }]), '[0,1]');
  assert.equal(patchBody(' { "a" : 1 }\n', []), '{"a":1}');
});

test('A document that is neither an object nor an array cannot be patched', () => {
  for (const document of ['1', '"text"', 'null', 'true', '', '{', 'plain text']) {
    assert.equal(patchBody(document, [{ op: 'replace', path: '', value: {} }]), null);
  }
});

test('An operation that fails fails the whole patch', () => {
  const good = { op: 'add', path: '/b', value: 2 };
  for (const bad of [
    { op: 'test', path: '/a', value: 2 },
    { op: 'remove', path: '/none' },
    { op: 'replace', path: '/none/deep', value: 1 },
    { op: 'move', from: '/none', path: '/x' },
    { op: 'add', path: '/list/9', value: 1 },
  ]) {
    assert.equal(patchBody('{"a":1,"list":[]}', [good, bad]), null, JSON.stringify(bad));
  }
});

test('An invalid operation fails the patch', () => {
  for (const bad of [
    null,
    1,
    'add',
    [],
    {},
    { op: 'merge', path: '/a' },
    { op: 'add', path: '/a' },
    { op: 'add', path: 1, value: 1 },
  ]) {
    assert.equal(patchBody('{"a":1}', [bad]), null, JSON.stringify(bad));
  }
});

test('No patch reaches the prototypes of objects', () => {
  for (const path of ['/__proto__/polluted', '/constructor/prototype/polluted', '/a/__proto__/polluted']) {
    assert.equal(patchBody('{"a":{}}', [{ op: 'add', path, value: 1 }]), null, path);
  }
  assert.equal('polluted' in {}, false);
});

test('A patch that nests deeper than the stack cannot be applied', () => {
  const depth = 200_000;
  const deep = '['.repeat(depth) + ']'.repeat(depth);
  assert.equal(patchBody(deep, [{ op: 'test', path: '', value: 1 }]), null);
});

test('A patch is not changed by being applied, so it can be applied to further documents', () => {
  const patch = [
    { op: 'add', path: '/list', value: [] },
    { op: 'add', path: '/list/-', value: 1 },
  ];
  assert.equal(patchBody('{"a":1}', patch), '{"a":1,"list":[1]}');
  assert.equal(patchBody('{"a":2}', patch), '{"a":2,"list":[1]}');
});

test('A patch that doubles the document with each operation is refused at 1 MB', () => {
  const patch = Array.from({ length: 24 }, () => ({ op: 'copy', from: '/a', path: '/a/-' }));
  assert.equal(patchBody('{"a":["0123456789012345678901234567890123456789"]}', patch), null);
  const few = patchBody('{"a":["x"]}', patch.slice(0, 4));
  assert.equal(few?.split('x').length, 17);
});

test('A document may grow up to the bound, and shrinking later does not help', () => {
  const half = 'x'.repeat(MAX_DOCUMENT / 2 - 100);
  const once = { op: 'add', path: '/a', value: half };
  assert.notEqual(patchBody('{}', [once]), null);
  assert.equal(patchBody('{}', [once, { op: 'copy', from: '/a', path: '/b' }, once]), null);
});

test('A patch that reads too much is refused', () => {
  const document = JSON.stringify({ list: Array.from({ length: 10_000 }, (_, index) => index) });
  const compare = Array.from({ length: 200 }, () => ({ op: 'test', path: '/list', value: [] }));
  assert.equal(patchBody(document, compare), null);
  const shift = Array.from({ length: 1_000 }, () => ({ op: 'add', path: '/list/0', value: 0 }));
  assert.notEqual(patchBody(document, shift), null);
  const long = JSON.stringify({ list: Array.from({ length: 100_000 }, () => 0) });
  assert.equal(patchBody(long, shift), null);
});
