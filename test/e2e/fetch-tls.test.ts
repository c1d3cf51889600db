import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { WebSocketServer } from 'ws';
import { selfSigned, TestAuthority } from '../support/certificates.ts';
import { type RunningFetcher, startCondureClient, startFetch, startZurl } from '../support/fetch/fetcher.ts';
import { ending } from '../support/fetch/origin-rig.ts';
import { type RequestFields, ZhttpRequester } from '../support/fetch/zhttp-requester.ts';
import type { TestIdentity } from '../support/loopback-certificate.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const authority = new TestAuthority();

/**
 * An origin with this certificate: it answers with the number of its connection, the name that was asked for, and the common name of the
 * certificate that it was shown; a WebSocket with one message that says the same.
 */
async function startTlsOrigin(t: TestContext, identity: TestIdentity, options: TlsOptions = {}): Promise<number> {
  const server = createServer({ key: identity.key, cert: identity.certificate, ...options });
  const connections = new WeakMap<object, number>();
  let count = 0;
  server.on('secureConnection', (socket) => connections.set(socket, ++count));
  const describe = (socket: TLSSocket) => {
    const { servername } = socket as TLSSocket & { readonly servername?: string | false };
    const { subject } = socket.getPeerCertificate();
    return `${connections.get(socket)} ${servername || '-'} ${subject?.CN ?? '-'}`;
  };
  server.on('request', (request, response) => response.end(describe(request.socket as TLSSocket)));
  const webSockets = new WebSocketServer({ server });
  webSockets.on('connection', (socket, request) => {
    socket.send(describe(request.socket as TLSSocket));
    socket.close(1000);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of webSockets.clients) socket.terminate();
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

type Ask = (uri: string, fields?: RequestFields) => Promise<string>;

/** Gives what comes of requests: the condition, or what the origin says. */
async function asking(t: TestContext, { endpoints }: RunningFetcher): Promise<Ask> {
  const requester = await ZhttpRequester.start(t, endpoints);
  let count = 0;
  return async (uri, fields = {}) => {
    const session = await requester.ask(`s${count++}`, { method: 'GET', uri, stream: true, credits: 1_000, ...fields });
    if (!uri.startsWith('wss')) return (await ending(session)).replace('200 ', '');
    for (;;) {
      const { type, condition, code, body } = await session.nextAny();
      if (type === 'error') return condition;
      if (type === 'close') await session.send({ type: 'close', code: 1000 });
      if (type === 'data' && code === 0) return body.toString();
    }
  };
}

/** The environment of a program that trusts our authority alone. */
function trusting(t: TestContext): Record<string, string> {
  return { SSL_CERT_FILE: join(temporaryFolder(t, { 'ca.pem': authority.certificate }), 'ca.pem') };
}

for (const [role, start] of [
  ['holdfast run', (t: TestContext, env = {}) => startFetch(t, ['allow_internal = true'], env)],
  ['holdfast zurl', (t: TestContext, env = {}) => startZurl(t, [], null, env)],
  ['holdfast condure', (t: TestContext, env = {}) => startCondureClient(t, [], null, env)],
] as const) {
  test(`${role} verifies chain and name against SSL_CERT_FILE, for https and wss`, async (t) => {
    const ask = await asking(t, await start(t, trusting(t)));
    const good = await startTlsOrigin(t, authority.issue({ names: ['localhost', '127.0.0.1'] }));
    const bad = {
      'of nobody': selfSigned({ names: ['localhost', '127.0.0.1'] }),
      'of another authority': new TestAuthority().issue({ names: ['localhost', '127.0.0.1'] }),
      'of somebody who is no authority': new TestAuthority('x', authority, false).issue({ names: ['localhost'] }),
      'for another name': authority.issue({ names: ['other.example', '127.0.0.2'] }),
      'for a name that its subject has alone': authority.issue({ commonName: 'localhost', names: ['other.example'] }),
      'that has expired': authority.issue({ names: ['localhost', '127.0.0.1'], from: -10, until: -1 }),
      'that is not valid yet': authority.issue({ names: ['localhost', '127.0.0.1'], from: 1, until: 10 }),
      'of a client': authority.issue({ names: ['localhost', '127.0.0.1'], purpose: 'client' }),
    };
    for (const scheme of ['https', 'wss']) {
      assert.match(await ask(`${scheme}://localhost:${good}/`), /^\d localhost -$/);
      // An address is no name to ask for, and has to be in the certificate as an address.
      assert.match(await ask(`${scheme}://127.0.0.1:${good}/`), /^\d - -$/);
    }
    for (const [what, identity] of Object.entries(bad)) {
      const port = await startTlsOrigin(t, identity);
      for (const scheme of ['https', 'wss']) {
        for (const host of ['localhost', '127.0.0.1']) {
          assert.equal(await ask(`${scheme}://${host}:${port}/`), 'tls-error', `${scheme} ${host}: ${what}`);
        }
        const name = await ask(`${scheme}://localhost:${port}/`, { ignoreTlsErrors: true });
        assert.match(name, /^\d localhost -$/, what);
      }
    }
  });

  test(`${role} trusts only SSL_CERT_FILE if it is set`, async (t) => {
    const ask = await asking(t, await start(t));
    const port = await startTlsOrigin(t, authority.issue({ names: ['localhost'] }));
    for (const scheme of ['https', 'wss']) assert.equal(await ask(`${scheme}://localhost:${port}/`), 'tls-error');
  });
}

test('TLS 1.2 and 1.3 are used, older versions and HTTP/2 are not', async (t) => {
  const ask = await asking(t, await startFetch(t, ['allow_internal = true'], trusting(t)));
  const identity = authority.issue({ names: ['localhost'] });
  for (const [version, outcome] of [
    ['TLSv1.3', '1 localhost -'],
    ['TLSv1.2', '1 localhost -'],
    ['TLSv1.1', 'tls-error'],
  ] as const) {
    const options = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    const port = await startTlsOrigin(t, identity, { ...options, ALPNProtocols: ['h2', 'http/1.1'] });
    assert.equal(await ask(`https://localhost:${port}/`), outcome, version);
  }
  const onlyH2 = await startTlsOrigin(t, identity, { ALPNProtocols: ['h2'] });
  assert.equal(await ask(`https://localhost:${onlyH2}/`), 'tls-error');
});

test('trust-connect-host accepts a certificate for connect-host, and a pooled connection serves no stricter request', async (t) => {
  const ask = await asking(t, await startFetch(t, ['allow_internal = true'], trusting(t)));
  const port = await startTlsOrigin(t, authority.issue({ names: ['localhost'] }));
  const self = await startTlsOrigin(t, selfSigned({ names: ['away.example'] }));
  for (const scheme of ['https', 'wss']) {
    const connect = { connectHost: 'localhost', connectPort: port };
    assert.equal(await ask(`${scheme}://away.example/`, connect), 'tls-error');
    const trusted = await ask(`${scheme}://away.example/`, { ...connect, trustConnectHost: true });
    assert.match(trusted, /^\d away\.example -$/);
    // The same address, name and port, and a connection that waits: but this request has to see the certificate itself.
    assert.equal(await ask(`${scheme}://away.example/`, connect), 'tls-error');
    assert.equal(await ask(`${scheme}://other.example/`, connect), 'tls-error');

    const elsewhere = { connectHost: '127.0.0.1', connectPort: self };
    assert.match(
      await ask(`${scheme}://away.example/`, { ...elsewhere, ignoreTlsErrors: true }),
      /^\d away\.example -$/,
    );
    assert.equal(await ask(`${scheme}://away.example/`, elsewhere), 'tls-error');
    assert.equal(await ask(`${scheme}://away.example/`, { ...elsewhere, trustConnectHost: true }), 'tls-error');
  }
  // Among those who trust alike it is shared.
  const connect = { connectHost: 'localhost', connectPort: port, trustConnectHost: true };
  const first = await ask('https://away.example/', connect);
  assert.equal(await ask('https://away.example/', connect), first);
});

test('a client certificate is sent where it is configured, and its connections serve no other request', async (t) => {
  const ask = await asking(t, await startFetch(t, ['allow_internal = true'], trusting(t)));
  const wants = { requestCert: true, ca: authority.certificate };
  const identity = authority.issue({ names: ['localhost'] });
  const asks = await startTlsOrigin(t, identity, { ...wants, rejectUnauthorized: false });
  const insists = await startTlsOrigin(t, identity, wants);
  const [one, two] = ['one', 'two'].map((commonName) => {
    const { certificate, key } = authority.issue({ commonName, purpose: 'client' });
    return { clientCert: certificate, clientKey: key };
  });
  for (const scheme of ['https', 'wss']) {
    const name = async (fields?: RequestFields) => (await ask(`${scheme}://localhost:${asks}/`, fields)).slice(2);
    assert.deepEqual(
      [await name(one), await name(), await name(two), await name(one), await name()],
      ['localhost one', 'localhost -', 'localhost two', 'localhost one', 'localhost -'],
    );
    assert.match(await ask(`${scheme}://localhost:${insists}/`, one), /^\d localhost one$/);
    assert.equal(await ask(`${scheme}://localhost:${insists}/`), 'tls-error');
    const stranger = new TestAuthority().issue({ commonName: 'three' });
    const three = { clientCert: stranger.certificate, clientKey: stranger.key };
    // Node's server says nothing to a certificate that it does not take: it only closes the connection.
    assert.equal(await ask(`${scheme}://localhost:${insists}/`, three), 'undefined-condition');
  }
  const nonsense = { clientCert: 'no PEM', clientKey: 'none either' };
  assert.equal(await ask(`https://localhost:${asks}/`, nonsense), 'tls-error');
  assert.equal(await ask(`https://localhost:${asks}/`, { ...one, clientKey: two?.clientKey ?? '' }), 'tls-error');
});
