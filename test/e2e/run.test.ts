import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePorts } from '../support/free-ports.ts';
import { holdfast, type Running, runServer, startHoldfast } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** An origin that answers every request with its own name. */
function namedOrigin(t: TestContext, name: string): Promise<string> {
  return startOrigin(t, (_request, response) => response.end(name));
}

async function get(address: string): Promise<string> {
  return (await fetch(`http://${address}/`)).text();
}

test('without a file the defaults and the command line are used, and the log says so', async (t) => {
  const origin = await namedOrigin(t, 'one');
  const program = startHoldfast(t, ['run', '--port', '127.0.0.1:0', '--route', `* ${origin}`]);
  await program.logged('no configuration file: using the defaults and the command line');
});

test('holdfast.toml of the working directory is read, and the log says so', async (t) => {
  const origin = await namedOrigin(t, 'one');
  const { program, clients } = await runServer(t, [], `[[route]]\nhost = "*"\ntargets = ["${origin}"]\n`);
  assert.equal((await program.logged('configuration read')).file, 'holdfast.toml');
  assert.equal(await get(clients[0] ?? ''), 'one');
});

test('--config names another file', async (t) => {
  const origin = await namedOrigin(t, 'one');
  const other = `[control]\nlisten = []\n[server]\nlisten = ["127.0.0.1:0"]\n[[route]]\nhost = "*"\ntargets = ["${origin}"]\n`;
  const cwd = temporaryFolder(t, { 'holdfast.toml': 'nonsense', 'other.toml': other });
  const program = startHoldfast(t, ['run', '--config', 'other.toml'], { cwd });
  assert.equal((await program.logged('configuration read')).file, 'other.toml');
  const { clients, publishers } = await program.logged('started');
  assert.deepEqual(publishers, []);
  assert.equal(await get((clients as string[])[0] ?? ''), 'one');
});

test('--route replaces the routes of the file, and --port may be repeated', async (t) => {
  const [one, two] = [await namedOrigin(t, 'one'), await namedOrigin(t, 'two')];
  const file = `[[route]]\nhost = "*"\ntargets = ["127.0.0.1:1"]\n`;
  const ports = ['--port', '127.0.0.1:0', '--port', '127.0.0.1:0'];
  const { clients } = await runServer(t, [...ports, '--route', `* ${one}`, '--route', `localhost ${two}`], file);
  assert.equal(clients.length, 2);
  for (const address of clients) {
    assert.equal(await get(address), 'one');
    assert.equal(await get(address.replace('127.0.0.1', 'localhost')), 'two');
  }
});

test('--log-level replaces the level of the file', async (t) => {
  const origin = await namedOrigin(t, 'one');
  const { program, clients } = await runServer(
    t,
    ['--route', `* ${origin}`, '--log-level', 'debug'],
    '[log]\nlevel = "info"',
  );
  await get(clients[0] ?? '');
  await program.logged('request', ({ level }) => level === 'debug');
});

/** A server with a request that its origin never answers. */
async function withHungRequest(t: TestContext): Promise<Running> {
  let arrived = () => {};
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const origin = await startOrigin(t, () => arrived());
  const running = await runServer(t, ['--route', `* ${origin}`]);
  const client = await connectTo(t, running.clients[0] ?? '');
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await arrival;
  return running;
}

test('a second signal ends the process at once, with 1', async (t) => {
  const { program } = await withHungRequest(t);
  program.kill('SIGTERM');
  assert.equal((await program.logged('stopping')).signal, 'SIGTERM');
  // Those of the first half second count as the first one.
  const again = setInterval(() => program.kill('SIGINT'), 50);
  const { code } = await program.ended;
  clearInterval(again);
  assert.equal(code, 1);
});

test('a request without a response delays a stop by drain_timeout at most', async (t) => {
  const origin = await startOrigin(t, () => {});
  const { program, clients } = await runServer(t, ['--route', `* ${origin}`], '[server]\ndrain_timeout = 0.1\n');
  const client = await connectTo(t, clients[0] ?? '');
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal((await program.stop()).code, 0);
  await client.ended;
});

test('a request in flight gets its response before the process ends', async (t) => {
  let finish = () => {};
  const origin = await startOrigin(t, (_request, response) => {
    response.write('beginning ');
    finish = () => response.end('and end');
  });
  const { program, clients } = await runServer(t, ['--route', `* ${origin}`]);
  const response = await fetch(`http://${clients[0]}/`);
  program.kill('SIGTERM');
  await program.logged('stopping');
  finish();
  assert.equal(await response.text(), 'beginning and end');
  assert.equal((await program.ended).code, 0);
});

