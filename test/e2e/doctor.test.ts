import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holdfast, runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('The doctor finds nothing that fails in an installation that works, and knows its running server', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end('fine'));
  const { clients } = await runServer(t, ['--port', '127.0.0.1:0', '--route', `* ${origin}`]);
  const [address = ''] = clients;
  const toml = `[server]\nlisten = ["${address}"]\n[control]\nlisten = ["127.0.0.1:0"]\n`;
  const cwd = temporaryFolder(t, { 'holdfast.toml': toml });
  const { code, stdout } = await holdfast(t, ['doctor', '--route', `* ${origin}`], { cwd });
  assert.equal(code, 0, stdout);
  assert.match(stdout, new RegExp(`^ok +listen +${address}: in use by Holdfast \\(pid \\d+\\)$`, 'm'));
  assert.match(stdout, new RegExp(`^ok +origin +${origin}: accepts connections$`, 'm'));
  assert.match(stdout, /^\d+ ok, \d+ warnings?, 0 failures$/m);
  assert.equal(stdout.includes('\u001b'), false);
});

test('What fails makes the exit code 1, says what to do, and is JSON with --json', async (t) => {
  const toml = `[server]\nlisten = ["127.0.0.1:0", "unix:/nonexistent/socket"]\n[control]\nlisten = []\n`;
  const cwd = temporaryFolder(t, { 'holdfast.toml': toml });
  const args = ['doctor', '--route', '* test', '--json'];
  const { code, stdout } = await holdfast(t, args, { cwd });
  assert.equal(code, 1);
  const { configuration, findings } = JSON.parse(stdout);
  assert.equal(configuration, 'holdfast.toml');
  const failed = findings.filter(({ status }: { status: string }) => status === 'fail');
  assert.deepEqual(failed, [
    {
      check: 'listen',
      subject: 'unix:/nonexistent/socket',
      status: 'fail',
      text: 'no socket can be made in /nonexistent: no such file or directory',
      advice: 'create the folder, owned by the user of the server (RuntimeDirectory= of systemd)',
    },
  ]);
});

test('A configuration that is not valid is reported as by every command', async (t) => {
  const cwd = temporaryFolder(t, { 'holdfast.toml': '[server]\nlisten = ["x"]\n' });
  const { code, stderr } = await holdfast(t, ['doctor'], { cwd });
  assert.equal(code, 1);
  assert.match(stderr, /holdfast\.toml:2: server\.listen/);
});
