import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { test } from 'node:test';
import { AccessLogFile } from '../../../src/app/access-log-file.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const asItIs = (line: string): string => line;
const notLost = () => assert.fail('a line is lost');

test('lines are bytes, and go to a new file after the old one was renamed', (t) => {
  const folder = temporaryFolder(t, { access: 'before\n' });
  const file = new AccessLogFile(`${folder}/access`, asItIs, notLost, new FakeLog());
  file.write('1:\xe9,\n');
  renameSync(`${folder}/access`, `${folder}/access.1`);
  file.write('second\n');
  assert.equal(file.reopen(), true);
  file.write('third\n');
  file.close();
  assert.equal(readFileSync(`${folder}/access.1`, 'latin1'), 'before\n1:\xe9,\nsecond\n');
  assert.equal(readFileSync(`${folder}/access`, 'latin1'), 'third\n');
});

test('a file that cannot be opened is an error, and a failed reopen changes nothing', (t) => {
  const folder = temporaryFolder(t);
  const log = new FakeLog();
  assert.throws(() => new AccessLogFile(`${folder}/none/access`, asItIs, notLost, log), /ENOENT/);
  const file = new AccessLogFile(`${folder}/access`, asItIs, notLost, log);
  renameSync(`${folder}/access`, `${folder}/access.1`);
  mkdirSync(`${folder}/access`);
  assert.equal(file.reopen(), false);
  assert.deepEqual(log.of('cannot reopen the access log'), [{ path: `${folder}/access`, reason: 'is a directory' }]);
  file.write('line\n');
  file.close();
  assert.equal(readFileSync(`${folder}/access.1`, 'latin1'), 'line\n');
});

test('lines that cannot be written are counted, and reported once', () => {
  const log = new FakeLog();
  let lost = 0;
  const count = (lines: number) => {
    lost += lines;
  };
  const file = new AccessLogFile('/dev/full', asItIs, count, log);
  file.write('1\n');
  file.write('2\n');
  file.reopen();
  file.write('3\n');
  file.close();
  assert.equal(lost, 3);
  assert.equal(log.at('error').length, 1);
});

test('a pipe that nobody reads is refused at once', (t) => {
  const folder = temporaryFolder(t);
  execFileSync('mkfifo', [`${folder}/access`]);
  assert.throws(() => new AccessLogFile(`${folder}/access`, asItIs, notLost, new FakeLog()), /ENXIO/);
});
