import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { sweepSockets } from '../../../src/app/sweep-sockets.ts';
import { Program } from '../../support/program.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const LISTEN = "require('net').createServer().listen(process.argv[1], () => console.log('listening'))";

test('sockets of processes that were killed are removed, and no other file', async (t) => {
  const folder = temporaryFolder(t, { 'notes.txt': '' });
  const killed = new Program(t, process.execPath, ['-e', LISTEN, join(folder, '0123abcd')]);
  await killed.output(/^listening/);
  killed.kill('SIGKILL');
  await killed.ended;
  const server = createServer().listen(join(folder, '89abcdef'));
  t.after(() => server.close());
  await once(server, 'listening');
  assert.deepEqual(readdirSync(folder).sort(), ['0123abcd', '89abcdef', 'notes.txt']);
  assert.equal(await sweepSockets(folder), 1);
  assert.deepEqual(readdirSync(folder).sort(), ['89abcdef', 'notes.txt']);
});
