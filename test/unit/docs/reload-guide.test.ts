import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { reloadableKeys } from '../../../src/config/index.ts';

const guide = readFileSync(new URL('../../../docs/how-to/reload.md', import.meta.url), 'utf8');

test('the guide lists each key that a reload changes, and no other', () => {
  const rows = [...guide.matchAll(/^\| `\[(\w+)\]` \| (.*) \|$/gm)];
  const listed = rows.flatMap(([, section, names = '']) =>
    names.split(', ').map((name) => `${section}.${name.replaceAll('`', '')}`),
  );
  assert.deepEqual(listed, reloadableKeys());
});
