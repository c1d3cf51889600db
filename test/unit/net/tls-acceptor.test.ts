import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { TlsIdentities } from '../../../src/net/index.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { RawPeer } from '../../support/raw-peer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { Identities, startTls, TlsListener } from './tls-support.ts';

const SERVED = { 'www.example.com': 'one' } as const;
const NAME = { servername: 'www.example.com' };

/** The plain sockets that are accepted from now on in this test. */
function acceptedSockets(t: TestContext): Socket[] {
  const sockets: Socket[] = [];
  const onSocket = (message: unknown) => sockets.push((message as { socket: Socket }).socket);
  subscribe('net.server.socket', onSocket);
  t.after(() => unsubscribe('net.server.socket', onSocket));
  return sockets;
}

async function acceptedSocket(sockets: readonly Socket[], count = 1): Promise<Socket> {
  while (sockets.length < count) await turn();
  return sockets[count - 1] as Socket;
}

async function takeText(socket: Socket, length: number): Promise<string> {
  let text = '';
  while (text.length < length) text += String((await once(socket, 'data'))[0]);
  return text;
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${version}: bytes go both ways, with the requested socket options`, async (t) => {
    const { listener } = await startTls(t, SERVED);
    const client = await listener.connect({ ...NAME, minVersion: version, maxVersion: version });
    const server = await listener.connection();
    assert.equal(server.getProtocol(), version);
    assert.equal(server.encrypted, true);
    assert.equal(server.remoteAddress, '127.0.0.1');
    assert.equal(server.writableHighWaterMark, 12_345);
    assert.equal(server.readableHighWaterMark, 12_345);
    assert.equal(server.allowHalfOpen, true);
    client.write('hello');
    assert.equal(await takeText(server, 5), 'hello');
    server.write('answer');
    assert.equal(await takeText(client, 6), 'answer');
    assert.deepEqual(listener.failures, []);
  });

  test(`${version}: a connection can be written and ended within the call that accepts it`, async (t) => {
    const { listener } = await startTls(t, SERVED);
    listener.farewell = 'no room';
    const client = new RawPeer(listener.open({ ...NAME, maxVersion: version }));
    assert.equal(await client.takeAll(), 'no room');
    assert.equal(await client.ended, 'fin');
  });

  test(`${version}: a client can resume its session without a second key exchange`, async (t) => {
    const { listener } = await startTls(t, SERVED, 'www.example.com');
    const options = { ...NAME, minVersion: version, maxVersion: version };
    const first = await listener.connect(options);
    const session = first.getSession();
    // Only TLS 1.3 sends it after the handshake, ahead of what is written.
    const tickets = version === 'TLSv1.3' ? once(first, 'session') : Promise.resolve([session]);
    (await listener.connection()).write('x');
    const [ticket] = (await tickets) as [Buffer];
    const second = await listener.connect({ ...options, session: ticket });
    assert.equal(second.isSessionReused(), true);
    second.write('hello');
    assert.equal(await takeText(await listener.connection(2), 5), 'hello');
  });

  test(`${version}: a client that has ended still gets its response, with close_notify or without`, async (t) => {
    const { listener } = await startTls(t, SERVED);
    const open = { ...NAME, maxVersion: version, allowHalfOpen: true };
    const polite = await listener.connect(open);
    polite.end('request');
    const plain = (await listener.openPlain()).socket;
    const rude = connect({ ...open, socket: plain, rejectUnauthorized: false });
    t.after(() => rude.destroy());
    await once(rude, 'secureConnect');
    rude.write('request', () => plain.end());
    for (const [i, client] of [polite, rude].entries()) {
      const answer = takeText(client, 6);
      const server = new RawPeer(await listener.connection(i + 1));
      assert.equal(await server.takeAll(), 'request');
      server.end('answer');
      assert.equal(await answer, 'answer');
      await server.closed;
    }
  });
}

test('TLS 1.1 is refused with protocol_version', async (t) => {
  const { listener } = await startTls(t, SERVED);
  const old = { ...NAME, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  assert.equal(await listener.refusal(old), 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
  assert.deepEqual(await listener.failure(), {
    reason: 'protocol',
    detail: 'ERR_SSL_UNSUPPORTED_PROTOCOL',
    peer: '127.0.0.1',
  });
});

test('HTTP/1.1 is chosen by ALPN, and a client without ALPN is served too', async (t) => {
  const { listener } = await startTls(t, SERVED);
  assert.equal((await listener.connect({ ...NAME, ALPNProtocols: ['h2', 'http/1.1'] })).alpnProtocol, 'http/1.1');
  assert.equal((await listener.connect(NAME)).alpnProtocol, false);
});

test('a client that wants HTTP/2 only is refused with no_application_protocol', async (t) => {
  const { listener } = await startTls(t, SERVED);
  const code = await listener.refusal({ ...NAME, ALPNProtocols: ['h2'] });
  assert.equal(code, 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
  assert.equal((await listener.failure()).detail, 'ERR_SSL_NO_APPLICATION_PROTOCOL');
});

test('no client certificate is requested, and renegotiation is refused', async (t) => {
  const { listener } = await startTls(t, SERVED);
  const client = await listener.connect({ ...NAME, maxVersion: 'TLSv1.2' });
  client.renegotiate({}, () => assert.fail('renegotiated'));
  const [error] = await once(client, 'error');
  assert.equal((error as NodeJS.ErrnoException).code, 'ERR_SSL_NO_RENEGOTIATION');
  assert.equal(listener.accepted.length, 1);
  assert.deepEqual(listener.failures, []);
});

test('resetting a connection resets it', async (t) => {
  const { listener } = await startTls(t, SERVED);
  const client = await listener.connect(NAME);
  const server = await listener.connection();
  server.resetAndDestroy();
  const [error] = await once(client, 'error');
  assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET');
  assert.equal(server.destroyed, true);
});

test('garbage after the handshake is an error of the connection, and closes it', async (t) => {
  const { listener } = await startTls(t, SERVED);
  const plain = (await listener.openPlain()).socket;
  const client = connect({ ...NAME, socket: plain, rejectUnauthorized: false });
  client.on('error', () => {});
  t.after(() => client.destroy());
  await once(client, 'secureConnect');
  const server = await listener.connection();
  const failed = once(server, 'error');
  const closed = new Promise((resolve) => server.on('close', resolve));
  plain.write('garbage, garbage');
  assert.equal(((await failed)[0] as NodeJS.ErrnoException).code, 'ERR_SSL_WRONG_VERSION_NUMBER');
  await closed;
  assert.deepEqual(listener.failures, []);
});

test('TLS works over a unix socket', async (t) => {
  const { identities } = new Identities(t, SERVED);
  const path = join(temporaryFolder(t), 'socket');
  const listener = await new TlsListener(t, identities).start({
    kind: 'unix',
    path,
    mode: null,
    user: null,
    group: null,
  });
  const client = await listener.connect(NAME);
  client.write('hello');
  assert.equal(await takeText(await listener.connection(), 5), 'hello');
  (await listener.openPlain()).write('no TLS at all');
  assert.equal((await listener.failure()).peer, '');
});

test('plain HTTP is closed, with the reason in the log', async (t) => {
  const { listener } = await startTls(t, SERVED);
  const client = await listener.openPlain();
  client.write('GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n');
  await client.ended;
  assert.deepEqual(await listener.failure(), {
    reason: 'protocol',
    detail: 'ERR_SSL_HTTP_REQUEST',
    peer: '127.0.0.1',
  });
  assert.deepEqual(listener.accepted, []);
});

test('a client that leaves during its handshake is reported once, however it leaves', async (t) => {
  const { listener } = await startTls(t, SERVED);
  const sockets = acceptedSockets(t);
  const leave: ((client: Awaited<ReturnType<TlsListener['openPlain']>>) => void)[] = [
    (client) => client.end(),
    (client) => client.end('\x16\x03\x01\x02\x00\x01'),
    (client) => client.socket.destroy(),
    (client) => client.reset(),
  ];
  for (const [i, go] of leave.entries()) {
    const client = await listener.openPlain();
    const server = await acceptedSocket(sockets, i + 1);
    go(client);
    assert.equal((await listener.failure(i + 1)).reason, 'closed');
    await client.closed;
    assert.equal(server.destroyed, true);
  }
  await listener.connect(NAME);
  assert.equal(listener.failures.length, leave.length);
});

test('a silent client is closed after the timeout, and so is one that trickles bytes', async (t) => {
  const advance = manualClock(t);
  const { listener } = await startTls(t, SERVED, null, { handshakeTimeout: 5 });
  const sockets = acceptedSockets(t);
  const silent = await listener.openPlain();
  const slow = await listener.openPlain();
  await acceptedSocket(sockets, 2);
  for (const byte of ['\x16', '\x03', '\x01', '\x02']) {
    slow.write(byte);
    advance(1);
    await turn();
  }
  assert.deepEqual(listener.failures, []);
  advance(1);
  await Promise.all([silent.ended, slow.ended]);
  assert.deepEqual(
    listener.failures.map(({ reason }) => reason),
    ['timeout', 'timeout'],
  );
});

test('the timeout ends with the handshake', async (t) => {
  const advance = manualClock(t);
  const { listener } = await startTls(t, SERVED, null, { handshakeTimeout: 5 });
  const client = await listener.connect(NAME);
  const server = await listener.connection();
  advance(100);
  client.write('hello');
  assert.equal(await takeText(server, 5), 'hello');
  assert.deepEqual(listener.failures, []);
});

test('a failed handshake leaves no descriptor and no object', async (t) => {
  const advance = manualClock(t);
  const { listener } = await startTls(t, SERVED, null, { handshakeTimeout: 5 });
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const accepted = acceptedSockets(t);
  // A refused name, no TLS at all, one that left, and a silent one.
  await listener.refusal({ servername: 'other.test' });
  const clients = [await listener.openPlain(), await listener.openPlain(), await listener.openPlain()];
  await acceptedSocket(accepted, 4);
  clients[0]?.write('no TLS at all');
  clients[1]?.end();
  await listener.failure(3);
  advance(5);
  await listener.failure(4);
  for (const client of clients) {
    await client.ended;
    client.socket.destroy();
  }
  const connections = accepted.splice(0).map((socket) => new WeakRef(socket));
  const kept = () => connections.filter((connection) => connection.deref() !== undefined).length;
  for (let i = 0; i < 100 && (openSockets() > 0 || kept() > 0); i++) {
    await turn();
    collect();
  }
  assert.equal(openSockets(), 0);
  assert.equal(kept(), 0);
  assert.deepEqual(listener.failures.map(({ reason }) => reason).sort(), ['closed', 'name', 'protocol', 'timeout']);
});

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

test('beyond the maximum of handshakes connections are closed at once, until one ends', async (t) => {
  const { listener } = await startTls(t, SERVED, null, { maxHandshakes: 2 });
  const sockets = acceptedSockets(t);
  const first = await listener.openPlain();
  await listener.openPlain();
  await acceptedSocket(sockets, 2);
  const third = await listener.openPlain();
  await third.ended;
  assert.deepEqual(listener.failures, [{ reason: 'overload', detail: '', peer: '127.0.0.1' }]);
  first.end();
  await listener.failure(2);
  // Those that are through their handshake count no more.
  for (let i = 1; i <= 4; i++) {
    await listener.connect(NAME);
    await listener.connection(i);
  }
  assert.equal(listener.failures.length, 2);
});

test('closing the listener cuts handshakes and keeps connections', async (t) => {
  const { listener } = await startTls(t, SERVED);
  const sockets = acceptedSockets(t);
  const client = await listener.connect(NAME);
  const server = await listener.connection();
  const silent = await listener.openPlain();
  await acceptedSocket(sockets, 2);
  listener.close();
  await silent.ended;
  assert.deepEqual(await listener.failure(), {
    reason: 'closed',
    detail: 'the listener was closed',
    peer: '127.0.0.1',
  });
  client.write('hello');
  assert.equal(await takeText(server, 5), 'hello');
});

test('after 200 hostile names and as many broken handshakes a client is served as before', async (t) => {
  const { listener } = await startTls(t, SERVED, null, { maxHandshakes: 50 });
  const names = ['..', '../../etc/passwd', 'a'.repeat(300), 'x\u0001y', '%2e%2e', `${'.'.repeat(200)}`, '*', '_'];
  for (let i = 0; i < 200; i++) {
    const client = listener.open({ servername: `${names[i % names.length]}${i < 100 ? '' : i}` });
    const plain = await listener.openPlain();
    plain.write(Buffer.from([22, 3, 1, 0, i, i % 7, 0, 0, i]));
    plain.end();
    await Promise.all([new Promise((resolve) => client.once('close', resolve)), plain.closed]);
  }
  await listener.failure(400);
  assert.equal(await listener.commonName('www.example.com'), 'one');
  assert.equal(listener.failures.length, 400);
  assert.equal(listener.failures.filter(({ reason }) => reason === 'overload').length, 0);
});

test('a handshake for which a call throws is closed and reported, and others continue', async (t) => {
  const { listener } = await startTls(t, SERVED);
  const forName = t.mock.method(TlsIdentities.prototype, 'forName', () => {
    throw new Error('thrown by forName');
  });
  const victim = new RawPeer(listener.open(NAME));
  const { reason, detail } = await listener.failure();
  assert.equal(reason, 'internal');
  assert.match(detail, /thrown by forName\n\s+at /);
  await victim.ended;
  forName.mock.restore();
  await listener.connect(NAME);
  await listener.connection();
});
