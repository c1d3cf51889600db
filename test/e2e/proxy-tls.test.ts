import assert from 'node:assert/strict';
import { once } from 'node:events';
import { renameSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { selfSigned, TestAuthority } from '../support/certificates.ts';
import { holdfast, runServer } from '../support/holdfast.ts';
import type { TestIdentity } from '../support/loopback-certificate.ts';
import { startOrigin } from '../support/origin.ts';
import { portOf } from '../support/port-of.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const authority = new TestAuthority();

/** An origin over TLS that says which name was asked for, and the common name of the certificate that it was shown. */
async function startTlsOrigin(t: TestContext, identity: TestIdentity, options: TlsOptions = {}): Promise<number> {
  const server = createServer({ key: identity.key, cert: identity.certificate, ...options });
  server.on('request', ({ socket, headers }, response) => {
    const { servername, getPeerCertificate } = socket as TLSSocket & { readonly servername?: string | false };
    const { subject } = getPeerCertificate.call(socket);
    response.end(`${servername || '-'} ${subject?.CN ?? '-'} ${headers.host}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** Sends requests, each for the given host, through a proxy with this route, which trusts our authority alone. */
async function through(t: TestContext, target: string): Promise<(host: string) => Promise<string>> {
  const folder = temporaryFolder(t, { 'ca.pem': authority.certificate });
  const env = { SSL_CERT_FILE: join(folder, 'ca.pem') };
  const { clients } = await runServer(t, ['--route', `*,debug ${target}`], '', env);
  return async (host) => {
    const client = await connectTo(t, clients[0] ?? '');
    const { status, body } = await client.request(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return `${status} ${body}`;
  };
}

test('an origin over TLS gets requests if its certificate is valid for the name in Host', async (t) => {
  const port = await startTlsOrigin(t, authority.issue({ names: ['a.example', 'b.example'] }));
  const ask = await through(t, `127.0.0.1:${port},ssl`);
  assert.equal(await ask('a.example'), '200 a.example - a.example');
  assert.equal(await ask('B.example:81'), '200 b.example - B.example:81');
  // The connections of other names do not serve this one.
  assert.match(await ask('c.example'), /^502 Error while proxying to origin\.\n.*certificate/s);
});

test('the name of an origin can be set, and its certificate be for the host of the target', async (t) => {
  const port = await startTlsOrigin(t, authority.issue({ names: ['127.0.0.1'] }));
  const trusting = await through(t, `127.0.0.1:${port},ssl,trust_connect_host`);
  assert.equal(await trusting('a.example'), '200 a.example - a.example');
  const named = await through(t, `127.0.0.1:${port},ssl,host=127.0.0.1`);
  assert.equal(await named('a.example'), '200 - - 127.0.0.1');
  const strict = await through(t, `127.0.0.1:${port},ssl`);
  assert.match(await strict('a.example'), /^502 /);
});

test('only an insecure target may have a certificate that nobody vouches for', async (t) => {
  const port = await startTlsOrigin(t, selfSigned({ names: ['a.example'] }));
  assert.equal(await (await through(t, `127.0.0.1:${port},ssl,insecure`))('a.example'), '200 a.example - a.example');
  assert.match(await (await through(t, `127.0.0.1:${port},ssl`))('a.example'), /^502 .*self-signed/s);
});

test('an origin that asks for a certificate gets that of the target', async (t) => {
  const options = { ca: authority.certificate, requestCert: true, rejectUnauthorized: true };
  const port = await startTlsOrigin(t, authority.issue({ names: ['a.example'] }), options);
  const { certificate, key } = authority.issue({ commonName: 'proxy', purpose: 'client' });
  const folder = temporaryFolder(t, { 'proxy.crt': certificate, 'proxy.key': key });
  const files = `client_cert=${join(folder, 'proxy.crt')},client_key=${join(folder, 'proxy.key')}`;
  assert.equal(
    await (await through(t, `127.0.0.1:${port},ssl,${files}`))('a.example'),
    '200 a.example proxy a.example',
  );
  assert.match(await (await through(t, `127.0.0.1:${port},ssl`))('a.example'), /^502 /);
});

test('a certificate that cannot be used is reported before anything starts', async (t) => {
  const cwd = temporaryFolder(t, { 'a.crt': 'nothing', 'a.key': 'nothing' });
  const target = 'localhost:1,ssl,client_cert=a.crt,client_key=a.key';
  const wrong = await holdfast(t, ['check', '--route', `* ${target}`], { cwd });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /targets\[0\]: the client certificate or its key cannot be used/);
  const missing = await holdfast(t, ['check', '--route', `* ${target.replace('a.crt', 'b.crt')}`], { cwd });
  assert.match(missing.stderr, /targets\[0\]: cannot read b\.crt/);
});

/** Asks for a page over TLS. Resolves with the common name of the certificate, and the response. */
async function getOverTls(address: string, servername: string): Promise<string> {
  const port = portOf(address);
  const options = { port, servername, rejectUnauthorized: false, agent: false, headers: { Host: servername } };
  const asked = request({ host: '127.0.0.1', ...options });
  asked.end();
  const [response] = await once(asked, 'response');
  const { CN } = response.socket.getPeerCertificate().subject;
  let body = '';
  for await (const chunk of response) body += chunk;
  return `${CN} ${response.statusCode} ${body}`;
}

test('clients over TLS get a certificate by name, and their routes and headers are those of TLS', async (t) => {
  const origin = await startOrigin(t, ({ headers }, response) => response.end(`${headers['x-forwarded-proto']}`));
  const folder = temporaryFolder(t);
  const write = (name: string, commonName: string) => {
    const { certificate, key } = selfSigned({ commonName });
    for (const [file, content] of [
      [`${name}.crt`, certificate],
      [`${name}.key`, key],
    ] as const) {
      const path = join(folder, file);
      writeFileSync(`${path}.new`, content);
      const time = new Date(Date.now() + 1_000);
      utimesSync(`${path}.new`, time, time);
      renameSync(`${path}.new`, path);
    }
  };
  write('a.example', 'one');
  write('fallback', 'two');
  const toml = `[server]\ntls_identities_dir = "${folder}"\n`;
  const listen = ['--port', '127.0.0.1:0,tls,default-cert=fallback', '--port', '127.0.0.1:0'];
  const routes = ['--route', `*,ssl=yes ${origin}`, '--route', '* test'];
  const { clients } = await runServer(t, [...listen, ...routes], toml);
  const [secure = '', plain = ''] = clients;
  assert.equal(await getOverTls(secure, 'a.example'), 'one 200 https');
  assert.equal(await getOverTls(secure, 'b.example'), 'two 200 https');
  const client = await connectTo(t, plain);
  assert.equal(
    (await client.request('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).body,
    'Hello from the Pushpin test handler!\n',
  );
  write('a.example', 'three');
  for (let subject = 'one'; subject !== 'three'; )
    subject = (await getOverTls(secure, 'a.example')).split(' ')[0] ?? '';
});
