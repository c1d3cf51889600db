import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { Request } from 'zeromq';
import { Mongrel2Handler } from '../../src/mongrel2-handler/index.ts';
import { selfSigned, TestAuthority } from '../support/certificates.ts';
import { freePorts } from '../support/free-ports.ts';
import { startHoldfast } from '../support/holdfast.ts';
import { IDENTITIES } from '../support/loopback-certificate.ts';
import { databaseFolder } from '../support/mongrel2-database.ts';
import { startOrigin } from '../support/origin.ts';
import { requirePeer } from '../support/peers.ts';
import type { Program } from '../support/program.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);

/** A site as people write them, whose files are below the working directory. */
function confWith(port: number, origin: string, more = '', settings = ''): string {
  const [host, originPort] = origin.split(':');
  return `
chat = Handler(send_spec='ipc://run/send', send_ident='server-1', recv_spec='ipc://run/recv', recv_ident='')
main = Server(uuid="u1", chroot="./", access_log="/logs/access.log", error_log="/logs/error.log",
  pid_file="/run/mongrel2.pid", default_host="localhost", name="main", port=${port}, bind_addr="127.0.0.1" ${more}
  hosts=[Host(name="localhost", routes={
    '/chat': chat
    '/api/': Proxy(addr='${host}', port=${originPort})
    '/': Dir(base='static/', index_file='index.html', default_ctype='text/plain')
  })])
settings = { 'zeromq.threads': 1 'no.such': 1 ${settings} }
servers = [main]
`;
}

/** The folders that a site needs. */
function siteFolder(t: TestContext, files: Readonly<Record<string, string>>): string {
  const cwd = temporaryFolder(t, files);
  for (const name of ['logs', 'run', 'static', 'certs']) mkdirSync(join(cwd, name));
  writeFileSync(join(cwd, 'static', 'index.html'), 'the page');
  return cwd;
}

/** Answers every request with the values of some of its headers. */
function answering(t: TestContext, cwd: string, ...names: string[]): void {
  const handler = new Mongrel2Handler({ sendSpec: `ipc://${cwd}/run/send`, recvSpec: `ipc://${cwd}/run/recv` });
  t.after(() => handler.stop());
  void handler.each((event) => {
    if (event.kind !== 'request') return;
    const body = names.map((name) => `${name}=${event.headers.get(name) ?? ''}`).join(' ');
    handler.respond({ uuid: event.uuid, ids: [event.id] }, { body });
  });
}

async function curl(...args: string[]): Promise<string> {
  const { stdout } = await run('curl', ['-s', '--max-time', '30', ...args]);
  return stdout;
}

const warnings = (program: Program) =>
  program.log().flatMap(({ level, key, msg }) => (level === 'warn' ? [`${key}: ${msg}`] : []));

test('holdfast mongrel2 runs a site from its m2sh configuration: files, an origin and a handler', async (t) => {
  if (requirePeer(t, 'curl') === null) return;
  const origin = await startOrigin(t, (request, response) => response.end(`origin ${request.url}`));
  const [port = 0] = await freePorts(1);
  const cwd = siteFolder(t, { 'mongrel2.conf': confWith(port, origin) });
  answering(t, cwd, 'PATH', 'PATTERN');
  const program = startHoldfast(t, ['mongrel2', 'mongrel2.conf'], { cwd });
  await program.logged('started');
  assert.deepEqual(warnings(program), [
    'no.such: ignored in the configuration: unknown setting',
    'zeromq.threads: ignored in the configuration: has no effect: there are no threads for ZeroMQ',
  ]);
  const url = `http://127.0.0.1:${port}`;
  assert.equal(await curl(`${url}/`), 'the page');
  assert.equal(await curl(`${url}/api/x?y`), 'origin /api/x?y');
  assert.equal(await curl(`${url}/chat/1`), 'PATH=/chat/1 PATTERN=/chat');
  assert.equal(readFileSync(join(cwd, 'run/mongrel2.pid'), 'utf8'), `${program.pid}\n`);
  const second = await startHoldfast(t, ['mongrel2', 'mongrel2.conf', 'u1'], { cwd }).ended;
  assert.equal(second.code, 1);
  assert.match(second.stderr, /run\/mongrel2\.pid says that the process \d+ is running/);
  const { code } = await program.stop();
  assert.equal(code, 0);
  assert.equal(existsSync(join(cwd, 'run/mongrel2.pid')), false);
});

