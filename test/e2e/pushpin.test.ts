import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { freePorts } from '../support/free-ports.ts';
import { holdfast, startHoldfast } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** The configuration that Debian ships. */
const CONF = readFileSync(new URL('../cases/pushpin/debian.conf', import.meta.url), 'utf8');

const run = promisify(execFile);

/** An origin that holds requests for /stream on the channel "test". */
function gripOrigin(t: TestContext): Promise<string> {
  return startOrigin(t, (request, response) => {
    if (request.url !== '/stream') response.end(`signed: ${request.headers['grip-sig'] !== undefined}\n`);
    else response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': 'test' }).end('open\n');
  });
}

/** Debian's file with the ports of clients and publishers changed, so that tests can run side by side. */
function confWith(ports: readonly number[], more = ''): string {
  const [client, pull, http, sub, command] = ports;
  return CONF.replace('/var/run/pushpin', 'run')
    .replace('http_port=7999', `http_port=127.0.0.1:${client}`)
    .replace(':5560', `:${pull}`)
    .replace('push_in_http_port=5561', `push_in_http_port=${http}`)
    .replace(':5562', `:${sub}`)
    .replace(':5563', `:${command}`)
    .concat(more);
}

test("holdfast pushpin runs with Debian's pushpin.conf, a routes file, curl and a publisher", async (t) => {
  const origin = await gripOrigin(t);
  const ports = await freePorts(5);
  const [client, , http] = ports;
  const folder = temporaryFolder(t, { 'pushpin.conf': confWith(ports), routes: `# all\n* ${origin}\n` });
  const conf = join(folder, 'pushpin.conf');
  const program = startHoldfast(t, ['pushpin', '--merge-output', `--config=${conf}`]);
  await program.logged('started');
  assert.deepEqual(
    program.log().flatMap(({ level, key }) => (level === 'warn' ? [key] : [])),
    [],
  );
  assert.ok(program.log().some(({ msg }) => msg === 'routes loaded with 1 entries'));
  const { stdout } = await run('curl', ['-s', `http://127.0.0.1:${client}/`]);
  assert.equal(stdout, 'signed: true\n');
  const held = await connectTo(t, `127.0.0.1:${client}`);
  held.write('GET /stream HTTP/1.1\r\nHost: x\r\n\r\n');
  await held.take('open\n');
  const item = { channel: 'test', formats: { 'http-stream': { content: 'hello\n' } } };
  const data = JSON.stringify({ items: [item] });
  const published = await run('curl', ['-s', '-d', data, `http://127.0.0.1:${http}/publish/`]);
  assert.equal(published.stdout, 'Published\n');
  await held.take('hello\n');
  held.reset();
  assert.equal((await program.stop()).code, 0);
});

test('SIGHUP reads the routes file again; bad lines are skipped with a warning', async (t) => {
  const origin = await gripOrigin(t);
  const ports = await freePorts(5);
  const folder = temporaryFolder(t, { 'pushpin.conf': confWith(ports), routes: `* ${origin}\n` });
  const program = startHoldfast(t, ['pushpin', '--config', join(folder, 'pushpin.conf')]);
  await program.logged('started');
  writeFileSync(join(folder, 'routes'), `nonsense\na.example ${origin}\nb.example ${origin}\n`);
  program.kill('SIGHUP');
  await program.logged('routes loaded with 2 entries');
  const warning = await program.logged(
    'ignored in the configuration: expected a condition and at least one target, such as "* localhost:8000"',
  );
  assert.equal(warning.line, 1);
  const { stdout } = await run('curl', [
    '-s',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    `http://127.0.0.1:${ports[0]}/`,
  ]);
  assert.equal(stdout, '502');
});

test('a routes file that is replaced is read again; unknown properties are ignored with a warning', async (t) => {
  const origin = await gripOrigin(t);
  const ports = await freePorts(5);
  const folder = temporaryFolder(t, { 'pushpin.conf': confWith(ports), routes: `* ${origin}\n` });
  const program = startHoldfast(t, ['pushpin', '--config', join(folder, 'pushpin.conf')]);
  await program.logged('started');
  const routes = join(folder, 'routes');
  writeFileSync(`${routes}.new`, `*,pathbeg=/a,debug ${origin},wibble,debug,host="a.example"\na.example test\n`);
  renameSync(`${routes}.new`, routes);
  await program.logged('routes loaded with 2 entries');
  const warnings = program.log().filter(({ level }) => level === 'warn');
  assert.deepEqual(
    warnings.map(({ line, msg }) => [line, msg]),
    [
      [1, 'ignored in the configuration: unknown property "pathbeg"; did you mean "path_beg"?'],
      [1, 'ignored in the configuration: unknown property "wibble"'],
      [1, 'ignored in the configuration: property "debug" belongs to the condition: write it before the first target'],
    ],
  );
  const { stdout } = await run('curl', ['-s', '-H', 'Host: a.example', `http://127.0.0.1:${ports[0]}/`]);
  assert.equal(stdout, 'Hello from the Pushpin test handler!\n');
});