for (const [what, code] of [
  ['an exception', "throw new Error('broken')"],
  ['a rejection', "Promise.reject(new Error('broken'))"],
] as const) {
  test(`${what} that is not handled is logged, and ends the process with 1`, async (t) => {
    const broken = `data:text/javascript,${encodeURIComponent(`process.on('SIGUSR2', () => { ${code} });`)}`;
    const [controlPort] = await freePorts(1);
    const cwd = temporaryFolder(t, { 'holdfast.toml': `[control]\nlisten = ["127.0.0.1:${controlPort}"]\n` });
    const program = startHoldfast(t, ['run', '--port', '127.0.0.1:0', '--route', '* localhost:1'], {
      cwd,
      env: { NODE_OPTIONS: `--import=${broken}` },
    });
    await program.logged('started');
    program.kill('SIGUSR2');
    const record = await program.logged('uncaught exception: the process ends');
    assert.equal(record.level, 'error');
    assert.match(String(record.stack), /Error: broken\n +at /);
    assert.equal((await program.ended).code, 1);
  });
}

test('an address that cannot be bound is one line, and ends the process with 1', async (t) => {
  const address = await namedOrigin(t, 'taken');
  const program = startHoldfast(t, ['run', '--port', address, '--route', '* localhost:1']);
  const { code, stderr } = await program.ended;
  assert.equal(code, 1);
  assert.match(stderr, /^error: cannot listen on 127\.0\.0\.1:\d+: address already in use\n$/);
});

test('a key file that is missing is one line, and ends the process with 1', async (t) => {
  const cwd = temporaryFolder(t, { 'holdfast.toml': '[proxy]\nsig_key = "file:none.key"\n' });
  const program = startHoldfast(t, ['run', '--port', '127.0.0.1:0', '--route', '* localhost:1'], { cwd });
  const { code, stderr } = await program.ended;
  assert.equal(code, 1);
  assert.match(stderr, /^holdfast\.toml:2: proxy\.sig_key: [^\n]*none\.key[^\n]*\n$/);
});

test('the unix socket of --port has its mode, and is removed at exit', async (t) => {
  const origin = await namedOrigin(t, 'one');
  const path = `${temporaryFolder(t)}/socket`;
  const { program, clients } = await runServer(t, ['--port', `unix:${path}?mode=600`, '--route', `* ${origin}`]);
  assert.deepEqual(clients, [`unix:${path}`]);
  const { mode } = statSync(path);
  assert.equal(mode & 0o777, 0o600);
  const client = await connectTo(t, `unix:${path}`);
  assert.equal((await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).body, 'one');
  client.end();
  await program.stop();
  assert.equal(existsSync(path), false);
});

test('--port takes an IPv6 address', async (t) => {
  const origin = await namedOrigin(t, 'one');
  const { clients } = await runServer(t, ['--port', '[::1]:0', '--route', `* ${origin}`]);
  assert.match(clients[0] ?? '', /^\[::1\]:\d+$/);
  assert.equal(await get(clients[0] ?? ''), 'one');
});

test('the routes of routes_file are added, and replaced when the file is; a bad line leaves them as they are', async (t) => {
  const [one, two] = [await namedOrigin(t, 'one'), await namedOrigin(t, 'two')];
  const toml = `[server]\nlisten = ["127.0.0.1:0"]\n[control]\nlisten = []\n[proxy]\nroutes_file = "routes"\n[[route]]\nhost = "localhost"\ntargets = ["${one}"]\n`;
  const cwd = temporaryFolder(t, { 'holdfast.toml': toml, routes: `* ${one} # all\n` });
  const program = startHoldfast(t, ['run'], { cwd });
  const address = ((await program.logged('started')).clients as string[])[0] ?? '';
  assert.equal(await get(address), 'one');
  writeFileSync(join(cwd, 'routes'), `* ${two},wibble\n`);
  program.kill('SIGHUP');
  assert.match(String((await program.logged('configuration not reloaded')).reason), /^routes:1: .*wibble/);
  assert.equal(await get(address), 'one');
  writeFileSync(join(cwd, 'routes.new'), `* ${two}\n`);
  renameSync(join(cwd, 'routes.new'), join(cwd, 'routes'));
  await program.logged('routes loaded with 2 entries');
  assert.equal(await get(address), 'two');
  assert.equal(await get(address.replace('127.0.0.1', 'localhost')), 'one');
});

