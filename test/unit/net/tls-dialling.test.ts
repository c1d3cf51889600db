import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { TcpDialler, type TlsClientSettings, TrustStore } from '../../../src/net/index.ts';
import { selfSigned, TestAuthority } from '../../support/certificates.ts';
import { freePorts } from '../../support/free-ports.ts';
import type { TestIdentity } from '../../support/loopback-certificate.ts';
import { turn } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import {
  FixedResolver,
  ListedGuard,
  listenersOf,
  openSockets,
  RecordingServer,
  startServer,
  TestDial,
} from './dial-support.ts';
import { startFullListener } from './full-listener.ts';

const AUTHORITY = new TestAuthority();
const STRANGER = new TestAuthority('Another');
const GOOD = AUTHORITY.issue({ names: ['www.test', '*.wild.test', '127.0.0.1', '::1'], purpose: 'server' });
const CLIENT = AUTHORITY.issue({ commonName: 'client one', purpose: 'client' });

const SETTINGS: TlsClientSettings = {
  serverName: 'www.test',
  alsoTrusted: '',
  verify: true,
  clientCert: '',
  clientKey: '',
};

/** Speaks TLS with whoever it accepts, and keeps the connections whose handshake is done; it ends with the test. */
class TlsServer extends RecordingServer {
  readonly secured: TLSSocket[] = [];
  readonly #tls: ReturnType<typeof createServer>;
  readonly #waiters: (() => void)[] = [];

  constructor(options: TlsOptions, onSecure: (socket: TLSSocket) => void = () => {}) {
    super();
    this.#tls = createServer({ ALPNProtocols: ['h2', 'http/1.1'], ...options }, (socket) => {
      socket.on('error', () => {});
      this.secured.push(socket);
      onSecure(socket);
      for (const resolve of this.#waiters.splice(0)) resolve();
    });
    this.#tls.on('tlsClientError', () => {});
  }

  protected override accept(socket: Socket): void {
    super.accept(socket);
    this.#tls.emit('connection', socket);
  }

  /** The secured connection that is the `count`th, now or later. */
  async client(count = 1): Promise<TLSSocket> {
    while (this.secured.length < count) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.secured[count - 1] as TLSSocket;
  }
}

async function startTls(
  t: TestContext,
  identity: TestIdentity,
  options: TlsOptions = {},
  onSecure?: (socket: TLSSocket) => void,
): Promise<TlsServer> {
  const server = new TlsServer({ cert: identity.certificate, key: identity.key, ...options }, onSecure);
  t.after(() => server.close());
  await server.listen('127.0.0.1', 0);
  return server;
}

/** A dialler that trusts the authority; every name has these addresses. */
function trusting(t: TestContext, addresses: readonly string[] = ['127.0.0.1'], attemptDelay = 250): TcpDialler {
  const file = `${temporaryFolder(t, { 'ca.pem': AUTHORITY.certificate })}/ca.pem`;
  const trust = new TrustStore({ environment: { SSL_CERT_FILE: file } });
  return new TcpDialler({ resolver: new FixedResolver(addresses), trust, attemptDelay });
}

