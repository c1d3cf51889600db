import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createSecureContext, TLSSocket } from 'node:tls';
import { originOf } from '../../../src/client/index.ts';
import type { TlsClientSettings } from '../../../src/net/index.ts';
import { TestAuthority } from '../../support/certificates.ts';
import { Fixture } from './fixture.ts';

/** Rounds of each kind: whether the end of a connection and its last bytes are read at once is up to the system. */
const ROUNDS = 150;

const RESPONSE = 'HTTP/1.1 200 OK\r\n\r\nhello';

const { certificate: cert, key } = new TestAuthority().issue({ names: ['www.test'], purpose: 'server' });
const TLS: TlsClientSettings = {
  serverName: 'www.test',
  alsoTrusted: '',
  verify: false,
  clientCert: '',
  clientKey: '',
};

/** How the origin ends the connection: its own socket, and the TCP connection below it, which are one without TLS. */
type Ending = (socket: Socket, raw: Socket) => void;

/** Lets an origin send a body that ends with the connection, `ROUNDS` times; returns how many reached the client as complete. */
async function completed(t: TestContext, tls: TlsClientSettings | null, end: Ending): Promise<number> {
  const secureContext = createSecureContext({ cert, key });
  const server = createServer((raw) => {
    raw.on('error', () => {});
    const socket = tls === null ? raw : new TLSSocket(raw, { isServer: true, secureContext });
    socket.on('error', () => {});
    socket.once('data', () => end(socket, raw));
  });
  server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const fixture = new Fixture(t);
  const origin = originOf('127.0.0.1', (server.address() as AddressInfo).port, tls);
  let complete = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const outcome = await fixture.send(origin).ended();
    if (outcome === 'complete') complete++;
    else assert.match(outcome.code, /^HF_ORIGIN_(TRUNCATED|CLOSED)$/);
  }
  return complete;
}

for (const [what, tls] of [
  ['', null],
  [' over TLS', TLS],
] as const) {
  test(`a reset right after the last bytes${what} never makes a response look complete`, async (t) => {
    const cut: Ending = (socket, raw) => socket.write(RESPONSE, () => raw.resetAndDestroy());
    assert.equal(await completed(t, tls, cut), 0);
  });

  test(`an end in order${what} is never taken for a reset`, async (t) => {
    const close: Ending = (socket) => socket.end(RESPONSE);
    assert.equal(await completed(t, tls, close), ROUNDS);
  });
}

test('an end in order is never taken for a reset, also when the origin closes both directions at once', async (t) => {
  const close: Ending = (socket) => socket.write(RESPONSE, () => socket.destroy());
  assert.equal(await completed(t, null, close), ROUNDS);
});