test('what is no file in place of routes_file stops nothing', async (t) => {
  const origin = await namedOrigin(t, 'one');
  const toml = '[server]\nlisten = ["127.0.0.1:0"]\n[control]\nlisten = []\n[proxy]\nroutes_file = "routes"\n';
  const cwd = temporaryFolder(t, { 'holdfast.toml': toml, routes: `* ${origin}\n` });
  const program = startHoldfast(t, ['run'], { cwd });
  const address = ((await program.logged('started')).clients as string[])[0] ?? '';
  const file = join(cwd, 'routes');
  rmSync(file);
  execFileSync('mkfifo', [file]);
  program.kill('SIGHUP');
  await program.logged('configuration not reloaded', ({ reason }) =>
    /routes: it is not a regular file$/.test(String(reason)),
  );
  assert.equal(await get(address), 'one');
  rmSync(file);
  program.kill('SIGHUP');
  await program.logged('configuration not reloaded', ({ reason }) =>
    /routes: no such file or directory$/.test(String(reason)),
  );
  assert.equal(await get(address), 'one');
  writeFileSync(file, `* ${await namedOrigin(t, 'two')}\na.example ${origin}\n`);
  program.kill('SIGHUP');
  await program.logged('routes loaded with 2 entries');
  assert.equal(await get(address), 'two');
});

test('a reload that adds a SockJS route while there are workers is refused by name and changes nothing', async (t) => {
  const [one, two] = [await namedOrigin(t, 'one'), await namedOrigin(t, 'two')];
  const toml =
    '[server]\nlisten = ["127.0.0.1:0"]\nworkers = 2\n[control]\nlisten = []\n[proxy]\nroutes_file = "routes"\n';
  const cwd = temporaryFolder(t, { 'holdfast.toml': toml, routes: `* ${one}\n` });
  const program = startHoldfast(t, ['run'], { cwd });
  const address = ((await program.logged('started')).clients as string[])[0] ?? '';
  writeFileSync(join(cwd, 'routes'), `*,sockjs=/sockjs ${two}\n`);
  program.kill('SIGHUP');
  const { reason } = await program.logged('configuration not reloaded');
  assert.match(String(reason), /^routes:1: route\[0\]: workers under \[server\] must be 1 with SockJS: /);
  assert.equal(await get(address), 'one');
});

test('an error in routes_file, and a route that is there twice, are errors at the start', async (t) => {
  const toml = '[proxy]\nroutes_file = "routes"\n[[route]]\nhost = "a.example"\ntargets = ["localhost:1"]\n';
  const cases: readonly (readonly [string, RegExp])[] = [
    ['* localhost:1\nnonsense\n', /routes:2: expected a condition/],
    ['*,pathbeg=/a localhost:1\n', /routes:1: .*did you mean "path_beg"/],
    ['a.example localhost:2\n', /routes:1: route\[1\]\.host: an earlier route has the same condition/],
    ['* localhost:1\nb,sockjs_as_path=/s localhost:1\n', /routes:2: sockjs_as_path has no effect without sockjs/],
    [
      '* localhost:1\nb,session localhost:1\n',
      /routes:2: route\[2\]\.session: needs the service that keeps sessions: state under \[publish\]/,
    ],
  ];
  for (const [routes, message] of cases) {
    const cwd = temporaryFolder(t, { 'holdfast.toml': toml, routes });
    for (const command of ['run', 'check']) {
      const { code, stderr } = await holdfast(t, [command], { cwd });
      assert.equal(code, 1);
      assert.match(stderr, message);
    }
  }
  const cwd = temporaryFolder(t, { 'holdfast.toml': toml });
  assert.match((await holdfast(t, ['check'], { cwd })).stderr, /cannot read the routes routes/);
});

test('a route of routes_file that several workers cannot serve is an error at the start', async (t) => {
  const toml = '[server]\nworkers = 2\n[proxy]\nroutes_file = "routes"\n';
  const cwd = temporaryFolder(t, { 'holdfast.toml': toml, routes: '* localhost:1\nb,sockjs=/s localhost:1\n' });
  for (const command of ['run', 'check']) {
    const { code, stderr } = await holdfast(t, [command], { cwd });
    assert.equal(code, 1);
    assert.match(stderr, /^routes:2: route\[1\]: workers under \[server\] must be 1 with SockJS: /m);
  }
});

test('check prints the routes of routes_file as [[route]], and not its name', async (t) => {
  const cwd = temporaryFolder(t, { 'holdfast.toml': '[proxy]\nroutes_file = "routes"\n', routes: '* localhost:1\n' });
  const { stdout } = await holdfast(t, ['check'], { cwd });
  assert.match(stdout, /^routes_file = ""$/m);
  assert.match(stdout, /^targets = \[ ?"localhost:1" ?\]$/m);
});
