import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writePrivately } from '../../../src/exchange/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('a file and its folders are for the user of this process only, and a second write replaces the first', async (t) => {
  const folder = join(temporaryFolder(t), 'a', 'b');
  const file = join(folder, 'key');
  await writePrivately(file, 'one');
  await writePrivately(file, 'two');
  assert.equal(readFileSync(file, 'utf8'), 'two');
  assert.deepEqual([statSync(folder).mode & 0o777, statSync(file).mode & 0o777], [0o700, 0o600]);
  assert.deepEqual(readdirSync(folder), ['key']);
});

test('a write that fails leaves nothing behind', async (t) => {
  const folder = temporaryFolder(t);
  // No file takes the place of a folder.
  mkdirSync(join(folder, 'key'));
  await assert.rejects(writePrivately(join(folder, 'key'), 'x'));
  assert.deepEqual(readdirSync(folder), ['key']);
});

test('two writes at once leave one of the two', async (t) => {
  const file = join(temporaryFolder(t), 'key');
  await Promise.all(['a', 'b'].map((letter) => writePrivately(file, letter.repeat(100_000))));
  assert.match(readFileSync(file, 'utf8'), /^(?:a{100000}|b{100000})$/);
});
