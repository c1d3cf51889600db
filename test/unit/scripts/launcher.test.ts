import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { Project } from './project.ts';

/** Prints how many threads there are when files have been read. */
const THREADS = `
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
await readFile(new URL(import.meta.url));
console.log(readdirSync('/proc/self/task').length);
`;

/** The number of threads of the program when the environment asks for this size of libuv's pool. */
async function threads(t: TestContext, size: string | undefined, ...args: readonly string[]): Promise<number> {
  const project = new Project(t, { 'dist/cli/main.js': THREADS });
  const { UV_THREADPOOL_SIZE: before } = process.env;
  setSize(size);
  const { output } = await project.run(['bin/holdfast', ...args]).finally(() => setSize(before));
  return Number(output);
}

function setSize(size: string | undefined): void {
  if (size === undefined) delete process.env.UV_THREADPOOL_SIZE;
  else process.env.UV_THREADPOOL_SIZE = size;
}

test("the thread pool has 16 threads, or Node's 4 for the edge alone, unless the environment sets it", async (t) => {
  if (!existsSync('/proc/self/task')) return t.skip('threads cannot be counted here');
  const others = (await threads(t, '3', 'run')) - 3;
  assert.equal(await threads(t, '5', 'condure'), others + 5);
  for (const args of [
    ['run'],
    ['zurl', '--config=zurl.conf'],
    ['condure', '--listen', '80', '--zserver-req', 'ipc://a'],
  ]) {
    assert.equal(await threads(t, undefined, ...args), others + 16, args.join(' '));
  }
  assert.equal(await threads(t, undefined, 'condure', '--zclient-req', 'ipc://a'), others + 4);
});

test('an exception while the program is loaded ends it with its error', async (t) => {
  const project = new Project(t, { 'dist/cli/main.js': "throw new Error('out of order');\n" });
  const { code, output } = await project.run(['bin/holdfast']);
  assert.equal(code, 1);
  assert.match(output, /Error: out of order\n {4}at .*main\.js:1:7/);
});
