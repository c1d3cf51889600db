import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePorts } from '../support/free-ports.ts';
import { holdfast, startHoldfast } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** The commands of Holdfast that a guide shows, as lists of arguments, with texts of the page replaced. */
function commandsOf(page: string, replaced: Readonly<Record<string, string>>): string[][] {
  let text = readFileSync(new URL(`../../docs/how-to/${page}`, import.meta.url), 'utf8');
  for (const [from, to] of Object.entries(replaced)) {
    assert.ok(text.includes(from), `${page} does not have ${from}`);
    text = text.replaceAll(from, to);
  }
  return [...text.matchAll(/^holdfast (.+)$/gm)].map(([, line = '']) =>
    [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? ''),
  );
}

/** Runs a command to its end, and expects success. */
async function run(t: TestContext, args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await holdfast(t, args, { cwd });
  assert.equal(code, 0, `holdfast ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

/** Starts a server, waits until it serves, and stops it. */
async function runServer(t: TestContext, args: readonly string[], cwd: string): Promise<void> {
  const program = startHoldfast(t, args, { cwd });
  await program.logged('started');
  program.kill('SIGTERM');
  assert.equal((await program.ended).code, 0);
}

test('the guide from Pushpin: its file is checked, run beside Pushpin, and imported', async (t) => {
  const origin = await startOrigin(t, (_, response) => response.end('from the origin\n'));
  const [client, pull, http, sub, command, client2, http2] = (await freePorts(7)).map(String);
  const conf = readFileSync(new URL('../cases/pushpin/debian.conf', import.meta.url), 'utf8')
    .replace('/var/run/pushpin', 'run')
    .replace('http_port=7999', `http_port=127.0.0.1:${client}`)
    .replace(':5560', `:${pull}`)
    .replace('push_in_http_port=5561', `push_in_http_port=${http}`)
    .replace(':5562', `:${sub}`)
    .replace(':5563', `:${command}`);
  const cwd = temporaryFolder(t, { 'pushpin.conf': conf, routes: `* ${origin}\n` });
  const [check, beside, publish, change, convert, again] = commandsOf('migrate-from-pushpin.md', {
    '/etc/pushpin/pushpin.conf': 'pushpin.conf',
    '17999': client2 as string,
    '15561': http2 as string,
  });
  assert.match(await run(t, check ?? [], cwd), /\[\[route\]\]/);
  const program = startHoldfast(t, beside ?? [], { cwd });
  await program.logged('started');
  assert.equal(await (await fetch(`http://127.0.0.1:${client2}/`)).text(), 'from the origin\n');
  assert.match(await run(t, publish ?? [], cwd), /Published/);
  program.kill('SIGTERM');
  await program.ended;
  await runServer(t, change ?? [], cwd);
  await run(t, convert ?? [], cwd);
  await run(t, again ?? [], cwd);
});

test('the guide from Condure: its command line and the section that does the same both serve', async (t) => {
  const [port] = (await freePorts(1)).map(String);
  const cwd = temporaryFolder(t);
  const replaced = { '0.0.0.0:8000': `127.0.0.1:${port}`, 'ipc:///tmp/edge': `ipc://${cwd}/edge` };
  const [line] = commandsOf('migrate-from-condure.md', replaced);
  await runServer(t, line ?? [], cwd);
  const page = readFileSync(new URL('../../docs/how-to/migrate-from-condure.md', import.meta.url), 'utf8');
  const toml = /^```toml\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? assert.fail('the guide has no configuration');
  const own = toml.replace('0.0.0.0:8000', `127.0.0.1:${port}`).replace('/run/holdfast/edge', `${cwd}/edge`);
  const folder = temporaryFolder(t, { 'edge.toml': own });
  const [, check, serve] = commandsOf('migrate-from-condure.md', {});
  await run(t, check ?? [], folder);
  await runServer(t, serve ?? [], folder);
});

test('the guide from Zurl: its file is checked, a URL is judged, and it serves', async (t) => {
  const cwd = temporaryFolder(t);
  const conf = `[General]
in_spec=ipc://${cwd}/zurl-in
in_stream_spec=ipc://${cwd}/zurl-in-stream
out_spec=ipc://${cwd}/zurl-out
in_req_spec=ipc://${cwd}/zurl-req
defpolicy=allow
deny=127.*,10.*,192.168.*,*.local
`;
  const file = join(temporaryFolder(t, { 'zurl.conf': conf }), 'zurl.conf');
  const [check, judge, serve] = commandsOf('migrate-from-zurl.md', { '/etc/zurl.conf': file });
  assert.match(await run(t, check ?? [], cwd), /\[fetch\]/);
  const judged = await holdfast(t, judge ?? [], { cwd });
  assert.equal(judged.code, 1);
  assert.match(judged.stdout, /10\.0\.0\.1/);
  await runServer(t, serve ?? [], cwd);
});

test('the guide from Mongrel2: its site is checked, run, and imported', async (t) => {
  const [port] = await freePorts(1);
  const uuid = 'f400bf85-4538-4f7a-8908-67e313d515c2';
  const conf = `main = Server(uuid="${uuid}", chroot="./", access_log="/logs/access.log", error_log="/logs/error.log",
  pid_file="/run/mongrel2.pid", default_host="localhost", name="main", port=${port}, bind_addr="127.0.0.1",
  hosts=[Host(name="localhost", routes={'/': Dir(base='static/', index_file='index.html', default_ctype='text/plain')})])
servers = [main]
`;
  const cwd = temporaryFolder(t, { 'mongrel2.conf': conf });
  for (const name of ['logs', 'run', 'static']) mkdirSync(join(cwd, name));
  const [check, serve, convert, all] = commandsOf('migrate-from-mongrel2.md', {});
  await run(t, check ?? [], cwd);
  const program = startHoldfast(t, serve ?? [], { cwd });
  let ended = false;
  void program.ended.then(() => {
    ended = true;
  });
  while ((await fetch(`http://127.0.0.1:${port}/`).catch(() => null)) === null) assert.ok(!ended, 'it serves');
  program.kill('SIGTERM');
  assert.equal((await program.ended).code, 0);
  await run(t, convert ?? [], cwd);
  await runServer(t, all ?? [], cwd);
});