function dialTls(
  t: TestContext,
  server: { port: number },
  settings: Partial<TlsClientSettings> = {},
  dialler = trusting(t),
): TestDial {
  return new TestDial(t, dialler, { host: 'name.test', port: server.port, tls: { ...SETTINGS, ...settings } });
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${version}: a server is verified, with SNI and ALPN http/1.1`, async (t) => {
    const server = await startTls(t, GOOD, { minVersion: version, maxVersion: version });
    const dial = dialTls(t, server);
    const socket = (await dial.socket()) as TLSSocket;
    assert.deepEqual([socket.getProtocol(), socket.alpnProtocol, socket.authorized], [version, 'http/1.1', true]);
    const client = await server.client();
    assert.equal((client as unknown as { servername: string }).servername, 'www.test');
    socket.write('ping');
    assert.equal(String((await once(client, 'data'))[0]), 'ping');
    client.write('pong');
    assert.equal(await dial.until(4), 'pong');
    assert.equal(dial.calls, 1);
  });

  test(`${version}: each client certificate is sent only to its servers`, async (t) => {
    const server = await startTls(t, GOOD, { requestCert: true, ca: AUTHORITY.certificate, maxVersion: version });
    const dialler = trusting(t);
    const other = AUTHORITY.issue({ commonName: 'client two' });
    const names: unknown[] = [];
    for (const [i, { certificate, key }] of [CLIENT, other, CLIENT].entries()) {
      await dialTls(t, server, { clientCert: certificate, clientKey: key }, dialler).socket();
      names.push((await server.client(i + 1)).getPeerCertificate().subject.CN);
    }
    assert.deepEqual(names, ['client one', 'client two', 'client one']);
  });
}

test('a server that requires a certificate and gets none is: tls', async (t) => {
  const server = await startTls(t, GOOD, { requestCert: true, ca: AUTHORITY.certificate, maxVersion: 'TLSv1.2' });
  assert.deepEqual(await dialTls(t, server).failure(), ['tls', 'the server rejected the handshake']);
});

test('with TLS 1.3 a server may refuse a certificate after the handshake, which ends the connection', async (t) => {
  const server = await startTls(t, GOOD, { requestCert: true, ca: AUTHORITY.certificate, minVersion: 'TLSv1.3' });
  const socket = await dialTls(t, server).socket();
  const [error] = await once(socket, 'error');
  assert.equal(error.code, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');
});

for (const [what, names, serverName] of [
  ['a name', ['www.test'], 'www.test'],
  ['a name in another case', ['www.test'], 'WWW.Test'],
  ['a name with a dot at its end', ['www.test'], 'www.test.'],
  ['a wildcard', ['*.wild.test'], 'a.wild.test'],
  ['an IPv4 address', ['127.0.0.1'], '127.0.0.1'],
  ['an IPv6 address', ['2001:db8::1'], '2001:DB8:0::1'],
] as const) {
  test(`A certificate for ${what} is valid for ${serverName}`, async (t) => {
    const server = await startTls(t, AUTHORITY.issue({ names, commonName: 'x' }));
    const socket = (await dialTls(t, server, { serverName }).socket()) as TLSSocket;
    assert.equal(socket.authorized, true);
  });
}

for (const [serverName, asked] of [
  ['127.0.0.1', false],
  ['::1', false],
  ['www.test.', 'www.test'],
  ['www.test', 'www.test'],
] as const) {
  test(`The SNI for ${serverName} is ${asked === false ? 'empty' : asked}`, async (t) => {
    const server = await startTls(t, GOOD);
    await dialTls(t, server, { serverName }).socket();
    const client = await server.client();
    assert.equal((client as unknown as { servername: string | false }).servername, asked);
  });
}

test('a literal address is dialled as it is, and the certificate must name the server', async (t) => {
  const server = await startTls(t, GOOD);
  const dialler = trusting(t, []);
  const where = { host: '127.0.0.1', port: server.port };
  const good = new TestDial(t, dialler, { ...where, tls: { ...SETTINGS, serverName: '127.0.0.1' } });
  assert.equal(((await good.socket()) as TLSSocket).authorized, true);
  const bad = new TestDial(t, dialler, { ...where, tls: { ...SETTINGS, serverName: '127.0.0.2' } });
  const names = 'DNS:www.test, DNS:*.wild.test, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1';
  assert.deepEqual(await bad.failure(), ['tls', `the certificate is for ${names}, not for 127.0.0.2`]);
});

const MIDDLE = new TestAuthority('Middle', AUTHORITY);
const CHAIN = MIDDLE.issue({ names: ['www.test'] });
const UNKNOWN = 'the certificate comes from an unknown authority, or the chain is incomplete';

/** Servers that are not to be trusted, and why. */
const UNTRUSTED: readonly (readonly [string, TestIdentity, string])[] = [
  ['is self-signed', selfSigned({ names: ['www.test'] }), 'the certificate is self-signed'],
  ['comes from an unknown authority', STRANGER.issue({ names: ['www.test'] }), UNKNOWN],
  ['comes without what leads to its authority', { ...CHAIN, certificate: firstOf(CHAIN.certificate) }, UNKNOWN],
  ['has expired', AUTHORITY.issue({ names: ['www.test'], from: -2, until: -1 }), 'the certificate has expired'],
  ['is not valid yet', AUTHORITY.issue({ names: ['www.test'], from: 1, until: 2 }), 'the certificate is not valid yet'],
  [
    'is for another name',
    AUTHORITY.issue({ names: ['other.test', 'www.test.evil.test'] }),
    'the certificate is for DNS:other.test, DNS:www.test.evil.test, not for www.test',
  ],
  [
    'is for more other names than need to be shown',
    AUTHORITY.issue({ names: Array.from({ length: 100 }, (_, i) => `n${i}.test`) }),
    `the certificate is for ${manyNames().slice(0, 200)}…, not for www.test`,
  ],
  ['names nobody', AUTHORITY.issue({ commonName: 'someone' }), 'the certificate is not for www.test'],
  [
    'is for clients',
    AUTHORITY.issue({ names: ['www.test'], purpose: 'client' }),
    'a certificate in the chain is not valid for this use',
  ],
  [
    'comes from one that is no authority',
    new TestAuthority('No authority', AUTHORITY, false).issue({ names: ['www.test'] }),
    'a certificate in the chain is not valid for this use',
  ],
];

for (const [what, identity, message] of UNTRUSTED) {
  test(`A server whose certificate ${what} is refused, unless verification is off`, async (t) => {
    const server = await startTls(t, identity, {}, (socket) => socket.write('hello'));
    const dialler = trusting(t);
    const dial = dialTls(t, server, {}, dialler);
    assert.deepEqual(await dial.failure(), ['tls', message]);
    assert.equal(dial.read, '');
    assert.equal(await dialTls(t, server, { verify: false }, dialler).until(5), 'hello');
    // That nothing was verified once is nothing to the next one.
    assert.deepEqual(await dialTls(t, server, {}, dialler).failure(), ['tls', message]);
  });
}

test('a certificate for either of two trusted names is valid, and its chain is verified', async (t) => {
  const dialler = trusting(t);
  const outcome = async (identity: TestIdentity, serverName: string, alsoTrusted: string): Promise<string> => {
    const server = await startTls(t, identity);
    const result = await dialTls(t, server, { serverName, alsoTrusted }, dialler).outcome;
    return result instanceof Error ? result.message : 'connected';
  };
  assert.equal(await outcome(GOOD, 'other.test', 'www.test'), 'connected');
  assert.equal(await outcome(GOOD, 'www.test', 'other.test'), 'connected');
  assert.equal(await outcome(GOOD, 'other.test', '127.0.0.1'), 'connected');
  assert.match(await outcome(GOOD, 'other.test', 'third.test'), /^the certificate is for .*, not for other\.test$/);
  const selfMade = selfSigned({ names: ['www.test'] });
  assert.equal(await outcome(selfMade, 'other.test', 'www.test'), 'the certificate is self-signed');
});

test('the second trusted name is not sent as SNI', async (t) => {
  const server = await startTls(t, GOOD);
  await dialTls(t, server, { serverName: 'other.test', alsoTrusted: 'www.test' }).socket();
  assert.equal(((await server.client()) as unknown as { servername: string }).servername, 'other.test');
});

test('an unusable client certificate fails before the connection', async (t) => {
  const server = await startTls(t, GOOD);
  const tls = { ...SETTINGS, clientCert: 'rubbish', clientKey: 'rubbish' };
  for (const host of ['name.test', '127.0.0.1']) {
    const [kind, message] = await new TestDial(t, trusting(t), { host, port: server.port, tls }).failure();
    assert.equal(kind, 'tls');
    assert.match(message, /^the client certificate or its key cannot be used: /);
  }
  await dialTls(t, server).socket();
  assert.equal(server.connections.length, 1);
});

test('missing trusted authorities are: tls', async (t) => {
  const server = await startTls(t, GOOD);
  const trust = new TrustStore({ environment: { SSL_CERT_FILE: '/nowhere/at/all' } });
  const dialler = new TcpDialler({ resolver: new FixedResolver(['127.0.0.1']), trust });
  const [kind, message] = await dialTls(t, server, {}, dialler).failure();
  assert.equal(kind, 'tls');
  assert.match(message, /^trusted authorities cannot be loaded: /);
});

test('SSL_CERT_FILE of the process is used', async (t) => {
  const server = await startTls(t, GOOD);
  const folder = temporaryFolder(t, { 'ca.pem': AUTHORITY.certificate, 'other.pem': STRANGER.certificate });
  const { SSL_CERT_FILE, SSL_CERT_DIR } = process.env;
  t.after(() => Object.assign(process.env, { SSL_CERT_FILE, SSL_CERT_DIR }));
  process.env.SSL_CERT_DIR = '';
  const resolver = new FixedResolver(['127.0.0.1']);
  process.env.SSL_CERT_FILE = `${folder}/ca.pem`;
  await dialTls(t, server, {}, new TcpDialler({ resolver })).socket();
  process.env.SSL_CERT_FILE = `${folder}/other.pem`;
  assert.deepEqual(await dialTls(t, server, {}, new TcpDialler({ resolver })).failure(), ['tls', UNKNOWN]);
});

test('servers with only versions before TLS 1.2 are refused', async (t) => {
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  const server = await startTls(t, GOOD, old);
  const message = 'the server speaks neither TLS 1.2 nor 1.3';
  for (const verify of [true, false])
    assert.deepEqual(await dialTls(t, server, { verify }).failure(), ['tls', message]);
});

test('servers without HTTP/1.1 are refused', async (t) => {
  const server = await startTls(t, GOOD, { ALPNProtocols: ['h2'] });
  assert.deepEqual(await dialTls(t, server).failure(), ['tls', 'the server does not speak HTTP/1.1']);
});

for (const [what, act, message] of [
  ['closes', (socket: Socket) => socket.end(), 'the server closed the connection during the handshake'],
  [
    'resets the connection',
    (socket: Socket) => socket.resetAndDestroy(),
    'the server closed the connection during the handshake',
  ],
  [
    'answers in plain HTTP',
    (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    'the server does not speak TLS',
  ],
  [
    'answers with nothing that makes sense',
    (socket: Socket) => socket.end(Buffer.alloc(100, 0x16)),
    /^the (handshake failed with|server does not speak)/,
  ],
] as const) {
  test(`A server that ${what} instead of a handshake is: tls`, async (t) => {
    const server = await startServer(t, '127.0.0.1');
    const dial = dialTls(t, server);
    const socket = await server.connection();
    await once(socket, 'data');
    act(socket);
    const [kind, text] = await dial.failure();
    assert.equal(kind, 'tls');
    if (typeof message === 'string') assert.equal(text, message);
    else assert.match(text, message);
  });
}

test('an unreachable or denied server is not a TLS failure', async (t) => {
  const server = await startTls(t, GOOD);
  const { port } = server;
  const dialler = trusting(t);
  const guard = new ListedGuard('127.0.0.1');
  const denied = new TestDial(t, dialler, { host: 'a.test', port, guard, tls: SETTINGS });
  assert.deepEqual(await denied.failure(), ['policy', '127.0.0.1 is denied (listed)']);
  const [free = 0] = await freePorts(1);
  const closed = new TestDial(t, dialler, { host: '127.0.0.1', port: free, tls: SETTINGS });
  assert.deepEqual(await closed.failure(), ['unreachable', 'connection refused']);
});

test('TLS starts only on the connection that wins', async (t) => {
  const silent = await startFullListener(t, '127.0.0.2');
  const server = new TlsServer({ cert: GOOD.certificate, key: GOOD.key });
  t.after(() => server.close());
  await server.listen('127.0.0.1', silent.port);
  const before = await openSockets();
  const dialler = trusting(t, ['127.0.0.2', '127.0.0.1'], 5);
  const socket = await dialTls(t, server, {}, dialler).socket();
  assert.equal(socket.remoteAddress, '127.0.0.1');
  await server.client();
  assert.equal(await openSockets(), before + 2);
});

test('first bytes of a server are read after the connection was handed over', async (t) => {
  const server = await startTls(t, GOOD, {}, (socket) => socket.write('hello'));
  const dial = dialTls(t, server);
  dial.onPiece = () => assert.equal(dial.calls, 1);
  assert.equal(await dial.until(5), 'hello');
});

test('reading stops when the reader says so, and continues when it is resumed', async (t) => {
  const server = await startTls(t, GOOD);
  const dial = dialTls(t, server);
  const socket = await dial.socket();
  const client = await server.client();
  dial.goOn = false;
  const text = 'x'.repeat(50_000);
  client.write(text);
  await dial.until(1);
  const { length } = dial.read;
  assert.ok(length <= 16_384, `${length}`);
  // Any answer comes after what was written before, and nothing of that is read.
  socket.write('ping');
  await once(client, 'data');
  await turn();
  assert.equal(dial.read.length, length);
  dial.goOn = true;
  socket.resume();
  await dial.until(50_000);
  assert.equal(dial.read, text);
});

test('the connection is handed over with no listener of the dialler but the one that reads', async (t) => {
  const server = await startTls(t, GOOD);
  const socket = await dialTls(t, server).socket();
  const raw = connectPlain(server.port, '127.0.0.1');
  t.after(() => raw.destroy());
  const { connect } = await import('node:tls');
  const fresh = connect({ socket: raw, rejectUnauthorized: false });
  fresh.on('error', () => {});
  await once(fresh, 'secureConnect');
  assert.deepEqual(listenersOf(socket, fresh), ['data']);
  assert.equal(socket.listenerCount('data'), 1);
  assert.equal(socket.listenerCount('error'), fresh.listenerCount('error') - 1);
});

test('a cancelled handshake closes the connection and reports nothing', async (t) => {
  const server = await startServer(t, '127.0.0.1');
  const dial = dialTls(t, server);
  const socket = await server.connection();
  await once(socket, 'data');
  const closed = once(socket, 'close');
  socket.resume();
  dial.dialling.cancel();
  await closed;
  await turn();
  assert.equal(dial.calls, 0);
});

test('cancelling a completed dial does not affect the connection', async (t) => {
  const server = await startTls(t, GOOD);
  const dial = dialTls(t, server);
  await dial.socket();
  dial.dialling.cancel();
  (await server.client()).write('still here');
  assert.equal(await dial.until(10), 'still here');
});

test('a connection that breaks after the handshake is reported by its socket', async (t) => {
  const server = await startTls(t, GOOD);
  const socket = await dialTls(t, server).socket();
  await server.client();
  const failed = once(socket, 'error');
  (await server.connection()).resetAndDestroy();
  const [error] = await failed;
  assert.equal(error.code, 'ECONNRESET');
});

test('a server that ends the connection cleanly leaves no socket open', async (t) => {
  const before = await openSockets();
  const server = await startTls(t, GOOD);
  const socket = await dialTls(t, server).socket();
  (await server.client()).end();
  await once(socket, 'close');
  await once(await server.connection(), 'close');
  assert.equal(await openSockets(), before);
});

function firstOf(chain: string): string {
  return chain.slice(0, chain.indexOf('-----END CERTIFICATE-----') + 26);
}

function manyNames(): string {
  return Array.from({ length: 100 }, (_, i) => `DNS:n${i}.test`).join(', ');
}
