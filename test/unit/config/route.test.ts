import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRoutes, parseRouteLine } from '../../../src/config/index.ts';

const conflicts = (...lines: string[]) =>
  checkRoutes(lines.map((line) => parseRouteLine(line))).map(({ index, key }) => [index, key]);

test('routes that differ in host, proto, ssl or path_beg do not conflict', () => {
  const lines = [
    '* a:1',
    'b a:1',
    'b,proto=ws a:1',
    'b,proto=http a:1',
    'b,ssl=no a:1',
    'b,ssl=yes a:1',
    'b,path_beg=/ a:1',
  ];
  assert.deepEqual(conflicts(...lines), []);
});

test('a route with the condition of an earlier one is reported, whatever else it has', () => {
  assert.deepEqual(conflicts('b,id=x,debug a:1', '* a:1', 'B b:1', 'b c:1'), [
    [2, 'host'],
    [3, 'host'],
  ]);
});

test('routes with hosts may share an id', () => {
  assert.deepEqual(conflicts('b,id=x a:1', '*,id=x a:1'), []);
});

test('a route without a host needs an id of its own', () => {
  assert.deepEqual(conflicts('id=x a:1', 'id=y a:1'), []);
  assert.deepEqual(conflicts('id=x a:1', '*,id=x a:1'), [[0, 'id']]);
  assert.deepEqual(conflicts('id=x a:1', 'id=x a:1'), [
    [0, 'id'],
    [1, 'id'],
  ]);
});

test('a host may be a bracketed IPv6 address', () => {
  assert.equal(parseRouteLine('[2001:DB8::1] a:1').host, '[2001:db8::1]');
});