test('--id moves the other ports, --port and --route replace those of the files', async (t) => {
  const origin = await gripOrigin(t);
  const [client = 0] = await freePorts(1);
  const folder = temporaryFolder(t, { 'pushpin.conf': CONF });
  const args = ['--config', join(folder, 'pushpin.conf'), '--id', '900', '--port', `127.0.0.1:${client}`];
  const program = startHoldfast(t, ['pushpin', ...args, '--route', `* ${origin}`]);
  const started = await program.logged('started');
  assert.deepEqual(started.clients, [`127.0.0.1:${client}`]);
  assert.deepEqual(started.publishers, ['127.0.0.1:14561']);
  assert.deepEqual(started.publish, ['tcp://127.0.0.1:14560', 'tcp://127.0.0.1:14562', 'tcp://127.0.0.1:14563']);
});

test('an unknown key and a key without effect are named with the reason', async (t) => {
  const origin = await gripOrigin(t);
  const conf = confWith(await freePorts(5), '\nmessage_wat=1\n[proxy]\nprometheus_port=1\n');
  const folder = temporaryFolder(t, { 'pushpin.conf': conf, routes: `* ${origin}\n` });
  const program = startHoldfast(t, ['pushpin', '--config', join(folder, 'pushpin.conf')]);
  await program.logged('started');
  const warnings = program.log().filter(({ level }) => level === 'warn');
  assert.deepEqual(
    warnings.map(({ key }) => key),
    ['handler/message_wat', 'proxy/prometheus_port'],
  );
  assert.match(warnings[0]?.msg ?? '', /unknown key; did you mean "message_wait"\?$/);
});

test('a property that has no effect is named in a warning, and in import, and the route is served', async (t) => {
  const origin = await gripOrigin(t);
  const routes = `* ${origin}\na,session,id=a ${origin}\nb,sockjs_as_path=/b,id=b ${origin}\n`;
  const folder = temporaryFolder(t, { 'pushpin.conf': confWith(await freePorts(5)), routes });
  const program = startHoldfast(t, ['pushpin', '--config', join(folder, 'pushpin.conf')]);
  await program.logged('routes loaded with 3 entries');
  const warnings = program.log().filter(({ level }) => level === 'warn');
  assert.deepEqual(warnings.map(({ line, key }) => [line, key]).sort(), [
    [2, 'session'],
    [3, ''],
  ]);
  const imported = await holdfast(t, ['import', 'pushpin.conf', '-o', 'holdfast.toml'], { cwd: folder });
  assert.match(
    imported.stderr,
    /^routes:2: session: needs the service that keeps sessions: .*state_spec in a pushpin/m,
  );
  assert.match(imported.stderr, /^routes:3: sockjs_as_path has no effect without sockjs, ignored$/m);
  const checked = await holdfast(t, ['check'], { cwd: folder });
  assert.equal(checked.code, 0, checked.stderr);
});

test('log_from, log_user_agent and log_level of a route say what the log has of requests', async (t) => {
  const origin = await gripOrigin(t);
  const ports = await freePorts(5);
  const conf = confWith(ports).replace('log_from=false', 'log_from=true').replace('agent=false', 'agent=true');
  const folder = temporaryFolder(t, { 'pushpin.conf': conf, routes: `*,log_level=2 ${origin}\n` });
  const program = startHoldfast(t, ['pushpin', '--config', join(folder, 'pushpin.conf')]);
  await program.logged('started');
  await fetch(`http://127.0.0.1:${ports[0]}/a`, { headers: { 'User-Agent': 'Wanderer/1' } });
  const { level, uri, outcome, from, ua } = await program.logged('request');
  assert.deepEqual(
    [level, uri, outcome, from, ua],
    ['info', `http://127.0.0.1:${ports[0]}/a`, '200', '127.0.0.1', 'Wanderer/1'],
  );
});

