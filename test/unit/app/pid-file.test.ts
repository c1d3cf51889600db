import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PidFile } from '../../../src/app/pid-file.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('the file has the number of the process, and is removed', (t) => {
  const path = join(temporaryFolder(t), 'pid');
  const file = new PidFile(path);
  file.write();
  assert.equal(readFileSync(path, 'utf8'), `${process.pid}\n`);
  file.remove();
  assert.equal(existsSync(path), false);
});

test('a process that runs keeps its file', (t) => {
  const path = join(temporaryFolder(t, { pid: `${process.ppid}\n` }), 'pid');
  const file = new PidFile(path);
  assert.throws(() => file.write(), {
    message: `${path} says that the process ${process.ppid} is running: stop it, or remove the file`,
  });
  file.remove();
  assert.equal(readFileSync(path, 'utf8'), `${process.ppid}\n`);
});

test('a file that is left over is replaced, whatever is in it', (t) => {
  const ended = spawnSync(process.execPath, ['-e', '']).pid;
  const path = join(temporaryFolder(t), 'pid');
  for (const text of [`${ended}\n`, `${process.pid}`, '', 'x\n', '-1']) {
    writeFileSync(path, text);
    new PidFile(path).write();
    assert.equal(readFileSync(path, 'utf8'), `${process.pid}\n`);
  }
});

test('a file that has become that of another process stays', (t) => {
  const path = join(temporaryFolder(t), 'pid');
  const file = new PidFile(path);
  file.write();
  writeFileSync(path, `${process.ppid}\n`);
  file.remove();
  assert.equal(existsSync(path), true);
});

test('a folder that is not there is named', (t) => {
  const path = join(temporaryFolder(t), 'run', 'pid');
  assert.throws(() => new PidFile(path).write(), {
    message: `cannot write the pid file ${path}: no such file or directory`,
  });
});
