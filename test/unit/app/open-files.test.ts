import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { openFileLimit } from '../../../src/app/open-files.ts';

test("The open-file limit is the shell's, or unknown if the system does not report it", () => {
  const told = execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'latin1' }).trim();
  const known = process.platform === 'linux' && told !== 'unlimited';
  assert.equal(openFileLimit(), known ? Number(told) : null);
});