test('holdfast import writes a holdfast.toml that holdfast check accepts, as it does the pushpin.conf', async (t) => {
  const cwd = temporaryFolder(t, { 'pushpin.conf': CONF, routes: 'a.example,id=x localhost:8000\nbad\n' });
  const imported = await holdfast(t, ['import', 'pushpin.conf', '-o', 'holdfast.toml'], { cwd });
  assert.equal(imported.code, 0);
  assert.match(imported.stderr, /^routes:2: expected a condition/m);
  assert.match(imported.stderr, /^routes: "holdfast run" refuses a routes file with such lines/m);
  const toml = await holdfast(t, ['check'], { cwd });
  assert.equal(toml.code, 0, toml.stderr);
  assert.match(toml.stdout, /host = "a\.example"/);
  assert.match(toml.stdout, /^pull = \[ "tcp:\/\/127\.0\.0\.1:5560" \]$/m);
  const conf = await holdfast(t, ['check', '--config', 'pushpin.conf'], { cwd });
  assert.equal(conf.stdout, toml.stdout);
  const again = await holdfast(t, ['import', 'pushpin.conf', '-o', 'holdfast.toml'], { cwd });
  assert.equal(again.code, 1);
  assert.equal(again.stderr.trim().split('\n').at(-1), 'error: cannot write holdfast.toml: file already exists');
});

test('without a pushpin.conf the message says where it was looked for', async (t) => {
  const { code, stderr } = await holdfast(t, ['pushpin']);
  assert.equal(code, 1);
  assert.match(stderr, /no pushpin\.conf: looked for config\/pushpin\.conf, /);
});

test('https_ports and message_wait become what they mean here', async (t) => {
  const conf = CONF.replace('#https_ports=443', 'https_ports=443').replace('message_wait=5000', 'message_wait=2500');
  const cwd = temporaryFolder(t, { 'pushpin.conf': conf, routes: '* localhost:8000\n' });
  const { code, stdout, stderr } = await holdfast(t, ['import', 'pushpin.conf'], { cwd });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^listen = \[ "7999", "443,tls,default-cert=default_443" \]$/m);
  assert.ok(stdout.includes(`\ntls_identities_dir = "${join(cwd, 'runner/certs')}"\n`), stdout);
  assert.match(stdout, /^message_wait = 2\.5$/m);
});

test('holdfast import keeps the routes file in force and writes only what differs from the defaults', async (t) => {
  const cwd = temporaryFolder(t, { 'pushpin.conf': CONF, routes: 'a.example localhost:8000\n' });
  const { code, stdout, stderr } = await holdfast(t, ['import', 'pushpin.conf'], { cwd });
  assert.equal(code, 0, stderr);
  assert.ok(stdout.includes(`\nroutes_file = "${join(cwd, 'routes')}"\n`), stdout);
  assert.doesNotMatch(stdout, /a\.example|header_timeout|\[\[route\]\]/);
  assert.match(stdout, /[^\n]\n$/);
  writeFileSync(join(cwd, 'holdfast.toml'), stdout);
  const toml = await holdfast(t, ['check'], { cwd });
  const conf = await holdfast(t, ['check', '--config', 'pushpin.conf'], { cwd });
  assert.equal(toml.stdout, conf.stdout);
});

test('workers that the routes cannot have become one in import and check too', async (t) => {
  for (const line of ['*,sockjs=/s localhost:8000', '* zhttp/ipc://x']) {
    const conf = '[runner]\nhttp_port=7999\n[proxy]\nworkers=2\nroutesfile=routes\n';
    const cwd = temporaryFolder(t, { 'pushpin.conf': conf, routes: `${line}\n` });
    const imported = await holdfast(t, ['import', 'pushpin.conf'], { cwd });
    const checked = await holdfast(t, ['check', '--config', 'pushpin.conf'], { cwd });
    for (const { code, stderr } of [imported, checked]) {
      assert.equal(code, 0, stderr);
      assert.match(stderr, /^pushpin\.conf:4: proxy\/workers: one process serves the clients: workers must be 1 /m);
    }
    assert.match(checked.stdout, /^workers = 1$/m);
  }
});

