import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { metricNames } from '../../../src/app/index.ts';
import { ERRORS } from '../../../src/exchange/index.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true })
    .map((name) => join('docs', String(name)))
    .filter((name) => name.endsWith('.md')),
];

const source = readdirSync(join(ROOT, 'src'), { recursive: true })
  .map(String)
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'))
  .join('\n');

const metrics = new Set(metricNames());

/** Texts in backticks in the column with this heading, of the tables of a page. */
function column(page: string, heading: string): string[] {
  const found: string[] = [];
  let at = -1;
  for (const line of page.split('\n')) {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    if (!line.startsWith('|')) at = -1;
    else if (cells.includes(heading)) at = cells.indexOf(heading);
    else if (at > 0) found.push(...[...(cells[at] ?? '').matchAll(/`([^`]+)`/g)].map(([, text = '']) => text));
  }
  return found;
}

for (const page of PAGES) {
  test(`codes and metrics that ${page} names exist`, () => {
    const text = readFileSync(join(ROOT, page), 'utf8');
    const codes = [...text.matchAll(/\bHF_[A-Z_]+\b/g)].map(([code]) => code).filter((code) => !(code in ERRORS));
    assert.deepEqual(codes, []);
    const names = [...text.matchAll(/\bholdfast_[a-z0-9]+_[a-z0-9_]+\b/g)]
      .map(([name]) => name.replace(/_(?:bucket|sum|count)$/, ''))
      .filter((name) => !metrics.has(name) && !/^holdfast_\d/.test(name) && !name.endsWith('_'));
    assert.deepEqual(names, []);
  });
}

test('the log lines that the page about failures quotes are written somewhere', () => {
  const page = readFileSync(join(ROOT, 'docs/explanation/failure-modes.md'), 'utf8');
  const lines = column(page, 'what the operator sees').filter((text) => / /.test(text));
  assert.ok(lines.length >= 3);
  for (const line of lines) assert.ok(source.includes(line), line);
});
