import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const lines = readFileSync(join(ROOT, 'docs/explanation/compatibility.md'), 'utf8').split('\n');

/** The cells of a row of a table. A pipe within code does not occur in this document. */
function cellsOf(row: string): string[] {
  return row
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim());
}

/** Each table with its header; its rows are the lines below the rule. */
const tables = lines.flatMap((line, index) => {
  if (!/^\|-/.test(lines[index + 1] ?? '')) return [];
  const end = lines.findIndex((other, at) => at > index && !other.startsWith('|'));
  return [{ header: cellsOf(line), rows: lines.slice(index + 2, end === -1 ? undefined : end).map(cellsOf) }];
});

test('each row belongs to a table: one that follows an empty line is shown as a paragraph', () => {
  const loose = lines.filter(
    (line, index) => line.startsWith('|') && !lines[index - 1]?.startsWith('|') && !/^\|-/.test(lines[index + 1] ?? ''),
  );
  assert.deepEqual(loose, []);
});

test('each table of differences has a column for the test that checks a row', () => {
  assert.ok(tables.length > 0);
  for (const { header } of tables) assert.equal(header.at(-1), 'test', header.join(', '));
});

test('each row names at least one test file that exists, and has as many cells as its table', () => {
  for (const { header, rows } of tables) {
    for (const row of rows) {
      assert.equal(row.length, header.length, row.join(' | '));
      const files = [...(row.at(-1) ?? '').matchAll(/`([^`]+)`/g)].map(([, file = '']) => file);
      assert.ok(files.length > 0, row[0]);
      for (const file of files) {
        assert.match(file, /^test\/.+\.test\.ts$/);
        assert.ok(existsSync(join(ROOT, file)), `${row[0]}: ${file}`);
      }
    }
  }
});
