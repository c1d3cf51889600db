import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { openFileLimit } from '../../../src/app/open-files.ts';

test('The limit of open files is the one that the shell tells of, or unknown where the system does not say', () => {
  const told = execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'latin1' }).trim();
  const known = process.platform === 'linux' && told !== 'unlimited';
  assert.equal(openFileLimit(), known ? Number(told) : null);
});
