import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LineBatch } from '../../../src/app/line-batch.ts';

const BATCH = new URL('../../../src/app/line-batch.ts', import.meta.url).href;

test('the lines of a turn are written as one at its end, those of the next apart', async () => {
  const written: string[] = [];
  const batch = new LineBatch((lines) => written.push(lines));
  batch.write('a\n');
  batch.write('b\n');
  assert.deepEqual(written, []);
  await turn();
  batch.write('c\n');
  await turn();
  assert.deepEqual(written, ['a\nb\n', 'c\n']);
});

test('so many lines that they take much room do not wait', async () => {
  const written: string[] = [];
  const batch = new LineBatch((lines) => written.push(lines));
  const line = `${'x'.repeat(1023)}\n`;
  for (let i = 0; i < 100; i++) batch.write(line);
  assert.equal(written[0]?.length, 65 * 1024);
  await turn();
  assert.equal(written.join('').length, 100 * 1024);
});

test('what is written in the last turn of the process is not lost', async () => {
  const code = `import { LineBatch } from ${JSON.stringify(BATCH)};
    new LineBatch((lines) => process.stdout.write(lines)).write('last words\\n');
    process.exit(3);`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', code];
  const cwd = fileURLToPath(new URL('../../../', import.meta.url));
  await assert.rejects(promisify(execFile)(process.execPath, args, { cwd }), { code: 3, stdout: 'last words\n' });
});
