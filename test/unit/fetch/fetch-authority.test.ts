import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_FETCH_OPTIONS, type FetchOptions } from '../../../src/client/fetch-request.ts';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { FetchAuthority } from '../../../src/fetch/fetch-authority.ts';
import { Guard } from '../../../src/net/index.ts';

function options(fields: Partial<FetchOptions> = {}): FetchOptions {
  return { ...DEFAULT_FETCH_OPTIONS, ...fields };
}

function denying(...deny: string[]): Guard {
  return new Guard({ defaultPolicy: 'allow', allow: [], deny, denyInternal: false });
}

function assertDenied(act: () => void, detail: RegExp): void {
  assert.throws(
    act,
    (error) => error instanceof ExchangeError && error.code === 'HF_POLICY_VIOLATION' && detail.test(error.detail),
  );
}

test('Without options the host of the URI is dialled, with its name for TLS', () => {
  const plain = new FetchAuthority('http', 'a.example', 0).origin(options(), true);
  assert.deepEqual(
    { host: plain.host, port: plain.port, tls: plain.tls, guard: plain.guard, ipv4Only: plain.ipv4Only },
    { host: 'a.example', port: 80, tls: null, guard: null, ipv4Only: false },
  );
  const { host, port, tls } = new FetchAuthority('wss', 'a.example', 8443).origin(options(), true);
  assert.equal(`${host}:${port}`, 'a.example:8443');
  assert.deepEqual(tls, { serverName: 'a.example', alsoTrusted: '', verify: true, clientCert: '', clientKey: '' });
});

test('connect-host and connect-port replace only what is dialled, also each by itself', () => {
  const authority = new FetchAuthority('https', 'a.example', 0);
  for (const [connectHost, connectPort, dialled] of [
    ['B.example.', 8443, 'b.example:8443'],
    ['b.example', 0, 'b.example:443'],
    ['', 8443, 'a.example:8443'],
    ['[::1]', 1, '::1:1'],
    ['::1', 1, '::1:1'],
    ['0x7f.1', 1, '127.0.0.1:1'],
    [Buffer.from('bücher.example').toString('latin1'), 1, 'xn--bcher-kva.example:1'],
  ] as const) {
    for (const first of [true, false]) {
      const { host, port, tls } = authority.origin(options({ connectHost, connectPort }), first);
      assert.equal(`${host}:${port}`, dialled);
      assert.equal(tls?.serverName, 'a.example');
      assert.equal(tls?.alsoTrusted, '');
    }
  }
});

test('An invalid connect-host or connect-port is refused', () => {
  const authority = new FetchAuthority('http', 'a.example', 0);
  for (const fields of [
    { connectHost: 'a b' },
    { connectHost: 'a/b' },
    { connectHost: 'a:80' },
    { connectHost: '.' },
    { connectHost: 'b\xfccher.example' },
    { connectHost: 'b\u0150.example' },
    { connectHost: 'a'.repeat(5_000) },
    { connectPort: -1 },
    { connectPort: 65_536 },
    { connectPort: 1.5 },
    { connectPort: Number.NaN },
  ]) {
    assert.throws(
      () => authority.origin(options(fields), true),
      (error) => error instanceof ExchangeError && error.code === 'HF_FETCH_INVALID',
      JSON.stringify(fields),
    );
  }
});

test('A later hop does not get what only the first origin is trusted with', () => {
  const authority = new FetchAuthority('https', 'a.example', 0);
  const given = options({
    connectHost: 'b.example',
    connectPort: 1,
    trustConnectHost: true,
    ignoreTlsErrors: true,
    clientCert: 'C',
    clientKey: 'K',
  });
  assert.deepEqual(authority.origin(given, true).tls, {
    serverName: 'a.example',
    alsoTrusted: 'b.example',
    verify: false,
    clientCert: 'C',
    clientKey: 'K',
  });
  assert.deepEqual(authority.origin(given, false).tls, {
    serverName: 'a.example',
    alsoTrusted: '',
    verify: false,
    clientCert: '',
    clientKey: '',
  });
});

test('Equal options give the same origin, and different trust gives different ones', () => {
  const authority = new FetchAuthority('https', 'a.example', 0);
  const guard = denying('x.example');
  const origin = authority.origin(options(), true);
  assert.equal(authority.origin(options(), true), origin);
  // What comes second has nothing of its own here.
  assert.equal(authority.origin(options({ timeout: 1, trustConnectHost: false }), false), origin);
  const differing = [
    authority.origin(options({ guard }), true),
    authority.origin(options({ guard: denying('x.example') }), true),
    authority.origin(options({ connectHost: 'b.example' }), true),
    authority.origin(options({ connectHost: 'b.example', trustConnectHost: true }), true),
    authority.origin(options({ connectPort: 444 }), true),
    authority.origin(options({ ignoreTlsErrors: true }), true),
    authority.origin(options({ clientCert: 'C', clientKey: 'K' }), true),
    authority.origin(options(), true, true),
    origin,
  ];
  assert.equal(new Set(differing.map(({ key }) => key)).size, differing.length);
});

test('An authority remembers the last four origins, and none with a certificate', () => {
  const authority = new FetchAuthority('https', 'a.example', 0);
  const at = (connectPort: number) => authority.origin(options({ connectPort }), true);
  const [first, second] = [at(1), at(2)];
  at(3);
  at(4);
  const certified = options({ clientCert: 'C', clientKey: 'K' });
  assert.notEqual(authority.origin(certified, true), authority.origin(certified, true));
  assert.equal(at(1), first);
  assert.equal(at(2), second);
  at(5);
  assert.notEqual(at(1), first);
});

test('TLS options do not change an origin without TLS', () => {
  const authority = new FetchAuthority('http', 'a.example', 0);
  const given = options({ trustConnectHost: true, ignoreTlsErrors: true, clientCert: 'C', clientKey: 'K' });
  assert.equal(authority.origin(given, true), authority.origin(options(), false));
});

test('The guard checks the host of the URI and connect-host each time', () => {
  const authority = new FetchAuthority('http', 'a.example', 0);
  const guard = denying('a.example', '10.0.0.0/8');
  for (let i = 0; i < 2; i++) {
    assertDenied(() => authority.origin(options({ guard }), true), /^a\.example: rule "a\.example" of deny/);
    assertDenied(() => authority.origin(options({ guard, connectHost: 'b.example' }), false), /^a\.example: /);
    const other = new FetchAuthority('http', 'c.example', 0);
    assertDenied(() => other.origin(options({ guard, connectHost: 'A.example.' }), true), /^a\.example: /);
    assertDenied(() => other.origin(options({ guard, connectHost: '0xa.1' }), true), /^10\.0\.0\.1: /);
    assert.equal(other.origin(options({ guard, connectHost: 'b.example' }), true).guard, guard);
    // Without it, or under another one, nothing is denied by it.
    assert.equal(authority.origin(options(), true).guard, null);
    assert.equal(authority.origin(options({ guard: denying('b.example') }), true).host, 'a.example');
  }
});
