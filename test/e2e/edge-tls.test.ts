import assert from 'node:assert/strict';
import { once } from 'node:events';
import { renameSync, utimesSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { type Edge, startEdge } from '../support/edge/edge.ts';
import { Handler } from '../support/edge/handler.ts';
import { WebSocketClient } from '../support/edge/websocket-client.ts';
import { IDENTITIES } from '../support/loopback-certificate.ts';
import { portOf } from '../support/port-of.ts';
import { connectTo } from '../support/raw-client.ts';

type Identity = keyof typeof IDENTITIES;

/** The files of a folder of certificates: names as in the reference, without their extension. */
function files(identities: Readonly<Record<string, Identity>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(identities).flatMap(([name, identity]) => [
      [`${name}.crt`, IDENTITIES[identity].certificate],
      [`${name}.key`, IDENTITIES[identity].key],
    ]),
  );
}

function startTls(t: TestContext, listen: string, identities: Readonly<Record<string, Identity>>): Promise<Edge> {
  return startEdge(t, ['--log-level', '3', '--listen', `127.0.0.1:0,${listen}`], files(identities));
}

/** The common name of the certificate that a client gets who asks for `servername`, or the error that it gets instead. */
async function certificateFor(t: TestContext, address: string, servername?: string): Promise<string> {
  const socket = connect({ port: portOf(address), servername, rejectUnauthorized: false });
  t.after(() => socket.destroy());
  const outcome = await Promise.race([
    once(socket, 'secureConnect').then(() => socket.getPeerCertificate().subject.CN as string),
    new Promise<string>((resolve) => socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))),
  ]);
  socket.destroy();
  return outcome;
}

test('certificates are chosen by SNI: exact, one level of wildcard, or the default', async (t) => {
  const identities = { 'www.example.com': 'one', '_.example.com': 'two', fallback: 'three' } as const;
  const edge = await startTls(t, 'tls,default-cert=fallback', identities);
  for (const [name, expected] of [
    ['www.example.com', 'one'],
    ['WWW.Example.COM', 'one'],
    ['other.example.com', 'two'],
    ['a.other.example.com', 'three'],
    ['somebody.test', 'three'],
    [undefined, 'three'],
  ] as const) {
    assert.equal(await certificateFor(t, edge.address, name), expected, name);
  }
  await edge.stop();
});

test('without a default an unknown name is refused with an alert and leaves nothing behind', async (t) => {
  const edge = await startTls(t, 'tls', { 'www.example.com': 'one' });
  assert.equal(await certificateFor(t, edge.address, 'somebody.test'), 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
  const plain = await connectTo(t, edge.address);
  plain.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await plain.ended;
  plain.socket.destroy();
  assert.equal(await certificateFor(t, edge.address, 'www.example.com'), 'one');
  for (const reason of ['name', 'protocol']) {
    await edge.program.logged('TLS handshake failed', (record) => record.reason === reason);
  }
  assert.ok((await edge.stop()).server.handshakesFailed >= 2);
});

test('a certificate that is replaced counts for new connections within a second, without a restart', async (t) => {
  const edge = await startTls(t, 'tls', { 'www.example.com': 'one' });
  assert.equal(await certificateFor(t, edge.address, 'www.example.com'), 'one');
  for (const [name, content] of Object.entries(files({ 'www.example.com': 'two' }))) {
    const path = join(edge.folder, name);
    writeFileSync(`${path}.new`, content);
    // A second later by the clock of files, which may be coarse.
    const time = new Date(Date.now() + 1_000);
    utimesSync(`${path}.new`, time, time);
    renameSync(`${path}.new`, path);
  }
  let served = 'one';
  while (served === 'one') served = await certificateFor(t, edge.address, 'www.example.com');
  assert.equal(served, 'two');
  await edge.stop();
});

test('requests over TLS have https URIs, and WebSockets wss ones', async (t) => {
  const edge = await startTls(t, 'tls,default-cert=any', { any: 'one' });
  const handler = await Handler.start(t, edge.base);
  const [, port = ''] = edge.address.split(':');
  const body = Buffer.alloc(300_000, 'abc');
  const sending = request({ port, method: 'POST', path: '/up', rejectUnauthorized: false, agent: false });
  sending.end(body);
  const session = await handler.request();
  assert.equal(session.first.uri, `https://localhost:${port}/up`);
  assert.deepEqual([session.first.peerAddress.endsWith('127.0.0.1'), session.first.peerPort > 0], [true, true]);
  await session.send({ type: 'credit', credits: 50_000 });
  assert.ok((await session.takeBody()).equals(body));
  const [response] = await Promise.all([
    once(sending, 'response').then(async ([incoming]) => Buffer.concat(await incoming.toArray())),
    session.send({ code: 200, more: true }).then(() => session.sendBody(body)),
  ]);
  assert.ok((response as Buffer).equals(body));
  const client = WebSocketClient.open(t, `wss://127.0.0.1:${port}/chat`, { rejectUnauthorized: false });
  const chat = await handler.request();
  assert.equal(chat.first.uri, `wss://127.0.0.1:${port}/chat`);
  await chat.send({ code: 101, credits: 8_192 });
  await client.opened();
  client.socket.send('hello');
  assert.equal((await chat.next('data')).body.toString(), 'hello');
  await chat.send({ body: Buffer.from('hi') });
  assert.equal(await client.next(), 'text hi');
  client.socket.terminate();
  await chat.next('cancel');
  await edge.stop();
});

test('TLS 1.2 and 1.3 are accepted with HTTP/1.1, and no older version', async (t) => {
  const edge = await startTls(t, 'tls,default-cert=any', { any: 'one' });
  const port = portOf(edge.address);
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const limits = { minVersion: version, maxVersion: version, ALPNProtocols: ['h2', 'http/1.1'] };
    const socket: TLSSocket = connect({ port, rejectUnauthorized: false, ...limits });
    t.after(() => socket.destroy());
    await once(socket, 'secureConnect');
    assert.deepEqual([socket.getProtocol(), socket.alpnProtocol], [version, 'http/1.1']);
    socket.destroy();
  }
  const old = connect({
    port,
    rejectUnauthorized: false,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'ALL:@SECLEVEL=0',
  });
  await assert.rejects(once(old, 'secureConnect'));
  await edge.stop();
});
