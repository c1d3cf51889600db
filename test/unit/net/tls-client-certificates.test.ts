import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { peerOf, TlsIdentities } from '../../../src/net/index.ts';
import { selfSigned, TestAuthority } from '../../support/certificates.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { putIdentity, TlsListener } from './tls-support.ts';

const AUTHORITY = new TestAuthority('Clients');
const KNOWN = AUTHORITY.issue({ commonName: 'known', purpose: 'client' });
const STRANGER = selfSigned({ commonName: 'stranger' });
const NAME = { servername: 'www.example.com' };

interface Shown {
  readonly certificate: string;
  readonly key: string;
}

const shows = ({ certificate, key }: Shown): ConnectionOptions => ({ ...NAME, cert: certificate, key });

const sha1 = ({ certificate }: Shown) => new X509Certificate(certificate).fingerprint.replaceAll(':', '');

async function start(t: TestContext, clientCertificates: 'optional' | 'required', defaultName: string | null = null) {
  const folder = temporaryFolder(t, { 'ca.pem': AUTHORITY.certificate });
  putIdentity(folder, 'www.example.com', 'one');
  const clientCa = join(folder, 'ca.pem');
  const identities = new TlsIdentities({ folder, defaultName, clientCa, log: new FakeLog() });
  return { listener: await new TlsListener(t, identities, { clientCertificates }).start(), identities, clientCa };
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const only = { minVersion: version, maxVersion: version };

  test(`${version}: required, a valid certificate is accepted, and its fingerprint known`, async (t) => {
    const { listener } = await start(t, 'required');
    await listener.connect({ ...shows(KNOWN), ...only });
    const peer = peerOf(await listener.connection());
    assert.equal(peer.certificateSha1, sha1(KNOWN));
    assert.equal(peer.address, '127.0.0.1');
    assert.match(sha1(KNOWN), /^[0-9A-F]{40}$/);
  });

  test(`${version}: required, none and one of a stranger are refused`, async (t) => {
    const { listener } = await start(t, 'required');
    listener.open({ ...NAME, ...only });
    const { reason, detail } = await listener.failure(1);
    assert.deepEqual([reason, detail], ['protocol', 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE']);
    listener.open({ ...shows(STRANGER), ...only });
    const invalid = await listener.failure(2);
    assert.deepEqual([invalid.reason, invalid.detail], ['certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT']);
    assert.equal(listener.accepted.length, 0);
  });

  test(`${version}: optional, all are accepted, and the fingerprint of any certificate is known`, async (t) => {
    const { listener } = await start(t, 'optional');
    const fingerprints: (string | undefined)[] = [];
    for (const options of [shows(KNOWN), shows(STRANGER), NAME]) {
      await listener.connect({ ...options, ...only });
      fingerprints.push(peerOf(await listener.connection(fingerprints.length + 1)).certificateSha1);
    }
    assert.deepEqual(fingerprints, [sha1(KNOWN), sha1(STRANGER), undefined]);
  });

  test(`${version}: a session that is resumed keeps its certificate`, async (t) => {
    const { listener } = await start(t, 'required', 'www.example.com');
    const options = { ...shows(KNOWN), ...only };
    const first = await listener.connect(options);
    const session = first.getSession();
    const tickets = version === 'TLSv1.3' ? once(first, 'session') : Promise.resolve([session]);
    (await listener.connection()).write('x');
    const [ticket] = (await tickets) as [Buffer];
    const second = await listener.connect({ ...options, session: ticket });
    assert.equal(second.isSessionReused(), true);
    assert.equal(peerOf(await listener.connection(2)).certificateSha1, sha1(KNOWN));
  });
}

test('without a request no client is asked', async (t) => {
  const { identities } = await start(t, 'optional');
  const listener = await new TlsListener(t, identities).start();
  await listener.connect(shows(KNOWN));
  assert.equal(peerOf(await listener.connection()).certificateSha1, undefined);
});

test('authorities that change are read again', async (t) => {
  const { listener, clientCa, identities } = await start(t, 'required');
  await listener.connect(shows(KNOWN));
  const others = new TestAuthority('Others');
  writeFileSync(clientCa, `${others.certificate}\n`);
  identities.refresh();
  listener.open(shows(KNOWN));
  assert.equal((await listener.failure()).reason, 'certificate');
  await listener.connect(shows(others.issue({ commonName: 'other' })));
  await listener.connection(2);
});

test('a file that holds no authorities is refused at the start', async (t) => {
  const { clientCa, identities } = await start(t, 'required');
  identities.check();
  writeFileSync(clientCa, 'nothing');
  assert.throws(
    () => identities.check(),
    /^Error: the authorities of client certificates cannot be loaded from .*ca\.pem: no certificate in PEM$/,
  );
});

test('the ciphers of TLS 1.2 can be chosen, and TLS 1.3 stays', async (t) => {
  const folder = temporaryFolder(t);
  putIdentity(folder, 'www.example.com', 'one');
  const log = new FakeLog();
  const identities = new TlsIdentities({
    folder,
    defaultName: null,
    ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256',
    log,
  });
  const listener = await new TlsListener(t, identities).start();
  const old = await listener.connect({ ...NAME, maxVersion: 'TLSv1.2' });
  assert.match(old.getCipher().name, /AES128-GCM/);
  const current = await listener.connect(NAME);
  assert.equal(current.getProtocol(), 'TLSv1.3');
  assert.throws(() => new TlsIdentities({ folder, defaultName: null, ciphers: 'NONE-SUCH', log }), /no cipher match/i);
});
