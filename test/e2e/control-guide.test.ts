import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startHoldfast } from '../support/holdfast.ts';
import { requirePeer } from '../support/peers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const page = readFileSync(new URL('../../docs/how-to/control.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/```(\w+)\n(.*?)```/gs)].map(([, kind, text = '']) => ({ kind, text }));
const run = promisify(execFile);

test('the configuration and the commands of the guide do what it says', async (t) => {
  if (requirePeer(t, 'curl') === null) return;
  const toml = blocks.find(({ kind }) => kind === 'toml')?.text ?? '';
  const config = toml.replace('127.0.0.1:5561', '127.0.0.1:0').replace('"7999"', '"127.0.0.1:0"');
  const cwd = temporaryFolder(t, { 'holdfast.toml': config });
  const program = startHoldfast(t, ['run'], { cwd });
  const { publishers } = await program.logged('started');
  const [address = ''] = publishers as string[];
  const commands = blocks
    .filter(({ kind }) => kind === 'sh')
    .flatMap(({ text }) => text.trim().split('\n'))
    .filter((line) => line.startsWith('curl '));
  const outputs: string[] = [];
  for (const command of commands) {
    const line = command.replace('127.0.0.1:5561', address);
    outputs.push((await run('/bin/sh', ['-c', `${line} --silent`], { cwd })).stdout);
  }
  assert.equal(outputs.length, 10);
  const [status, channels, history, connections, connection, closed, nodes, own, reload, drain] = outputs;
  assert.equal(JSON.parse(status ?? '').state, 'ready');
  assert.deepEqual(JSON.parse(channels ?? ''), { channels: [], total: 0, next: null });
  assert.equal(JSON.parse(history ?? '').error.code, 'HF_CONTROL_NOT_FOUND');
  assert.deepEqual(JSON.parse(connections ?? '').connections, []);
  assert.equal(JSON.parse(connection ?? '').error.code, 'HF_CONTROL_NOT_FOUND');
  assert.deepEqual(JSON.parse(closed ?? ''), { closed: 0 });
  // It is no node of a cluster.
  assert.equal(nodes, 'Not Found\n');
  assert.deepEqual(JSON.parse(own ?? '').connections, []);
  assert.deepEqual(JSON.parse(reload ?? ''), { changed: [], needsRestart: [] });
  assert.equal(drain, '');
  assert.equal((await program.ended).code, 0);
});
