import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { ProcessUsage } from '../security/chaos/process-usage.ts';
import { selfSigned } from '../support/certificates.ts';
import { holdfast, startHoldfast } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { portOf } from '../support/port-of.ts';
import { connectTo } from '../support/raw-client.ts';
import { startReloading } from '../support/reloading.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { openWs, startWsOrigin } from '../support/websocket/ws-peers.ts';

const named = (t: TestContext, name: string) => startOrigin(t, (_request, response) => response.end(name));
interface ListedRoutes {
  readonly routes: readonly { readonly id: string; readonly source: string }[];
}

const route = (target: string, more = '') => `[[route]]\nid = "main"\nhost = "*"\ntargets = ["${target}"]\n${more}`;

async function bodyAt(t: TestContext, address: string, host = 'x'): Promise<string> {
  const client = await connectTo(t, address);
  const { body } = await client.request(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  return body;
}

test('a reload changes routes and limits for a connection that stays open, and tells what changed', async (t) => {
  const [one, two] = [await named(t, 'one'), await named(t, 'two')];
  const rig = await startReloading(t, route(one));
  const client = await connectTo(t, rig.address);
  const ask = (path = '/') => client.request(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  assert.equal((await ask()).body, 'one');
  rig.write(
    `${route(two)}[server]\nmax_target_bytes = 256\nlisten = ["8000"]\nworkers = 3\n[proxy]\nsig_key = "secret"\n`,
  );
  const { msg, changed } = await rig.reload();
  assert.equal(msg, 'configuration reloaded');
  assert.deepEqual(changed, [
    'server.max_target_bytes 8192 -> 256',
    'proxy.sig_key changed',
    'routes: +0 -0 ~1 (main)',
  ]);
  // Those on the command line are as they were.
  const { keys } = await rig.program.logged('changed in the configuration, and needs a restart');
  assert.deepEqual(keys, ['server.workers']);
  assert.equal((await ask()).body, 'two');
  assert.equal((await ask(`/${'x'.repeat(300)}`)).status, 414);
  assert.doesNotMatch(rig.program.stdout, /secret/);
  assert.equal((await rig.program.stop()).code, 0);
});

test('an open WebSocket stays with its origin over a reload that gives its route another one', async (t) => {
  const [one, two] = [await startWsOrigin(t), await startWsOrigin(t)];
  const rig = await startReloading(t, route(one.address));
  const client = await openWs(t, `ws://${rig.address}/`);
  const { peer } = await one.accept();
  rig.write(route(two.address));
  assert.equal((await rig.reload()).msg, 'configuration reloaded');
  peer.socket.send('still here');
  const [data] = await once(client.socket, 'message');
  assert.equal(String(data), 'still here');
  await openWs(t, `ws://${rig.address}/`);
  await two.accept();
});

test('what is wrong changes nothing, and is told with its line to the log and to whoever asked', async (t) => {
  const one = await named(t, 'one');
  const rig = await startReloading(t, route(one));
  rig.write(`${route(one, 'path_begg = "/a"\n')}[server]\nmax_target_bytes = 256\n`);
  const { msg, reason } = await rig.reload();
  assert.equal(msg, 'configuration not reloaded');
  assert.match(String(reason), /^holdfast\.toml:9: route\[0\]\.path_begg: unknown key; did you mean "path_beg"\?$/);
  const { status, json } = await rig.ask('POST', '/reload');
  assert.equal(status, 422);
  assert.deepEqual(json, {
    errors: [
      {
        file: 'holdfast.toml',
        line: 9,
        key: 'route[0].path_begg',
        message: 'unknown key; did you mean "path_beg"?',
      },
    ],
  });
  await rig.next();
  rig.write(route(one, 'sig_key = "file:none"\n'));
  assert.match(
    String((await rig.reload()).reason),
    /^holdfast\.toml:9: route\[0\]\.sig_key: cannot read key file "none"/,
  );
  assert.equal(await bodyAt(t, rig.address), 'one');
  const { configuration } = (await rig.ask('GET', '/status')).json as { configuration: Record<string, unknown> };
  assert.match(String(configuration.lastError), /sig_key/);
  assert.equal(configuration.reloads, 0);
});

test('a file that is empty, a folder, a FIFO, too large or missing is refused, and so it is at the start', async (t) => {
  const one = await named(t, 'one');
  const rig = await startReloading(t, route(one));
  const file = join(rig.folder, 'holdfast.toml');
  const { execFileSync } = await import('node:child_process');
  const cases: readonly (readonly [() => void, RegExp, boolean])[] = [
    [() => writeFileSync(file, ''), /cannot read the configuration holdfast\.toml: the file is empty$/, false],
    [() => mkdirSync(file), /cannot read the configuration holdfast\.toml: is a directory$/, true],
    [
      () => execFileSync('mkfifo', [file]),
      /cannot read the configuration holdfast\.toml: it is not a regular file$/,
      true,
    ],
    [
      () => execFileSync('truncate', ['-s', '100M', file]),
      /holdfast\.toml: it has 104857600 bytes: at most 33554432 are read$/,
      true,
    ],
    [() => {}, /there are no routes: /, true],
  ];
  for (const [make, expected, atStart] of cases) {
    rmSync(file, { recursive: true });
    make();
    const { msg, reason } = await rig.reload();
    assert.equal(msg, 'configuration not reloaded');
    assert.match(String(reason), expected);
    if (atStart) assert.match((await holdfast(t, ['run'], { cwd: rig.folder })).stderr.trim(), expected);
    if (!atStart || expected.source.startsWith('there')) writeFileSync(file, '');
  }
  assert.equal(await bodyAt(t, rig.address), 'one');
  rig.write(route(await named(t, 'two')));
  assert.equal((await rig.reload()).msg, 'configuration reloaded');
  assert.equal(await bodyAt(t, rig.address), 'two');
});

test('a storm of signals is a few reloads, and the last configuration is in force', async (t) => {
  const [one, two] = [await named(t, 'one'), await named(t, 'two')];
  const rig = await startReloading(t, route(one));
  for (let i = 0; i < 100; i++) {
    rig.write(route(i === 99 ? two : one));
    rig.program.kill('SIGHUP');
  }
  while ((await bodyAt(t, rig.address)) !== 'two');
  const reloads = rig.program.log().filter(({ msg }) => msg === 'configuration reloaded').length;
  assert.ok(reloads < 50, `${reloads} reloads`);
  assert.deepEqual(rig.program.errors(), []);
});

test('a renewed certificate is used for new connections, those that are open keep theirs, and a bad one is refused', async (t) => {
  const one = await named(t, 'one');
  const identity = (name: string) => selfSigned({ names: ['a.example'], commonName: name });
  const [first, second] = [identity('first'), identity('second')];
  const folder = temporaryFolder(t, { 'a.example.crt': first.certificate, 'a.example.key': first.key });
  const toml = `${route(one)}[server]\nlisten = ["127.0.0.1:0,tls,default-cert=a.example"]\n[control]\nlisten = []\n`;
  writeFileSync(join(folder, 'holdfast.toml'), toml);
  const program = startHoldfast(t, ['run'], { cwd: folder });
  const address = ((await program.logged('started')).clients as string[])[0] ?? '';
  const open = async () => {
    const port = portOf(address);
    const socket = connect({ port, host: '127.0.0.1', servername: 'a.example', rejectUnauthorized: false });
    t.after(() => socket.destroy());
    await once(socket, 'secureConnect');
    return socket;
  };
  const held = await open();
  assert.equal(held.getPeerCertificate().subject.CN, 'first');
  // The key of another certificate.
  writeFileSync(join(folder, 'a.example.key'), second.key);
  program.kill('SIGHUP');
  const { reason } = await program.logged('configuration not reloaded');
  assert.match(String(reason), /the certificate "a\.example" cannot be used: the key does not fit the certificate$/);
  rmSync(join(folder, 'a.example.key'));
  program.kill('SIGHUP');
  await program.logged('configuration not reloaded', (record) => /no such file/.test(String(record.reason)));
  writeFileSync(join(folder, 'a.example.crt'), second.certificate);
  writeFileSync(join(folder, 'a.example.key'), second.key);
  program.kill('SIGHUP');
  const { changed } = await program.logged('configuration reloaded');
  assert.match(String(changed), /^certificate a\.example, expires \d{4}-/);
  assert.equal((await open()).getPeerCertificate().subject.CN, 'second');
  held.write('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
  const [data] = await once(held, 'data');
  assert.match(String(data), /^HTTP\/1\.1 200/);
  assert.equal((await program.stop()).code, 0);
});

test('a default certificate that no client has asked for is checked at the start and by a reload', async (t) => {
  const { certificate, key } = selfSigned({ names: ['a.example'] });
  const files = { 'a.example.crt': certificate, 'a.example.key': key };
  for (const section of ['[server]\n', '[server]\nworkers = 2\n', '[server]\nlisten = []\n[edge]\nworkers = 2\n']) {
    const zhttp = section.includes('[edge]') ? `zclient_stream = ["ipc://${temporaryFolder(t)}/s"]\n` : '';
    const listen = 'listen = ["127.0.0.1:0,tls,default-cert=a.example"]\n';
    const routes = '[[route]]\nhost = "*"\ntargets = ["test"]\n';
    const toml = `${section}${listen}${zhttp}[control]\nlisten = []\n${routes}`;
    const folder = temporaryFolder(t, { ...files, 'holdfast.toml': toml });
    const program = startHoldfast(t, ['run'], { cwd: folder });
    await program.logged('started');
    program.kill('SIGHUP');
    const { changed } = await program.logged('configuration reloaded');
    assert.deepEqual(changed, [], 'nothing has changed');
    writeFileSync(join(folder, 'a.example.crt'), 'none');
    program.kill('SIGHUP');
    const { reason } = await program.logged('configuration not reloaded');
    assert.match(String(reason), /the certificate "a\.example" cannot be used: /, section);
    assert.equal((await program.stop()).code, 0);
    const again = startHoldfast(t, ['run'], { cwd: folder });
    const { code, stderr } = await again.ended;
    assert.equal(code, 1, section);
    assert.match(stderr, /the default certificate cannot be loaded/);
  }
});

test('worker processes use a new configuration together, or none does', async (t) => {
  const [one, two] = [await named(t, 'one'), await named(t, 'two')];
  const workers = '[server]\nworkers = 2\n';
  const rig = await startReloading(t, route(one) + workers);
  rig.write(route(two) + workers);
  assert.equal((await rig.reload()).msg, 'configuration reloaded');
  for (let i = 0; i < 20; i++) assert.equal(await bodyAt(t, rig.address), 'two');
  assert.equal((await rig.ask('PUT', '/routes/b', { line: 'b.example test' })).status, 204);
  for (let i = 0; i < 20; i++) assert.match(await bodyAt(t, rig.address, 'b.example'), /test handler/);
  const sockjs = await rig.ask('PUT', '/routes/c', { line: `c.example,sockjs=/s ${one}` });
  assert.equal(sockjs.status, 400);
  assert.match(JSON.stringify(sockjs.json), /workers under \[server\] must be 1 with SockJS/);
  assert.equal((await rig.ask('DELETE', '/routes/b')).status, 204);
  for (let i = 0; i < 20; i++) assert.equal(await bodyAt(t, rig.address, 'b.example'), 'two');
  assert.equal((await rig.program.stop()).code, 0);
});

test('routes, certificates and keys are set one at a time, and kept over a reload and a restart on request', async (t) => {
  const [one, two] = [await named(t, 'one'), await named(t, 'two')];
  const rig = await startReloading(t, route(one));
  const put = (path: string, body: unknown) => rig.ask('PUT', path, body);
  assert.equal((await put('/routes/kept?keep=true', { line: `kept.example ${two}` })).status, 204);
  assert.equal((await put('/routes/brief', { line: `brief.example ${two}` })).status, 204);
  assert.equal(await bodyAt(t, rig.address, 'kept.example'), 'two');
  assert.equal(await bodyAt(t, rig.address, 'brief.example'), 'two');
  assert.equal((await put('/keys/proxy.sig_key?keep=true', { key: 'topsecret' })).status, 204);
  const pair = selfSigned({ names: ['a.example'] });
  const body = { cert: pair.certificate, key: pair.key };
  assert.equal((await put('/certificates/a.example?keep=true', body)).status, 204);
  const other = selfSigned({ names: ['b.example'] });
  const misfit = await put('/certificates/b.example', { cert: pair.certificate, key: other.key });
  assert.equal(misfit.status, 400);
  const sources = async () =>
    ((await rig.ask('GET', '/routes')).json as unknown as ListedRoutes).routes.map(
      ({ id, source }) => `${id} ${source}`,
    );
  assert.deepEqual(await sources(), ['main file', 'kept overlay', 'brief memory']);
  // What is kept stays so when it is replaced for a while.
  assert.equal((await put('/routes/kept', { line: `kept.example ${one}` })).status, 204);
  assert.equal((await put('/keys/proxy.upstream_key', { key: 'topsecret' })).status, 204);
  assert.equal((await put('/certificates/c.example', { cert: other.certificate, key: other.key })).status, 204);
  assert.deepEqual(await sources(), ['main file', 'brief memory', 'kept memory']);
  assert.deepEqual((await rig.ask('GET', '/keys')).json, {
    keys: [
      { name: 'proxy.sig_key', source: 'overlay' },
      { name: 'proxy.upstream_key', source: 'memory' },
    ],
  });
  const { certificates } = (await rig.ask('GET', '/certificates')).json as {
    certificates: readonly { name: string; source: string }[];
  };
  assert.deepEqual(
    certificates.map(({ name, source }) => `${name} ${source}`),
    ['a.example overlay', 'c.example memory'],
  );

  assert.match(String((await rig.reload()).changed), /^proxy\.upstream_key changed,routes: \+0 -1 ~1 \(/);
  assert.deepEqual(await sources(), ['main file', 'kept overlay']);
  assert.equal(await bodyAt(t, rig.address, 'kept.example'), 'two');
  assert.equal(statSync(join(rig.folder, 'state/overlay.json')).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(join(rig.folder, 'state')), ['overlay.json']);
  const checked = await holdfast(t, ['check'], { cwd: rig.folder });
  assert.equal(checked.code, 0, checked.stderr);
  assert.match(checked.stdout, /^# from the overlay state\/overlay\.json\n\[\[route\]\]\nhost = "kept\.example"$/m);
  assert.doesNotMatch(checked.stdout, /topsecret/);
  // A route of the file goes away, and stays away.
  assert.equal((await rig.ask('DELETE', '/routes/main?keep=true')).status, 204);
  assert.equal((await rig.ask('DELETE', '/routes/none')).status, 404);
  assert.equal((await rig.program.stop()).code, 0);

  const again = startHoldfast(t, ['run', '--port', '127.0.0.1:0'], { cwd: rig.folder });
  rig.address = ((await again.logged('started')).clients as string[])[0] ?? '';
  assert.equal(await bodyAt(t, rig.address, 'kept.example'), 'two');
  assert.match(await bodyAt(t, rig.address, 'other.example'), /^No route/);
  assert.deepEqual(await sources(), ['kept overlay']);
  assert.deepEqual((await rig.ask('GET', '/keys')).json, { keys: [{ name: 'proxy.sig_key', source: 'overlay' }] });
  assert.equal((await rig.ask('DELETE', '/keys/proxy.sig_key?keep=true')).status, 204);
  assert.deepEqual((await rig.ask('GET', '/keys')).json, { keys: [] });
  assert.equal((await rig.ask('DELETE', '/routes/kept?keep=true')).status, 204);
  assert.deepEqual(JSON.parse(readFileSync(join(rig.folder, 'state/overlay.json'), 'utf8')).routes, { main: null });
  assert.doesNotMatch(again.stdout + rig.program.stdout, /topsecret|PRIVATE KEY/);
  assert.equal((await again.stop()).code, 0);
});

test('a line that is no route, or has the condition of another one, is refused', async (t) => {
  const one = await named(t, 'one');
  const rig = await startReloading(t, route(one));
  for (const [id, line, expected] of [
    ['a', 'nonsense', /expected a condition/],
    ['a', `*,pathbeg=/ ${one}`, /did you mean/],
    ['a', `* ${one}`, /the route \\"main\\" has the same host/],
    ['a', `a.example,id=b ${one}`, /expected the id/],
    ['a', `a.example,session ${one}`, /needs the service that keeps sessions/],
    ['a', `a.example,sig_key=file:none ${one}`, /cannot read key file/],
  ] as const) {
    const { status, json } = await rig.ask('PUT', `/routes/${id}`, { line });
    assert.equal(status, 400, line);
    assert.match(JSON.stringify(json), expected);
  }
  assert.equal((await rig.ask('PUT', '/keys/proxy.sigkey', { key: 'x' })).status, 400);
  assert.equal(await bodyAt(t, rig.address), 'one');
});

test('a thousand reloads leave no descriptor and no memory', async (t) => {
  const rig = await startReloading(t, route('127.0.0.1:1'));
  const descriptors = () => readdirSync(`/proc/${rig.program.pid}/fd`).length;
  const reloads = async (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      rig.write(
        route(`127.0.0.1:${1 + (i % 100)}`, `[[route]]\nid = "r${i}"\nhost = "h${i}.example"\ntargets = ["test"]\n`),
      );
      assert.equal((await rig.ask('POST', '/reload')).status, 200);
    }
  };
  // By then everything is as large as it gets.
  await reloads(0, 200);
  const usage = new ProcessUsage(rig.program.pid);
  const [files, memory] = [descriptors(), usage.memory()];
  await reloads(200, 1_000);
  assert.ok(descriptors() <= files + 2, `${files} descriptors, then ${descriptors()}`);
  assert.ok(usage.memory() - memory < 60, `${memory} MB, then ${usage.memory()} MB`);
  assert.equal(((await rig.ask('GET', '/routes')).json as unknown as ListedRoutes).routes.length, 2);
  assert.equal((await rig.program.stop()).code, 0);
});
