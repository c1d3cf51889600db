import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LineBatch } from '../../../src/app/line-batch.ts';
import { Arrivals } from '../../support/zmq/zmq-rig.ts';

const BATCH = new URL('../../../src/app/line-batch.ts', import.meta.url).href;

const asItIs = (line: string): string => line;

test('lines of one moment are written together, later ones separately', async () => {
  const written = new Arrivals<string>();
  const batch = new LineBatch((lines) => written.add(lines.toString()), asItIs);
  batch.write('a\n');
  batch.write('b\n');
  assert.deepEqual(written.all, []);
  assert.equal(await written.next(), 'a\nb\n');
  batch.write('c\n');
  assert.equal(await written.next(), 'c\n');
});

test('lines that fill the buffer are written at once', async () => {
  const written = new Arrivals<string>();
  const batch = new LineBatch((lines) => written.add(lines.toString()), asItIs);
  const line = `${'x'.repeat(1023)}\n`;
  for (let i = 0; i < 40; i++) batch.write(line);
  assert.equal(written.all.length, 1);
  assert.equal((await written.next()).length, 30 * 1024);
  assert.equal((await written.next()).length, 10 * 1024);
});

test('a long line is written whole, in its place', async () => {
  const written = new Arrivals<string>();
  const batch = new LineBatch((lines) => written.add(lines.toString()), asItIs);
  const lines = ['first\n', `${'\u20ac'.repeat(20_000)}\n`, 'last\n'];
  for (const line of lines) batch.write(line);
  batch.end();
  assert.equal(written.all.join(''), lines.join(''));
});

test('lines of the last moment of the process are not lost', async () => {
  const code = `import { LineBatch } from ${JSON.stringify(BATCH)};
    new LineBatch((lines) => process.stdout.write(lines), (line) => line).write('last words\\n');
    process.exit(3);`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', code];
  const cwd = fileURLToPath(new URL('../../../', import.meta.url));
  await assert.rejects(promisify(execFile)(process.execPath, args, { cwd }), { code: 3, stdout: 'last words\n' });
});
