import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { App } from '../../src/app/index.ts';
import { loadConfig } from '../../src/config/index.ts';
import { TestAuthority } from '../support/certificates.ts';
import { FakeLog } from '../support/fake-log.ts';
import { freePorts } from '../support/free-ports.ts';
import { holdfast, startHoldfast } from '../support/holdfast.ts';
import { type NatsOptions, NatsServer, startNats, startNatsCluster } from '../support/nats.ts';
import { natsAccount } from '../support/nats-accounts.ts';
import { peer } from '../support/peers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SERVER =
  '[server]\nlisten = ["127.0.0.1:0"]\n[[route]]\nhost = "*"\ntargets = ["localhost:1"]\n[control]\nlisten = ["127.0.0.1:0"]\n';

function configOf(url: string, access: string): string {
  return `${SERVER}[cluster]\nnats = ["${url}"]\n${access}\n`;
}

/** Starts a node. Resolves with `started`, or with what is wrong. */
async function outcome(t: TestContext, url: string, access: string): Promise<string> {
  try {
    const app = await App.start(loadConfig(configOf(url, access), 'test.toml'), new FakeLog());
    t.after(() => app.stop(0));
    return 'started';
  } catch (error) {
    const { message } = error as Error;
    assert.ok(!message.includes('\n'), 'one line');
    return message;
  }
}

/** A broker whose configuration this is, and what comes of nodes with such access. */
async function outcomes(
  t: TestContext,
  options: NatsOptions,
  ...accesses: readonly string[]
): Promise<string[] | null> {
  const nats = await startNats(t, options);
  if (nats === null) return null;
  const results: string[] = [];
  for (const access of accesses) results.push(await outcome(t, nats.url, access));
  return results;
}

test('a node says who it is by user and password', async (t) => {
  const { password } = paths(t, { password: 'secret\n' });
  const results = await outcomes(
    t,
    { config: 'authorization { user: node, password: secret }' },
    'user = "node"\npassword = "secret"',
    `user = "node"\npassword = "file:${password}"`,
    'user = "node"\npassword = "wrong"',
    '',
  );
  if (results === null) return;
  const [good, file, wrong, nobody] = results as [string, string, string, string];
  assert.deepEqual([good, file], ['started', 'started']);
  assert.match(wrong, /Authorization Violation: correct user and password, token or credentials under \[cluster\]$/);
  assert.match(nobody, /it wants to know who this node is: set user and password, token or credentials/);
});

test('servers that are one cluster, and refuse a node, end the start', async (t) => {
  const access = { user: 'node', pass: 'secret' };
  const servers = await startNatsCluster(t, 'authorization { user: node, password: secret }\n', access);
  if (servers === null) return;
  const urls = servers.map(({ url }) => url).join('", "');
  assert.equal(await outcome(t, urls, 'user = "node"\npassword = "secret"'), 'started');
  assert.match(await outcome(t, urls, 'user = "node"\npassword = "wrong"'), /Authorization Violation: correct user/);
});

test('a node says who it is by a token', async (t) => {
  const results = await outcomes(
    t,
    { config: 'authorization { token: secret }' },
    'token = "secret"',
    'token = "wrong"',
  );
  if (results === null) return;
  assert.equal(results[0], 'started');
  assert.match(results[1] as string, /Authorization Violation: correct/);
});

test('a node says who it is by the credentials that nsc writes', async (t) => {
  const { config, credentials } = natsAccount();
  const files = paths(t, { good: credentials, other: natsAccount().credentials, rubbish: 'x' });
  const [good, other, rubbish, none] = ['good', 'other', 'rubbish', 'none'].map(
    (name) => `credentials = "${files[name as keyof typeof files] ?? '/nowhere'}"`,
  ) as [string, string, string, string];
  const results = await outcomes(t, { config }, good, other, rubbish, none);
  if (results === null) return;
  assert.equal(results[0], 'started');
  assert.match(results[1] as string, /Authorization Violation: correct/);
  assert.match(
    results[2] as string,
    /^credentials under \[cluster\]: .* has no JWT and NKEY seed, as nsc writes them$/,
  );
  assert.equal(results[3], 'credentials under [cluster]: cannot read /nowhere: no such file or directory');
});

test('the certificate of the broker is verified', async (t) => {
  const [authority, other] = [new TestAuthority(), new TestAuthority('Other')];
  const { certificate, key } = authority.issue({ names: ['127.0.0.1'], purpose: 'server' });
  const files = paths(t, { certificate, key, ca: authority.certificate, other: other.certificate, rubbish: 'x' });
  const config = `tls { cert_file: "${files.certificate}", key_file: "${files.key}" }`;
  const results = await outcomes(
    t,
    { config },
    `ca = "${files.ca}"`,
    `ca = "${files.other}"`,
    '',
    `ca = "${files.rubbish}"`,
  );
  if (results === null) return;
  const [good, wrong, system, rubbish] = results as [string, string, string, string];
  assert.equal(good, 'started');
  const untrusted = /set ca under \[cluster\] to the certificate of the authority that vouches for the broker$/;
  assert.match(wrong, untrusted);
  assert.match(system, untrusted);
  assert.match(rubbish, /^ca under \[cluster\]: .* has no certificate in PEM$/);
});

