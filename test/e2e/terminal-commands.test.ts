import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Status } from '../../src/control/index.ts';
import { sampleStatus } from '../support/control/sample-status.ts';
import { holdfast, startHoldfast } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import type { Program } from '../support/program.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CONFIG = `
[server]
listen = ["127.0.0.1:0"]
[control]
listen = ["unix:control.sock", "127.0.0.1:0"]
[[control.user]]
name = "ann"
password = "pw"
role = "read"
[[route]]
host = "*"
targets = ["test"]
`;

/** A server, and the folder with its configuration and its control socket. */
async function start(t: TestContext): Promise<{ program: Program; cwd: string; client: string; control: string }> {
  const cwd = temporaryFolder(t, { 'holdfast.toml': CONFIG });
  const program = startHoldfast(t, ['run'], { cwd });
  const { clients, publishers } = await program.logged('started');
  const [client = ''] = clients as string[];
  return { program, cwd, client, control: `http://${(publishers as string[])[1]}` };
}

test('status shows a server over the socket of its configuration, and as JSON over its port', async (t) => {
  const { cwd, client, control } = await start(t);
  const shown = await holdfast(t, ['status'], { cwd });
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /^state {9}ready for /m);
  assert.ok(shown.stdout.includes(`${client} (client)`));
  const json = await holdfast(t, ['status', '--json', '--url', control], { env: { HOLDFAST_USER: 'ann:pw' } });
  assert.equal(JSON.parse(json.stdout).state, 'ready');
});

test('a token or user on the command line comes before one of the environment', async (t) => {
  const requests: (string | undefined)[] = [];
  const address = await startOrigin(t, ({ headers }, response) => {
    requests.push(headers.authorization);
    response.writeHead(403, { 'Content-Type': 'application/json' }).end('{}');
  });
  const url = `http://${address}`;
  const basic = `Basic ${Buffer.from('ann:pw').toString('base64')}`;
  for (const command of [
    ['status'],
    ['reload'],
    ['drain'],
    ['tail', 'c'],
    ['publish', 'c', 'x'],
    ['upgrade'],
    ['top'],
  ]) {
    requests.length = 0;
    await holdfast(t, [...command, '--url', url, '--token', 'abc'], { env: { HOLDFAST_USER: 'bob:hush' } });
    await holdfast(t, [...command, '--url', url, '--user', 'ann:pw'], { env: { HOLDFAST_TOKEN: 'hush' } });
    assert.deepEqual([requests[0], requests.at(-1)], ['Bearer abc', basic], command[0]);
  }
  const both = await holdfast(t, ['status', '--url', url], { env: { HOLDFAST_USER: 'bob:hush', HOLDFAST_TOKEN: 'x' } });
  assert.match(both.stderr, /give --user or --token, not both/);
});

test('a command that may not, or finds no server, says what to do', async (t) => {
  const { control } = await start(t);
  for (const [args, message] of [
    [['status', '--url', control], /Credentials are missing or not valid\.\nerror: give --user or --token/],
    [['drain', '--url', control, '-u', 'ann:pw'], /it needs the role admin/],
    [
      ['status', '--url', 'unix:/nowhere'],
      /cannot reach the control port at unix:\/nowhere: .*ENOENT.*\nerror: start the server/,
    ],
    [['tail'], /missing required argument 'channel'/],
  ] as const) {
    const { code, stderr, stdout } = await holdfast(t, args);
    assert.match(stderr, message);
    assert.equal(code, args[0] === 'tail' ? 2 : 1);
    assert.equal(stdout, '');
  }
});

