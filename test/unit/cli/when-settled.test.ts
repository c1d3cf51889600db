import assert from 'node:assert/strict';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { whenSettled } from '../../../src/cli/when-settled.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('A file counts as complete when it has not changed between two looks', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const file = join(temporaryFolder(t, { routes: '' }), 'routes');
  let settled = 0;
  whenSettled(file, () => settled++);
  for (const text of ['* local', 'host:1', '\n']) {
    appendFileSync(file, text);
    t.mock.timers.tick(50);
    assert.equal(settled, 0);
  }
  t.mock.timers.tick(50);
  t.mock.timers.tick(50);
  assert.equal(settled, 1);
});

test('A file that always changes, and one that is gone, are taken as they are', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const file = join(temporaryFolder(t, { routes: '' }), 'routes');
  let settled = 0;
  whenSettled(file, () => settled++);
  for (let look = 1; look <= 10; look++) {
    assert.equal(settled, 0);
    appendFileSync(file, `look ${look}\n`);
    t.mock.timers.tick(50);
  }
  assert.equal(settled, 1);
  rmSync(file);
  whenSettled(file, () => settled++);
  writeFileSync(file, '');
  rmSync(file);
  t.mock.timers.tick(50);
  assert.equal(settled, 2);
});
