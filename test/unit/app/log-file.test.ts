import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
} from 'node:fs';
import { test } from 'node:test';
import { createLog, LogFile } from '../../../src/app/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { Arrivals } from '../../support/zmq/zmq-rig.ts';

test('Records are appended to the file, and go to a new one after it was renamed and reopened', async (t) => {
  const folder = temporaryFolder(t, { log: 'before\n' });
  const file = new LogFile(`${folder}/log`);
  const written = new Arrivals<string>();
  const write = file.write.bind(file);
  t.mock.method(file, 'write', (lines: string) => {
    written.add(lines);
    return write(lines);
  });
  const log = createLog('info', file);
  log.info({ n: 1 }, 'first');
  log.debug({}, 'not written');
  renameSync(`${folder}/log`, `${folder}/log.1`);
  log.info({ n: 2 }, 'second');
  await written.next();
  file.reopen();
  log.info({ n: 3 }, 'third');
  await written.next();
  const [before, ...records] = readFileSync(`${folder}/log.1`, 'utf8').trim().split('\n');
  assert.equal(before, 'before');
  assert.deepEqual(
    records.map((line) => JSON.parse(line).msg),
    ['first', 'second'],
  );
  assert.equal(JSON.parse(readFileSync(`${folder}/log`, 'utf8')).n, 3);
});

test('A file that cannot be opened is an error, and a failed reopen changes nothing', (t) => {
  const folder = temporaryFolder(t);
  assert.throws(() => new LogFile(`${folder}/none/log`), /ENOENT/);
  const file = new LogFile(`${folder}/log`);
  renameSync(`${folder}/log`, `${folder}/log.1`);
  mkdirSync(`${folder}/log`);
  chmodSync(folder, 0o700);
  assert.throws(() => file.reopen(), /EISDIR/);
  file.write('still here\n');
  assert.equal(readFileSync(`${folder}/log.1`, 'utf8'), 'still here\n');
});

test('Lines that cannot be written are lost and counted, and do no harm', async (t) => {
  const file = new LogFile('/dev/full');
  const written = new Arrivals<number>();
  const write = file.write.bind(file);
  t.mock.method(file, 'write', (lines: string) => {
    const result = write(lines);
    written.add(result);
    return result;
  });
  const log = createLog('info', file);
  log.info({}, 'first');
  log.info({}, 'second');
  assert.equal(await written.next(), 2);
  assert.equal(log.counters.linesDropped, 2);
  file.reopen();
  file.close();
});

test('A line that was torn off ends before the next one, so that every other line can be read', (t) => {
  const folder = temporaryFolder(t);
  execFileSync('mkfifo', [`${folder}/log`]);
  const reader = openSync(`${folder}/log`, constants.O_RDONLY | constants.O_NONBLOCK);
  t.after(() => closeSync(reader));
  const file = new LogFile(`${folder}/log`);
  t.after(() => file.close());
  // More than a pipe takes: a disk that becomes full does the same.
  const lines = `${'x'.repeat(999)}\n`.repeat(200);
  const lost = file.write(lines);
  assert.ok(lost > 0 && lost < 200, `${lost} lines are lost`);
  const taken = Buffer.alloc(1_000_000);
  let length = 0;
  const read = (): void => {
    try {
      for (let n = -1; n !== 0; length += n) n = readSync(reader, taken, length, taken.length - length, null);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
    }
  };
  read();
  assert.equal(file.write('after\n'), 0);
  read();
  const texts = taken.toString('latin1', 0, length).split('\n');
  assert.equal(texts.at(-2), 'after');
  assert.equal(texts.filter((text) => text.length === 999).length, 200 - lost);
});

test('A file is created with the mode that it is given', (t) => {
  const folder = temporaryFolder(t);
  const before = process.umask(0);
  t.after(() => process.umask(before));
  new LogFile(`${folder}/log`, 0o640).close();
  assert.equal(statSync(`${folder}/log`).mode & 0o777, 0o640);
});