test('holdfast mongrel2 runs a server of a config.sqlite, given by its uuid', async (t) => {
  if (requirePeer(t, 'curl') === null) return;
  const [port = 0] = await freePorts(1);
  const cwd = databaseFolder(
    t,
    `insert into server (id, uuid, chroot, default_host, name, bind_addr, port) values (1, 'u1', '', 'localhost', 'a', '127.0.0.1', 1);
    insert into server (id, uuid, chroot, default_host, name, bind_addr, port, control_port)
      values (2, 'u2', './', 'localhost', 'b', '127.0.0.1', ${port}, 'ipc://control');
    insert into host values (2, 2, 0, 'localhost', 'localhost');
    insert into directory values (1, 'static/', 'index.html', 'text/plain', 0);
    insert into route values (1, '/', 0, 2, 1, 'dir');`,
  );
  if (cwd === null) return;
  mkdirSync(join(cwd, 'static'));
  writeFileSync(join(cwd, 'static', 'index.html'), 'from the database');
  const program = startHoldfast(t, ['mongrel2', 'config.sqlite', 'u2'], { cwd });
  await program.logged('started');
  assert.equal(await curl(`http://127.0.0.1:${port}/`), 'from the database');
  assert.equal((await program.stop()).code, 0);
});

test('what holdfast import writes runs with holdfast run', async (t) => {
  if (requirePeer(t, 'curl') === null) return;
  const origin = await startOrigin(t, (_request, response) => response.end('origin'));
  const [port = 0] = await freePorts(1);
  const cwd = siteFolder(t, { 'mongrel2.conf': confWith(port, origin).replace("'no.such': 1", '') });
  const { code, stderr } = await startHoldfast(t, ['import', 'mongrel2.conf', '-o', 'holdfast.toml'], { cwd }).ended;
  assert.equal(code, 0, stderr);
  answering(t, cwd, 'METHOD');
  const program = startHoldfast(t, ['run'], { cwd });
  await program.logged('started');
  assert.equal(await curl(`http://127.0.0.1:${port}/`), 'the page');
  assert.equal(await curl('-d', 'x', `http://127.0.0.1:${port}/chat`), 'METHOD=POST');
  assert.equal((await program.stop()).code, 0);
});

