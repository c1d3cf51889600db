import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createServer } from 'node:tls';
import {
  type DialError,
  type Dialling,
  type DialSink,
  type DialTarget,
  type Resolver,
  TcpDialler,
  type TlsClientSettings,
} from '../../../src/net/index.ts';
import { TestAuthority } from '../../support/certificates.ts';
import { FixedResolver, ListedGuard, startServer, TestDial } from './dial-support.ts';

const defect = new Error('thrown by the test');

const TLS: TlsClientSettings = {
  serverName: 'www.test',
  alsoTrusted: '',
  verify: false,
  clientCert: '',
  clientKey: '',
};

/** A sink whose calls throw. */
class ThrowingSink implements DialSink {
  socket: Socket | null = null;
  dialling: Dialling | null = null;
  /** Resolves with what came to `onFault`. */
  readonly fault: Promise<unknown>;
  #found: (thrown: unknown) => void = () => {};

  constructor(t: TestContext, dialler: TcpDialler, target: Partial<DialTarget>) {
    this.fault = new Promise((resolve) => {
      this.#found = resolve;
    });
    t.after(() => this.socket?.destroy());
    const whereto = { host: 'a.test', port: 1, guard: null, ipv4Only: false, tls: null, ...target };
    this.dialling = dialler.dial(whereto, this, { buffer: Buffer.alloc(10), callback: () => true });
  }

  onConnected(socket: Socket): void {
    this.socket = socket;
    throw defect;
  }

  onDialFailed(_error: DialError): void {
    throw defect;
  }

  onFault(thrown: unknown): void {
    this.#found(thrown);
  }
}

/** A guard that has a defect. */
class BrokenGuard extends ListedGuard {
  override checkAddress(): never {
    throw defect;
  }
}

test('an exception of the sink when it is connected is reported to that sink', async (t) => {
  const { port } = await startServer(t, '127.0.0.1');
  const dialler = new TcpDialler({ resolver: new FixedResolver(['127.0.0.1']) });
  assert.equal(await new ThrowingSink(t, dialler, { port }).fault, defect);
});

test('an exception of the sink when TLS is established is reported to that sink', async (t) => {
  const { certificate: cert, key } = new TestAuthority().issue({ names: ['www.test'], purpose: 'server' });
  const server = createServer({ cert, key }, (socket) => socket.on('error', () => {}));
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const dialler = new TcpDialler({ resolver: new FixedResolver(['127.0.0.1']) });
  assert.equal(await new ThrowingSink(t, dialler, { port: address.port, tls: TLS }).fault, defect);
});

test('an exception of the sink when the dial fails is reported to that sink', async (t) => {
  // Refused, denied, without an address, and TLS with whom does not speak it.
  const refused = new TcpDialler({ resolver: new FixedResolver(['127.0.0.9']) });
  assert.equal(await new ThrowingSink(t, refused, {}).fault, defect);
  assert.equal(await new ThrowingSink(t, refused, { guard: new ListedGuard('127.0.0.9') }).fault, defect);
  const unknown = new TcpDialler({ resolver: new FixedResolver([]) });
  assert.equal(await new ThrowingSink(t, unknown, {}).fault, defect);
  const server = await startServer(t, '127.0.0.1');
  const dialler = new TcpDialler({ resolver: new FixedResolver(['127.0.0.1']) });
  const sink = new ThrowingSink(t, dialler, { port: server.port, tls: TLS });
  (await server.connection()).end('no TLS at all');
  assert.equal(await sink.fault, defect);
});

test('an exception of the guard is reported to the sink, even in the delay between addresses', async (t) => {
  const dialler = new TcpDialler({ resolver: new FixedResolver(['127.0.0.9']) });
  assert.equal(await new ThrowingSink(t, dialler, { guard: new BrokenGuard() }).fault, defect);
});

test('an exception of a resolver is reported to the sink', async (t) => {
  const dialler = new TcpDialler({ resolver: new FixedResolver(Promise.reject(defect)) });
  assert.equal(await new ThrowingSink(t, dialler, {}).fault, defect);
});

test('an exception of one dial does not affect another one that shares its lookup', async (t) => {
  const { port } = await startServer(t, '127.0.0.1');
  let found: (addresses: readonly string[]) => void = () => {};
  const answer = new Promise<readonly string[]>((resolve) => {
    found = resolve;
  });
  const resolver: Resolver = { resolve: () => answer };
  const dialler = new TcpDialler({ resolver });
  const failing = new ThrowingSink(t, dialler, { port });
  const other = new TestDial(t, dialler, { host: 'a.test', port });
  found(['127.0.0.1']);
  assert.equal(await failing.fault, defect);
  assert.equal((await other.socket()).remotePort, port);
});
