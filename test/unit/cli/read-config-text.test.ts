import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { MAX_CONFIG_BYTES, readConfigText } from '../../../src/cli/read-config-text.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** Replaces a file with one of the other content over and over, by a new file or in place, until it is told to end. */
const WRITER = `
  const { writeFileSync, renameSync } = require('node:fs');
  const { parentPort, workerData: { file, texts, inPlace, stop } } = require('node:worker_threads');
  parentPort.postMessage('ready');
  for (let i = 0; Atomics.load(stop, 0) === 0; i++) {
    writeFileSync(inPlace ? file : file + '.new', texts[i % 2]);
    if (!inPlace) renameSync(file + '.new', file);
  }`;

test('a file that is replaced while it is read is read as one state of it', async (t) => {
  const file = join(temporaryFolder(t), 'file');
  const texts = ['a'.repeat(300_000), 'b'.repeat(400_000)];
  writeFileSync(file, texts[0] ?? '');
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(WRITER, { eval: true, workerData: { file, texts, inPlace: false, stop } });
  await once(worker, 'message');
  for (let i = 0; i < 50; i++) {
    try {
      assert.ok(texts.includes(readConfigText(file).text));
    } catch (error) {
      assert.equal((error as Error).message, 'it changes while it is read');
    }
  }
  Atomics.store(stop, 0, 1);
  await once(worker, 'exit');
});

test('a file of the largest size is read, and a larger one is refused by its size', (t) => {
  const file = join(temporaryFolder(t, { file: 'x' }), 'file');
  truncateSync(file, MAX_CONFIG_BYTES);
  assert.equal(readConfigText(file).text.length, MAX_CONFIG_BYTES);
  truncateSync(file, MAX_CONFIG_BYTES + 1);
  assert.throws(() => readConfigText(file), /^Error: it has 33554433 bytes: at most 33554432 are read$/);
});

test('folders, FIFOs and missing files are refused, and nothing stays open', (t) => {
  const folder = temporaryFolder(t);
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const before = readdirSync('/proc/self/fd').length;
  assert.throws(() => readConfigText(folder), /^Error: is a directory$/);
  assert.throws(() => readConfigText(fifo), /^Error: it is not a regular file$/);
  assert.throws(() => readConfigText(join(folder, 'none')), { code: 'ENOENT' });
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

test('an empty file is a text like any other, unless it must have content', (t) => {
  const file = join(temporaryFolder(t, { file: ' \n' }), 'file');
  assert.equal(readConfigText(file).text, ' \n');
  assert.throws(() => readConfigText(file, true), /^Error: the file is empty$/);
});

test('the state of a file differs once it is written, or another one has its name', (t) => {
  const folder = temporaryFolder(t, { file: 'one', other: 'one' });
  const file = join(folder, 'file');
  const { state } = readConfigText(file);
  assert.equal(readConfigText(file).state, state);
  renameSync(join(folder, 'other'), file);
  assert.notEqual(readConfigText(file).state, state);
});