test('a node shows its certificate to a broker that wants one', async (t) => {
  const authority = new TestAuthority();
  const server = authority.issue({ names: ['127.0.0.1'], purpose: 'server' });
  const node = authority.issue({ names: ['node'], purpose: 'client' });
  const files = paths(t, {
    ca: authority.certificate,
    serverCertificate: server.certificate,
    serverKey: server.key,
    certificate: node.certificate,
    key: node.key,
  });
  const config = `tls { cert_file: "${files.serverCertificate}", key_file: "${files.serverKey}", ca_file: "${files.ca}", verify: true }`;
  const access = (key: string): string => `ca = "${files.ca}"\ncert = "${files.certificate}"\nkey = "${key}"`;
  const results = await outcomes(t, { config }, access(files.key), access(files.serverKey));
  if (results === null) return;
  assert.equal(results[0], 'started');
  assert.match(
    results[1] as string,
    /^cert under \[cluster\]: this and `key` are no certificate and its key, in PEM: /,
  );
});

test('a broker without TLS is not used where TLS is wanted', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const said = await outcome(t, nats.url.replace('nats:', 'tls:'), '');
  assert.match(said, /it has no TLS: turn that on there, or leave out tls:\/\/, ca and cert under \[cluster\]$/);
});

test('a broker without JetStream, or an account without the right to use it, ends the start', async (t) => {
  const without = await outcomes(t, { jetstream: false }, '');
  if (without === null) return;
  assert.match(
    without[0] as string,
    /JetStream is not available: .* nats-server with -js, and an account that may use it/,
  );
  const { config, credentials } = natsAccount(false);
  const { path } = paths(t, { path: credentials });
  const denied = await outcomes(t, { config }, `credentials = "${path}"`);
  assert.match(denied?.[0] ?? '', /JetStream is not available: .* an account that may use it/);
  const permissions =
    'authorization { users: [{ user: a, password: b, permissions: { publish: "holdfast.>", subscribe: ">" } }] }';
  const unpermitted = await outcomes(t, { config: permissions }, 'user = "a"\npassword = "b"');
  assert.match(unpermitted?.[0] ?? '', /the right to use JetStream \(\$JS\.API\.>\)/);
});

test('of several servers one is enough', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  assert.equal(await outcome(t, `nats://127.0.0.1:1", "${nats.url}`, ''), 'started');
});

test('a broker that is not there yet is waited for', async (t) => {
  const path = peer('nats-server');
  const [port] = (await freePorts(1)) as [number];
  if (path === null) return;
  const log = new FakeLog();
  const starting = App.start(loadConfig(configOf(`nats://127.0.0.1:${port}`, ''), 'test.toml'), log);
  assert.match(String((await log.heard('broker is not there yet: trying again')).reason), /connection refused/);
  await new NatsServer(t, path, port).start();
  await (await starting).stop(0);
});

test('the command ends with one line that says what is wrong, and with a signal while it waits', async (t) => {
  const nats = await startNats(t, { config: 'authorization { token: secret }' });
  if (nats === null) return;
  const cwd = temporaryFolder(t, {
    'wrong.toml': configOf(nats.url, 'token = "wrong"'),
    'away.toml': configOf('nats://127.0.0.1:1', ''),
    'file.toml': configOf(nats.url, 'credentials = "/nowhere"'),
  });
  const { code, stderr } = await holdfast(t, ['run', '--config', 'wrong.toml'], { cwd });
  assert.equal(code, 1);
  assert.match(stderr, /^error: broker nats:\/\/127\.0\.0\.1:\d+: Authorization Violation: correct .*\n$/);
  const waiting = startHoldfast(t, ['run', '--config', 'away.toml'], { cwd });
  await waiting.logged('broker is not there yet: trying again');
  await waiting.stop();
  const checked = await holdfast(t, ['check', '--config', 'file.toml'], { cwd });
  assert.equal(checked.code, 1);
  assert.equal(checked.stderr, 'file.toml:10: cluster.credentials: cannot read /nowhere: no such file or directory\n');
});

/** Files with these contents, by name. */
function paths<Name extends string>(t: TestContext, contents: Record<Name, string>): Record<Name, string> {
  const folder = temporaryFolder(t, contents);
  const entries = Object.keys(contents).map((name) => [name, join(folder, name)]);
  return Object.fromEntries(entries) as Record<Name, string>;
}
