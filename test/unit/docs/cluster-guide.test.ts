import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

test('what the example writes is not taken for a part of the repository', () => {
  const ignored = read('.gitignore').split('\n');
  for (const folder of ['/run/', '/examples/cluster/run/']) assert.ok(ignored.includes(folder), folder);
});
