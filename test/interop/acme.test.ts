import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startHoldfast } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { type Pebble, startPebble } from '../support/pebble.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** A server that orders certificates at Pebble. */
async function start(
  t: TestContext,
  pebble: Pebble,
  listen: readonly string[],
  more = '',
  folder = temporaryFolder(t),
) {
  const origin = await startOrigin(t, (_, response) => response.end('from the origin\n'));
  const cwd = temporaryFolder(t, {
    'holdfast.toml': `
[server]
listen = ${JSON.stringify(listen)}
tls_identities_dir = "."
${more}
[control]
listen = ["127.0.0.1:0"]
[acme]
email = "admin@example.com"
accept_terms = true
directory = "${pebble.directory}"
ca = "${pebble.ca}"
[state]
dir = "${folder}"
[[route]]
host = "one.example.com"
targets = ["${origin}"]
[[route]]
host = "two.example.com"
targets = ["${origin}"]
[[route]]
host = "*"
targets = ["${origin}"]
`,
  });
  const program = startHoldfast(t, ['run'], { cwd });
  await program.logged('started');
  return { program, folder };
}

/** The response to a request over TLS for a name, whose certificate is checked. */
function get(port: number, servername: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { Host: servername };
    request({ host: '127.0.0.1', port, servername, ca, headers, agent: false }, async (response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      resolve(body);
    })
      .on('error', reject)
      .end();
  });
}

const NAMES = ['one.example.com', 'two.example.com'];

test('certificates are ordered for the hosts of the routes, proven over HTTP', async (t) => {
  const pebble = await startPebble(t, { names: NAMES });
  if (pebble === null) return;
  const listen = [`127.0.0.1:${pebble.httpPort},redirect=${pebble.tlsPort}`, `127.0.0.1:${pebble.tlsPort},tls,acme`];
  const { program, folder } = await start(t, pebble, listen);
  for (const name of NAMES) {
    const { challenge } = await program.logged('certificate ordered', (record) => record.name === name);
    assert.equal(challenge, 'http-01');
    await program.logged('certificate issued', (record) => record.name === name);
    assert.equal(await get(pebble.tlsPort, name, await pebble.root()), 'from the origin\n');
  }
  await assert.rejects(get(pebble.tlsPort, 'three.example.com', await pebble.root()), /unrecognized name/);
  const acme = join(folder, 'acme');
  assert.deepEqual(readdirSync(acme).sort(), ['accounts', 'certificates']);
  const modes = readdirSync(acme, { recursive: true }).map((name) => statSync(join(acme, String(name))).mode & 0o077);
  assert.deepEqual(new Set(modes), new Set([0]));
});

test('without a listener that has no TLS certificates are proven over TLS, while other clients are served', async (t) => {
  const pebble = await startPebble(t, { names: NAMES });
  if (pebble === null) return;
  const { program } = await start(t, pebble, [`127.0.0.1:${pebble.tlsPort},tls,acme`]);
  const { challenge } = await program.logged('certificate ordered');
  assert.equal(challenge, 'tls-alpn-01');
  for (const name of NAMES) {
    await program.logged('certificate issued', (record) => record.name === name);
    assert.equal(await get(pebble.tlsPort, name, await pebble.root()), 'from the origin\n');
  }
});

test('what was issued is used again after a restart, and by worker processes', async (t) => {
  const pebble = await startPebble(t, { names: NAMES });
  if (pebble === null) return;
  const listen = [`127.0.0.1:${pebble.httpPort}`, `127.0.0.1:${pebble.tlsPort},tls,acme`];
  const { program, folder } = await start(t, pebble, listen, 'workers = 2');
  await program.logged('certificate issued', (record) => record.name === 'two.example.com');
  assert.equal(await get(pebble.tlsPort, 'one.example.com', await pebble.root()), 'from the origin\n');
  program.kill('SIGTERM');
  assert.equal((await program.ended).code, 0);
  const again = await start(t, pebble, listen, '', folder);
  assert.equal(await get(pebble.tlsPort, 'two.example.com', await pebble.root()), 'from the origin\n');
  again.program.kill('SIGTERM');
  const { stdout, stderr } = await again.program.ended;
  assert.doesNotMatch(stdout + stderr, /certificate ordered/);
});

test('a certificate is renewed after two thirds of its lifetime, and connections are not dropped', async (t) => {
  const pebble = await startPebble(t, { names: NAMES, validity: 4 });
  if (pebble === null) return;
  const listen = [`127.0.0.1:${pebble.httpPort}`, `127.0.0.1:${pebble.tlsPort},tls,acme`];
  const { program } = await start(t, pebble, listen);
  const first = await program.logged('certificate issued', ({ name }) => name === 'one.example.com');
  const again = await program.logged(
    'certificate issued',
    ({ name, until }) => name === 'one.example.com' && until !== first.until,
  );
  assert.ok(String(again.until) > String(first.until));
});

test('an order that fails says why, is tried the other way, and does not keep the server from starting', async (t) => {
  const pebble = await startPebble(t, { names: [] });
  if (pebble === null) return;
  const { program } = await start(t, pebble, [`127.0.0.1:${pebble.httpPort}`, `127.0.0.1:${pebble.tlsPort},tls,acme`]);
  const { reason, retryAt, level } = await program.logged('certificate not issued');
  assert.match(String(reason), /could not resolve URL/);
  assert.ok(Date.parse(String(retryAt)) > Date.now());
  assert.equal(level, 'error');
});