test('a request that runs is completed after SIGTERM', async (t) => {
  let respond = (): void => {};
  let onRequest = (): void => {};
  const arrived = new Promise<void>((resolve) => {
    onRequest = resolve;
  });
  const origin = await startOrigin(t, (_request, response) => {
    respond = () => response.end('late');
    onRequest();
  });
  const [port = 0] = await freePorts(1);
  const cwd = siteFolder(t, { 'mongrel2.conf': confWith(port, origin) });
  const program = startHoldfast(t, ['mongrel2', 'mongrel2.conf'], { cwd });
  await program.logged('started');
  const client = await connectTo(t, `127.0.0.1:${port}`);
  client.write('GET /api/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await arrived;
  program.kill('SIGTERM');
  await program.logged('stopping');
  respond();
  assert.match(await client.takeAll(), /\r\n\r\nlate$/);
  assert.equal((await program.ended).code, 0);
});

test('the logs of the server are its own, and are opened again after SIGHUP', async (t) => {
  if (requirePeer(t, 'curl') === null) return;
  const [port = 0] = await freePorts(1);
  const cwd = siteFolder(t, { 'mongrel2.conf': confWith(port, '127.0.0.1:1', 'error_log_level=3') });
  const program = startHoldfast(t, ['mongrel2', 'mongrel2.conf'], { cwd });
  await program.logged('started');
  const [access, error] = ['access', 'error'].map((name) => join(cwd, 'logs', `${name}.log`)) as [string, string];
  const page = () => curl(`http://127.0.0.1:${port}/`);
  while (readFileSync(access, 'utf8') === '') await page();
  assert.match(
    readFileSync(access, 'utf8'),
    /^\d+:9:127\.0\.0\.1,9:127\.0\.0\.1,.*3:GET,1:\/,8:HTTP\/1\.1,3:200#1:8#\]$/m,
  );
  renameSync(access, `${access}.1`);
  renameSync(error, `${error}.1`);
  program.kill('SIGHUP');
  while (!existsSync(access) || readFileSync(access, 'utf8') === '') await page();
  assert.equal(existsSync(error), true);
  assert.equal((await program.stop()).code, 0);
});

test('a site whose folder for logs is missing does not start', async (t) => {
  const cwd = temporaryFolder(t, { 'mongrel2.conf': confWith(1, '127.0.0.1:1') });
  const { code, stderr } = await startHoldfast(t, ['mongrel2', 'mongrel2.conf'], { cwd }).ended;
  assert.equal(code, 1);
  assert.equal(stderr, 'error: cannot write the log logs/error.log: no such file or directory\n');
});

test('stop at the control port, which is where Mongrel2 has it, ends the command', async (t) => {
  const [port = 0] = await freePorts(1);
  const cwd = siteFolder(t, { 'mongrel2.conf': confWith(port, '127.0.0.1:1') });
  const program = startHoldfast(t, ['mongrel2', 'mongrel2.conf'], { cwd });
  await program.logged('started');
  const control = new Request({ linger: 0 });
  t.after(() => control.close());
  control.connect(`ipc://${cwd}/run/control`);
  const ask = async (command: string) => {
    await control.send(command);
    return String((await control.receive())[0]);
  };
  assert.match(await ask('10:4:uuid,0:}]'), /2:u1,/);
  assert.match(await ask('10:4:stop,0:}]'), /signal sent to server/);
  assert.equal((await program.ended).code, 0);
});

const AUTHORITY = new TestAuthority('Clients');
const KNOWN = AUTHORITY.issue({ commonName: 'known', purpose: 'client' });
const STRANGER = selfSigned({ commonName: 'stranger' });

/** A site over TLS, with the certificates of two names and of the server, and authorities of clients. */
async function startSecure(
  t: TestContext,
  settings: string,
): Promise<{ cwd: string; url: string; port: number; program: Program }> {
  const origin = await startOrigin(t, (_request, response) => response.end('origin'));
  const [port = 0] = await freePorts(1);
  const conf = confWith(port, origin, 'use_ssl=1', `'certdir': 'certs/' ${settings}`);
  const cwd = siteFolder(t, { 'mongrel2.conf': conf });
  for (const [name, identity] of [
    ['u1', 'one'],
    ['www.example.com', 'two'],
    ['_.example.com', 'three'],
  ] as const) {
    writeFileSync(join(cwd, 'certs', `${name}.crt`), IDENTITIES[identity].certificate);
    writeFileSync(join(cwd, 'certs', `${name}.key`), IDENTITIES[identity].key);
  }
  writeFileSync(join(cwd, 'certs', 'ca.pem'), AUTHORITY.certificate);
  for (const [name, { certificate, key }] of [
    ['known', KNOWN],
    ['stranger', STRANGER],
  ] as const) {
    writeFileSync(join(cwd, `${name}.crt`), certificate);
    writeFileSync(join(cwd, `${name}.key`), key);
  }
  answering(t, cwd, 'URL_SCHEME', 'PEER_CERT_SHA1');
  const program = startHoldfast(t, ['mongrel2', 'mongrel2.conf'], { cwd });
  await program.logged('started');
  return { cwd, url: `https://127.0.0.1:${port}/chat`, port, program };
}

/** The common name of the certificate that openssl gets. */
async function certificateName(port: number, servername?: string): Promise<string> {
  const name = servername === undefined ? ['-noservername'] : ['-servername', servername];
  const { stdout } = await run('sh', [
    '-c',
    'openssl s_client "$@" </dev/null 2>/dev/null | openssl x509 -noout -subject',
    '-',
    '-connect',
    `127.0.0.1:${port}`,
    ...name,
  ]);
  return /CN ?= ?(\w+)/.exec(stdout)?.[1] ?? '';
}

test('the certificate is that of the name, of its parent, or of the server, and is read again', async (t) => {
  if (requirePeer(t, 'openssl') === null) return;
  const { cwd, port, program } = await startSecure(t, '');
  assert.equal(await certificateName(port), 'one');
  assert.equal(await certificateName(port, 'www.example.com'), 'two');
  assert.equal(await certificateName(port, 'other.example.com'), 'three');
  assert.equal(await certificateName(port, 'a.b.example.com'), 'one');
  writeFileSync(join(cwd, 'certs', 'u1.crt'), IDENTITIES.three.certificate);
  writeFileSync(join(cwd, 'certs', 'u1.key'), IDENTITIES.three.key);
  program.kill('SIGHUP');
  while ((await certificateName(port)) !== 'three');
  assert.equal((await program.stop()).code, 0);
});

test('with ssl.verify_optional handlers know the certificate of a client, if it shows one', async (t) => {
  if (requirePeer(t, 'curl') === null) return;
  const { cwd, url } = await startSecure(t, "'ssl.ca_chain': 'certs/ca.pem', 'ssl.verify_optional': 1");
  const shown = (name: string) => ['--cert', join(cwd, `${name}.crt`), '--key', join(cwd, `${name}.key`)];
  const digits = ({ certificate }: { certificate: string }) =>
    `${new X509Certificate(certificate).fingerprint.replaceAll(':', '')}00`;
  assert.equal(await curl('-k', url), 'URL_SCHEME=https PEER_CERT_SHA1=');
  assert.equal(await curl('-k', ...shown('known'), url), `URL_SCHEME=https PEER_CERT_SHA1=${digits(KNOWN)}`);
  assert.equal(await curl('-k', ...shown('stranger'), url), `URL_SCHEME=https PEER_CERT_SHA1=${digits(STRANGER)}`);
});

test('with ssl.verify_required only clients with a valid certificate get a response', async (t) => {
  if (requirePeer(t, 'curl') === null) return;
  const { cwd, url } = await startSecure(
    t,
    "'ssl.ca_chain': 'certs/ca.pem', 'ssl.verify_required': 1, 'ssl_ciphers': 'TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256'",
  );
  const shown = (name: string) => ['--cert', join(cwd, `${name}.crt`), '--key', join(cwd, `${name}.key`)];
  assert.match(await curl('-k', ...shown('known'), url), /PEER_CERT_SHA1=[0-9A-F]{40}00$/);
  await assert.rejects(curl('-k', url));
  await assert.rejects(curl('-k', ...shown('stranger'), url));
  const { stderr } = await run('curl', ['-skv', '--tls-max', '1.2', ...shown('known'), url]);
  assert.match(stderr, /TLSv1\.2 \/ ECDHE-ECDSA-AES128-GCM-SHA256/);
});

test('a server without its certificate does not start', async (t) => {
  const conf = confWith(1, '127.0.0.1:1', 'use_ssl=1', "'certdir': 'certs/'");
  const cwd = siteFolder(t, { 'mongrel2.conf': conf });
  const { code, stderr } = await startHoldfast(t, ['mongrel2', 'mongrel2.conf'], { cwd }).ended;
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^error: the default certificate cannot be loaded: .*put its chain and key, both PEM, in certs\/u1\.crt and u1\.key$/m,
  );
});
