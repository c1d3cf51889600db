import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { TimerWheel } from '../../../src/clock/index.ts';
import { DEFAULT_TLS_LIMITS, listen, TlsIdentities } from '../../../src/net/index.ts';
import { selfSigned } from '../../support/certificates.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const [served, proof] = ['served', 'proof'].map((commonName) => selfSigned({ names: ['a.example.com'], commonName }));

/** A TLS listener, at which `a.example.com` may be proven while `challenges.open`. */
async function start(t: TestContext) {
  const folder = temporaryFolder(t, {
    'a.example.com.crt': served?.certificate ?? '',
    'a.example.com.key': served?.key ?? '',
  });
  const wheel = new TimerWheel();
  const context = createSecureContext({ cert: proof?.certificate, key: proof?.key });
  const challenges = {
    open: true,
    forName: (name: string): SecureContext | null => (name === 'a.example.com' ? context : null),
  };
  const identities = new TlsIdentities({ folder, defaultName: null, log: new FakeLog() });
  const accept = (socket: Socket): void => void socket.end('served\n');
  const tls = { ...DEFAULT_TLS_LIMITS, identities, wheel, challenges };
  const listener = await listen({ kind: 'tcp', host: '127.0.0.1', port: 0 }, 65_536, accept, { tls });
  t.after(() => {
    listener.close();
    wheel.stop();
  });
  return { port: listener.port, challenges, listener };
}

/** Connects with TLS. Resolves with who the server says it is, which protocol was chosen, and what it sent. */
async function shake(
  port: number,
  servername: string,
  ALPNProtocols: string[],
): Promise<[string, string | false, string]> {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, servername, ALPNProtocols, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const name = String(socket.getPeerCertificate().subject.CN);
  const protocol = socket.alpnProtocol ?? false;
  let text = '';
  for await (const chunk of socket) text += chunk;
  return [name, protocol, text];
}

test('an authority gets the proof and nothing else, and all others are served as ever', async (t) => {
  const { port, challenges } = await start(t);
  assert.deepEqual(await shake(port, 'a.example.com', ['acme-tls/1']), ['proof', 'acme-tls/1', '']);
  assert.deepEqual(await shake(port, 'a.example.com', ['http/1.1']), ['served', 'http/1.1', 'served\n']);
  assert.deepEqual(await shake(port, 'a.example.com', []), ['served', false, 'served\n']);
  await assert.rejects(shake(port, 'b.example.com', ['acme-tls/1']));
  challenges.open = false;
  await assert.rejects(shake(port, 'a.example.com', ['acme-tls/1']));
});

test('bytes that are no TLS go on to where they are refused', async (t) => {
  const { port } = await start(t);
  const socket = connectTcp(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\n\r\n');
  socket.on('error', () => {});
  await once(socket, 'close');
});

test('connections that say nothing take no place from others, and are cut when the listener is closed', async (t) => {
  const { port, listener } = await start(t);
  const silent = Array.from({ length: 256 }, () => connectTcp(port, '127.0.0.1'));
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  // Beyond the bound nobody is looked at: the authority is refused, and others are served.
  const closed = silent.map((socket) =>
    once(
      socket.on('error', () => {}),
      'close',
    ),
  );
  assert.deepEqual(await shake(port, 'a.example.com', ['http/1.1']), ['served', 'http/1.1', 'served\n']);
  await assert.rejects(shake(port, 'a.example.com', ['acme-tls/1']));
  listener.close();
  await Promise.all(closed);
});
