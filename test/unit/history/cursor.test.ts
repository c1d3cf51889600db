import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCursor, parseCursor } from '../../../src/history/index.ts';

test('a cursor that was written is read', () => {
  for (const [epoch, number] of [
    ['a', 0],
    ['0', 1],
    ['aZ09', 10],
    ['f'.repeat(32), Number.MAX_SAFE_INTEGER],
  ] as const) {
    assert.deepEqual(parseCursor(formatCursor(epoch, number)), { epoch, number });
  }
});

test('any other text is no cursor', () => {
  for (const text of [
    '',
    '-',
    'a',
    'a-',
    '-1',
    'a-01',
    'a-00',
    'a--1',
    'a-+1',
    'a- 1',
    'a-1 ',
    ' a-1',
    'a-1.0',
    'a-1e3',
    'a-0x1',
    'a-9007199254740992',
    'a-9007199254740993',
    'a-9999999999999999',
    'a-10000000000000000',
    'a-b-1',
    'a_b-1',
    '[a]-1',
    '@-1',
    '`-1',
    '{-1',
    'é-1',
    'a-١',
    `${'f'.repeat(33)}-1`,
    'a'.repeat(100_000),
    `a-${'1'.repeat(100_000)}`,
  ]) {
    assert.equal(parseCursor(text), null, text.slice(0, 60));
  }
});
