import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { checkHistory } from '../../../../src/app/doctor/check-history.ts';
import { Findings } from '../../../../src/app/doctor/finding.ts';
import { defaultConfig } from '../../../../src/config/index.ts';
import { DiskStore } from '../../../../src/history/index.ts';
import { FakeLog } from '../../../support/fake-log.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

/** Status and text of each finding. */
function found(path: string, maxBytes = 1_048_576): string[] {
  const findings = new Findings('file');
  checkHistory({ ...defaultConfig().history, store: 'disk', path, maxBytes }, findings);
  return findings.all.map(({ status, text }) => `${status} ${text}`);
}

test('a folder that is free, or will be made, is ok', (t) => {
  const folder = temporaryFolder(t);
  assert.deepEqual(found(folder), ['ok the history can be kept there']);
  assert.deepEqual(found(`${folder}/a/b`), ['ok the history can be kept there: the folder is made when needed']);
});

test('a folder that a server has open is ok, and it is told which one', async (t) => {
  const folder = temporaryFolder(t);
  const store = await DiskStore.open({ path: folder, maxBytes: 1_048_576, log: new FakeLog() });
  assert.deepEqual(found(folder), [`ok the process ${process.pid} keeps its history there`]);
  await store.stop();
  assert.deepEqual(found(folder), ['ok the history can be kept there']);
});

test('too little room is a warning', (t) => {
  const [, warning = ''] = found(temporaryFolder(t), 2 ** 50);
  assert.match(warning, /^warn \d+ bytes are free, and the history may take 2251799813685248$/);
});

test('a folder with something else in it, and a file in its place, are failures', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(`${folder}/notes.txt`, '');
  assert.match(found(folder)[0] ?? '', /^fail history store .*: it has notes\.txt, so it is no store/);
  assert.match(found(`${folder}/notes.txt`)[0] ?? '', /^fail the history cannot be kept there: /);
  assert.match(found(`${folder}/notes.txt/x`)[0] ?? '', /^fail the history cannot be kept there: /);
});
