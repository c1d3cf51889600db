import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
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
  const written = new Arrivals<boolean>();
  const write = file.write.bind(file);
  t.mock.method(file, 'write', (lines: string) => {
    const result = write(lines);
    written.add(result);
    return result;
  });
  const log = createLog('info', file);
  log.info({}, 'first');
  log.info({}, 'second');
  assert.equal(await written.next(), false);
  assert.equal(log.counters.logLinesDropped, 2);
  file.reopen();
  file.close();
});