test('what is not the control port of Holdfast is told', async (t) => {
  const server = createServer((_request, response) => response.end('<html>\u001b[2J'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { code, stderr } = await holdfast(t, ['status', '--url', `http://127.0.0.1:${port}`]);
  assert.equal(code, 1);
  assert.match(stderr, /is not the control port of Holdfast/);
});

test('top prints a line a second where there is no terminal, and tail each item', async (t) => {
  const { cwd, client } = await start(t);
  const held = await connectTo(t, client);
  held.write('GET /stream?channel=ab HTTP/1.1\r\nHost: x\r\n\r\n');
  await held.take('\r\n\r\n');
  const top = startHoldfast(t, ['top'], { cwd });
  await top.output(/state=ready connections=\d+ held=1 .*requests=\d/);
  const tail = startHoldfast(t, ['tail', 'ab'], { cwd });
  const lines = startHoldfast(t, ['tail', 'ab', '--json'], { cwd });
  // Nothing tells when they have begun to look, so there is an item until both have seen one.
  const socket = join(cwd, 'control.sock');
  while (tail.stdout === '' || lines.stdout === '') assert.equal(await publish(socket), 200);
  await tail.output(/to 1 client\n {2}http-stream x\\u001b\[2J\\n\n/);
  const [, line = ''] = await lines.output(/^(.*)\n/);
  assert.equal(JSON.parse(line).receivers, 1);
  assert.ok(!tail.stdout.includes('\u001b') && !lines.stdout.includes('\u001b'));
});

test('upgrade tells when the new process has taken over, and held clients notice nothing', async (t) => {
  const { program, cwd, client } = await start(t);
  const held = await connectTo(t, client);
  held.write('GET /stream?channel=ab HTTP/1.1\r\nHost: x\r\n\r\n');
  await held.take('\r\n\r\n');
  const { code, stdout, stderr } = await holdfast(t, ['upgrade'], { cwd });
  const [, pid = ''] = /^process (\d+) of version \S+ has taken over$/m.exec(stdout) ?? [];
  t.after(() => {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended already.
    }
  });
  assert.equal(code, 0, stderr);
  assert.notEqual(Number(pid), program.pid);
  assert.match(stdout, new RegExp(`^1 connection has moved from process ${program.pid}, which `, 'm'));
  const status = await holdfast(t, ['status', '--json'], { cwd });
  assert.equal(JSON.parse(status.stdout).pid, Number(pid));
  assert.equal(await publish(join(cwd, 'control.sock')), 200);
  await held.take('x\u001b[2J\n\r\n');
  assert.equal((await holdfast(t, ['drain'], { cwd })).code, 0);
});

test('upgrade does not believe the new process before the old one has given all, as either may respond', async (t) => {
  const at = (pid: number, replaced: Status['replaced']): Status => ({ ...sampleStatus(), pid, replaced });
  const giving = at(2, { pid: 1, state: 'giving', moved: 5 });
  const outcomes = [at(1, null), at(2, { pid: 1, state: 'finishing', moved: 7 })];
  const runs = outcomes.map(async (last) => {
    const responses = [at(1, null), { pid: 2 }, giving, giving, last];
    const server = createServer((_request, response) => response.end(JSON.stringify(responses.shift() ?? last)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    return holdfast(t, ['upgrade', '--url', `http://127.0.0.1:${port}`]);
  });
  const [failed, done] = await Promise.all(runs);
  assert.equal(failed?.code, 1);
  assert.match(failed?.stderr ?? '', /process 2 did not take over, and process 1 goes on/);
  assert.equal(done?.code, 0, done?.stderr);
  assert.match(done?.stdout ?? '', /has taken over\n7 connections have moved from process 1, which finishes what/);
});

test('drain waits until the server has ended', async (t) => {
  const { program, cwd } = await start(t);
  const { code, stdout, stderr } = await holdfast(t, ['drain'], { cwd });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^process \d+ has (ended|no clients any more)\n$/);
  assert.equal((await program.ended).code, 0);
});

/** Publishes an item with a command for terminals in it. Resolves with the status. */
function publish(socketPath: string): Promise<number> {
  const item = { channel: 'ab', formats: { 'http-stream': { content: 'x\u001b[2J\n' } } };
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: '/publish', method: 'POST' }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    outgoing.on('error', reject).end(JSON.stringify({ items: [item] }));
  });
}
