import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tableLines } from '../../../src/cli/table-text.ts';

const COLUMNS = [{ heading: 'NAME' }, { heading: 'N', isNumber: true }, { heading: 'TEXT' }];
const plain = (_paint: string, text: string): string => text;

test('columns are as wide as their cells, and numbers stand at the right', () => {
  const rows = [
    ['a', '1', 'x'],
    ['long', '1,000', ''],
  ];
  assert.deepEqual(tableLines(COLUMNS, rows, plain), ['NAME      N  TEXT', 'a         1  x', 'long  1,000']);
});

test('what a terminal would obey is escaped, and one long cell does not move all others', () => {
  const [, first, second] = tableLines(
    COLUMNS,
    [
      ['x'.repeat(80), '1', '\u001b[2J'],
      ['é', '2', ''],
    ],
    plain,
  );
  assert.equal(first, `${'x'.repeat(80)}  1  \\u001b[2J`);
  assert.equal(second, `é${' '.repeat(59)}  2`);
});
