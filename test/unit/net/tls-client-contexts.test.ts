import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DialError, type TlsClientSettings, TrustStore } from '../../../src/net/index.ts';
import { TlsClientContexts } from '../../../src/net/tls-client-contexts.ts';
import { TestAuthority } from '../../support/certificates.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const AUTHORITY = new TestAuthority();
const [ONE, TWO, THREE] = ['one', 'two', 'three'].map((name) => AUTHORITY.issue({ names: [name] })) as [
  Identity,
  Identity,
  Identity,
];

interface Identity {
  readonly certificate: string;
  readonly key: string;
}

const PLAIN: TlsClientSettings = { serverName: 'a.test', alsoTrusted: '', verify: true, clientCert: '', clientKey: '' };

function withIdentity({ certificate, key }: Identity): TlsClientSettings {
  return { ...PLAIN, clientCert: certificate, clientKey: key };
}

/** Contexts, and the file that says whom they trust. */
function startContexts(t: TestContext, maxContexts?: number): { contexts: TlsClientContexts; file: string } {
  const file = join(temporaryFolder(t, { 'ca.pem': AUTHORITY.certificate }), 'ca.pem');
  const trust = new TrustStore({ environment: { SSL_CERT_FILE: file } });
  return { contexts: new TlsClientContexts(trust, maxContexts), file };
}

test('there is one context for each client certificate, and another without verification', (t) => {
  const { contexts } = startContexts(t);
  const settings = [
    PLAIN,
    { ...PLAIN, verify: false },
    withIdentity(ONE),
    { ...withIdentity(ONE), verify: false },
    withIdentity(TWO),
  ];
  const made = settings.map((each) => contexts.contextFor(each));
  assert.equal(new Set(made).size, settings.length);
  const again = settings.map((each) => contexts.contextFor({ ...each, serverName: 'b.test', alsoTrusted: 'c.test' }));
  assert.deepEqual(
    again.map((context, i) => context === made[i]),
    settings.map(() => true),
  );
});

test('beyond the maximum of contexts the least recently used one is dropped', (t) => {
  const { contexts } = startContexts(t, 2);
  const [one, two] = [contexts.contextFor(withIdentity(ONE)), contexts.contextFor(withIdentity(TWO))];
  assert.equal(contexts.contextFor(withIdentity(ONE)), one);
  contexts.contextFor(withIdentity(THREE));
  assert.equal(contexts.contextFor(withIdentity(ONE)), one);
  assert.notEqual(contexts.contextFor(withIdentity(TWO)), two);
});

test('64 contexts of either kind are kept unless told otherwise', (t) => {
  const { contexts } = startContexts(t);
  const identities = Array.from({ length: 65 }, (_, i) => withIdentity(AUTHORITY.issue({ names: [`n${i}`] })));
  for (const verify of [true, false]) {
    const [first, ...others] = identities.map((settings) => ({ ...settings, verify })) as [TlsClientSettings];
    const context = contexts.contextFor(first);
    for (const settings of others.slice(0, 63)) contexts.contextFor(settings);
    assert.equal(contexts.contextFor(first), context);
    for (const settings of others) contexts.contextFor(settings);
    assert.notEqual(contexts.contextFor(first), context);
  }
});

test('when the trusted authorities change, verifying contexts are made again', (t) => {
  const advance = manualClock(t);
  const { contexts, file } = startContexts(t);
  const settings = [PLAIN, withIdentity(ONE), { ...PLAIN, verify: false }];
  const made = settings.map((each) => contexts.contextFor(each));
  writeFileSync(file, new TestAuthority('Another').certificate);
  advance(60);
  assert.deepEqual(
    settings.map((each, i) => contexts.contextFor(each) === made[i]),
    [false, false, true],
  );
});

test('without trusted authorities no server can be verified; without verification none are needed', () => {
  const contexts = new TlsClientContexts(new TrustStore({ environment: { SSL_CERT_FILE: '/nowhere/at/all' } }));
  assert.throws(() => contexts.contextFor(PLAIN), isFailure(/^trusted authorities cannot be loaded: ENOENT/));
  contexts.contextFor({ ...PLAIN, verify: false });
});

const ENCRYPTED = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'secret' },
}).privateKey;

for (const [what, clientCert, clientKey, message] of [
  [
    'a certificate without a key',
    ONE.certificate,
    '',
    /^a client certificate needs its key, and a key its certificate$/,
  ],
  ['a key without a certificate', '', ONE.key, /^a client certificate needs its key, and a key its certificate$/],
  ['an invalid certificate', 'rubbish', ONE.key, /cannot be used: no start line$/],
  ['a certificate that is cut off', ONE.certificate.slice(0, 200), ONE.key, /cannot be used: ./],
  ['an invalid key', ONE.certificate, 'rubbish', /cannot be used: ./],
  ['the key of another certificate', ONE.certificate, TWO.key, /cannot be used: key values mismatch$/],
  ['a key with a passphrase', ONE.certificate, ENCRYPTED, /cannot be used: ./],
] as const) {
  test(`${what} is reported, whether servers are verified or not`, (t) => {
    const { contexts } = startContexts(t);
    for (const verify of [true, false]) {
      assert.throws(() => contexts.contextFor({ ...PLAIN, verify, clientCert, clientKey }), isFailure(message));
    }
  });
}

function isFailure(message: RegExp): (error: Error) => boolean {
  return (error) => {
    assert.ok(error instanceof DialError);
    assert.equal(error.kind, 'tls');
    assert.match(error.message, message);
    return true;
  };
}