test('a route whose key or certificate cannot be read is skipped with a warning', async (t) => {
  const origin = await gripOrigin(t);
  const ports = await freePorts(5);
  const bad = `*,path_beg=/a,sig_key=file:nokey ${origin}\n*,path_beg=/b,sig_key=file:nokey ${origin}\n`;
  const routes = `${bad}* ${origin}\n*,path_beg=/c ${origin},ssl,client_cert=nocert,client_key=nocert\n`;
  const folder = temporaryFolder(t, { 'pushpin.conf': confWith(ports), routes });
  const program = startHoldfast(t, ['pushpin', '--config', join(folder, 'pushpin.conf')]);
  await program.logged('started');
  const warned = () => program.log().flatMap(({ level, line, key }) => (level === 'warn' ? [[line, key]] : []));
  const expected = [
    [1, 'sig_key'],
    [2, 'sig_key'],
    [4, 'targets[0]'],
  ];
  assert.deepEqual(warned(), expected);
  assert.ok(program.log().some(({ msg }) => msg === 'routes loaded with 1 entries'));
  writeFileSync(join(folder, 'routes'), `${routes}b.example ${origin}\n`);
  program.kill('SIGHUP');
  await program.logged('routes loaded with 2 entries');
  assert.deepEqual(warned().slice(0, 6), [...expected, ...expected]);
  const { code, stderr } = await holdfast(t, ['check', '--config', 'pushpin.conf'], { cwd: folder });
  assert.equal(code, 0);
  assert.match(stderr, /^routes:1: sig_key: cannot read key file "nokey": .*, ignored$/m);
  assert.match(stderr, /^routes:4: targets\[0\]: cannot read nocert: .*, ignored$/m);
});

test('a key of pushpin.conf that cannot be read is an error with its line', async (t) => {
  const conf = '[proxy]\nroutesfile=routes\nsig_key=file:nokey\n';
  const cwd = temporaryFolder(t, { 'pushpin.conf': conf, routes: '* localhost:8000\n' });
  for (const args of [['check', '--config'], ['pushpin', '--config'], ['import']]) {
    const { code, stderr } = await holdfast(t, [...args, 'pushpin.conf'], { cwd });
    assert.equal(code, 1);
    assert.match(stderr, /^pushpin\.conf:3: proxy\/sig_key: cannot read key file "nokey": /);
  }
});

test('routes that several processes cannot serve are skipped when the routes file changes', async (t) => {
  const origin = await gripOrigin(t);
  const ports = await freePorts(5);
  const conf = confWith(ports, '\n[proxy]\nworkers=2\n');
  const folder = temporaryFolder(t, { 'pushpin.conf': conf, routes: `* ${origin}\n` });
  const program = startHoldfast(t, ['pushpin', '--config', join(folder, 'pushpin.conf')]);
  await program.logged('started');
  const added = `*,sockjs=/s,path_beg=/s ${origin}\nz.example zhttp/ipc://x\nb.example ${origin}\n`;
  writeFileSync(join(folder, 'routes'), `* ${origin}\n${added}`);
  program.kill('SIGHUP');
  await program.logged('routes loaded with 2 entries');
  const warnings = program.log().filter(({ level, line }) => level === 'warn' && line !== undefined);
  assert.deepEqual(
    warnings.slice(0, 2).map(({ line }) => line),
    [2, 3],
  );
  assert.match(warnings[0]?.msg ?? '', /^ignored in the configuration: workers must be 1 with SockJS: /);
});

test('errors name the variable target, and the command for a pushpin.conf', async (t) => {
  const cwd = temporaryFolder(t, { 'pushpin.conf': CONF });
  const wrong = await holdfast(t, ['pushpin', '--config', 'pushpin.conf'], { cwd, env: { target: 'a:99999' } });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /^error: the environment variable "target": targets\[0\]: /);
  const run = await holdfast(t, ['run', '--config', 'pushpin.conf'], { cwd });
  assert.equal(run.code, 1);
  assert.match(run.stderr, /"holdfast pushpin --config pushpin\.conf", or "holdfast import pushpin\.conf"/);
});

test('the environment variable target makes the only route, as in the container image', async (t) => {
  const origin = await gripOrigin(t);
  const ports = await freePorts(5);
  const folder = temporaryFolder(t, { 'pushpin.conf': confWith(ports) });
  const args = ['pushpin', '--merge-output', '--config', join(folder, 'pushpin.conf')];
  const program = startHoldfast(t, args, { env: { target: origin } });
  await program.logged('started');
  const { stdout } = await run('curl', ['-s', `http://127.0.0.1:${ports[0]}/`]);
  assert.equal(stdout, 'signed: true\n');
});

test('without a folder for socket files the server runs, and publishes no stats', async (t) => {
  const origin = await gripOrigin(t);
  const ports = await freePorts(5);
  const conf = confWith(ports).replace('rundir=run', `rundir=${process.execPath}/run`);
  const folder = temporaryFolder(t, { 'pushpin.conf': conf, routes: `* ${origin}\n` });
  const program = startHoldfast(t, ['pushpin', `--config=${join(folder, 'pushpin.conf')}`]);
  await program.logged('started');
  const messages = program.log().map(({ msg }) => msg);
  assert.ok(messages.includes('cannot make the folder of socket files: stats packets are not published'));
});
