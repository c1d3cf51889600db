import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePorts } from '../support/free-ports.ts';
import { holdfast, runServer, startHoldfast } from '../support/holdfast.ts';
import { turn } from '../support/manual-clock.ts';
import { startOrigin } from '../support/origin.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

type Line = Record<string, unknown>;

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl';

/** The lines of a log, once there are so many. Each has to be whole. */
async function linesOf(file: string, count: number): Promise<Line[]> {
  let texts: string[] = [];
  while (texts.length < count) {
    if (existsSync(file)) texts = readFileSync(file, 'latin1').split('\n').slice(0, -1);
    await turn();
  }
  return texts.map((text) => JSON.parse(text) as Line);
}

/** Sends a request on a connection of its own. */
async function get(t: TestContext, address: string, target: string, fields = ''): Promise<void> {
  const client = await connectTo(t, address);
  await client.request(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n`);
  client.end();
}

test('Worker processes share the file: every line is whole, and after a SIGHUP all of them write to the new one', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end('x'.repeat(100)));
  const file = join(temporaryFolder(t), 'access.log');
  const toml = `[server]\nworkers = 2\n[access_log]\nto = "${file}"\n`;
  const { program, clients } = await runServer(t, ['--route', `* ${origin}`], toml);
  const [address = ''] = clients;
  const targets = Array.from({ length: 200 }, (_, i) => `/${i}`);
  for (let at = 0; at < targets.length; at += 20) {
    await Promise.all(targets.slice(at, at + 20).map((target) => get(t, address, target)));
  }
  const lines = await linesOf(file, targets.length);
  assert.deepEqual(lines.map(({ target }) => target).sort(), [...targets].sort());
  assert.equal(new Set(lines.map(({ requestId }) => requestId)).size, targets.length);
  renameSync(file, `${file}.1`);
  program.kill('SIGHUP');
  // Workers are told by the main process, so their lines go to the old file for a moment.
  while (!existsSync(file)) await turn();
  let sent = 0;
  for (let fresh = 0; fresh < 20; fresh = readFileSync(file, 'latin1').split('\n').length - 1) {
    await get(t, address, '/again');
    sent++;
  }
  const { code } = await program.stop();
  assert.equal(code, 0);
  const [before, after] = await Promise.all([linesOf(`${file}.1`, 200), linesOf(file, 1)]);
  assert.equal(before.length + after.length, 200 + sent);
});

test('No role writes a credential to the access log or to the log', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end('fine'));
  const folder = temporaryFolder(t);
  const file = join(folder, 'access.log');
  const [port = 0, edge = 0] = await freePorts(2);
  const toml = `[server]
listen = ["127.0.0.1:${port}"]
[control]
listen = ["127.0.0.1:0"]
[edge]
listen = ["127.0.0.1:${edge}"]
zclient_stream = ["ipc://${folder}/client"]
backend_timeout = 0.1
[fetch]
stream = ["ipc://${folder}/fetch"]
allow_internal = true
[access_log]
to = "${file}"
[log]
level = "info"
`;
  const program = startHoldfast(t, ['run', '--route', `*,log_level=info ${origin}`], {
    cwd: temporaryFolder(t, { 'holdfast.toml': toml }),
  });
  const { publishers } = await program.logged('started');
  const target = `/of/${JWT}?access_token=s3cret&a=1&sig=s3cret&x=${JWT}`;
  const fields = `Authorization: Bearer s3cret\r\nCookie: sid=s3cret\r\nReferer: http://u:s3cret@h/?token=s3cret\r\n`;
  for (const address of [`127.0.0.1:${port}`, `127.0.0.1:${edge}`, ...(publishers as string[])]) {
    await get(t, address, target, fields);
  }
  const uri = `http://u:s3cret@${origin}${target}`;
  const args = ['fetch', '--stream', `ipc://${folder}/fetch`, '-H', 'Authorization: s3cret', uri];
  assert.equal((await holdfast(t, args)).code, 0);
  const lines = await linesOf(file, 4);
  assert.deepEqual(lines.map(({ role }) => role).sort(), ['control', 'edge', 'fetch', 'proxy']);
  for (const { target: shown } of lines) assert.match(String(shown), /a=1/);
  const text = readFileSync(file, 'latin1');
  assert.doesNotMatch(text, /s3cret|eyJ/);
  const { stdout, stderr } = await program.stop();
  assert.match(stdout, /redacted/);
  assert.doesNotMatch(stdout + stderr, /s3cret|eyJ/);
});
