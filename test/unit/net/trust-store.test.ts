import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Authorities, TrustStore } from '../../../src/net/index.ts';
import { TestAuthority } from '../../support/certificates.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const NOT_LOADED = 'trusted authorities cannot be loaded';

const [ONE, TWO, THREE] = ['One', 'Two', 'Three'].map((name) => new TestAuthority(name).certificate) as [
  string,
  string,
  string,
];

/** The certificates without the line ends around them. */
function trimmed(...certificates: readonly string[]): string[] {
  return certificates.map((certificate) => certificate.trim());
}

/** What is trusted where the environment and the system have this. */
function authorities(environment: Record<string, string>, systemBundles: readonly string[] = []): Authorities {
  return new TrustStore({ environment, systemBundles }).authorities();
}

test('only SSL_CERT_FILE is trusted, with any text around the certificates', (t) => {
  const text = `# One\n${ONE}-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\r\nTwo:\n${TWO}\n${ONE}`;
  const folder = temporaryFolder(t, { 'some.file': text, system: THREE });
  const environment = { SSL_CERT_FILE: join(folder, 'some.file') };
  assert.deepEqual(authorities(environment, [join(folder, 'system')]), trimmed(ONE, TWO));
});

test('files with hash names in SSL_CERT_DIR are read, and broken links skipped', (t) => {
  const folder = temporaryFolder(t, { '0a1b2c3d.0': ONE, '0a1b2c3d.1': TWO, 'three.pem': THREE, '0A1B2C3D.2': THREE });
  symlinkSync(join(folder, 'nowhere'), join(folder, 'ffffffff.0'));
  mkdirSync(join(folder, 'eeeeeeee.0'));
  assert.deepEqual(authorities({ SSL_CERT_DIR: folder }), trimmed(ONE, TWO));
});

test('all PEM files of a folder without hash names are read', (t) => {
  const folder = temporaryFolder(t, {
    'a.pem': ONE,
    'b.crt': TWO,
    'c.CER': THREE,
    'd.txt': 'no certificate',
    e: 'none',
  });
  assert.deepEqual(authorities({ SSL_CERT_DIR: folder }), trimmed(ONE, TWO, THREE));
});

test('SSL_CERT_DIR may name several folders, missing ones too, beside SSL_CERT_FILE', (t) => {
  const folder = temporaryFolder(t, { 'file.pem': ONE });
  for (const [name, certificate] of [
    ['two', TWO],
    ['three', THREE],
  ] as const) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'a.pem'), certificate);
  }
  const folders = ['two', 'missing', 'three'].map((name) => join(folder, name)).join(':');
  assert.deepEqual(authorities({ SSL_CERT_DIR: folders }), trimmed(TWO, THREE));
  const both = { SSL_CERT_FILE: join(folder, 'file.pem'), SSL_CERT_DIR: folders };
  assert.deepEqual(authorities(both), trimmed(ONE, TWO, THREE));
});

test('without environment variables the first existing bundle of the system is used', (t) => {
  const folder = temporaryFolder(t, { 'two.pem': TWO, 'three.pem': THREE });
  mkdirSync(join(folder, 'one.pem'));
  const bundles = ['missing', 'one.pem', 'two.pem', 'three.pem'].map((name) => join(folder, name));
  assert.deepEqual(authorities({}, bundles), trimmed(TWO));
  assert.deepEqual(authorities({ SSL_CERT_FILE: '', SSL_CERT_DIR: '' }, bundles), trimmed(TWO));
});

test('without a bundle of the system the authorities of Node are used', () => {
  assert.equal(authorities({}, ['/nowhere/at/all']), null);
});

test('the environment is that of the process unless another is given', (t) => {
  const folder = temporaryFolder(t, { 'one.pem': ONE });
  const { SSL_CERT_FILE, SSL_CERT_DIR } = process.env;
  t.after(() => Object.assign(process.env, { SSL_CERT_FILE, SSL_CERT_DIR }));
  process.env.SSL_CERT_FILE = join(folder, 'one.pem');
  process.env.SSL_CERT_DIR = '';
  assert.deepEqual(new TrustStore().authorities(), trimmed(ONE));
});

test('a named file that cannot be loaded is an error, and nothing is trusted in its place', (t) => {
  const folder = temporaryFolder(t, { none: 'no certificate', system: THREE, 'cut.pem': ONE.slice(0, 100) });
  mkdirSync(join(folder, 'empty'));
  const system = [join(folder, 'system')];
  const failure = (environment: Record<string, string>): string => {
    try {
      authorities(environment, system);
    } catch (error) {
      return (error as Error).message.replaceAll(folder, '.');
    }
    return '';
  };
  const file = (name: string) => ({ SSL_CERT_FILE: join(folder, name) });
  assert.match(failure(file('missing')), /^ENOENT: .*'\.\/missing'$/);
  assert.equal(failure(file('empty')), './empty is not a file');
  assert.equal(failure(file('none')), 'no certificate in ./none');
  assert.equal(failure(file('cut.pem')), 'no certificate in ./cut.pem');
  assert.equal(failure({ SSL_CERT_DIR: join(folder, 'empty') }), 'no certificate in ./empty');
  assert.equal(failure({ SSL_CERT_DIR: join(folder, 'missing') }), 'no certificate in ./missing');
});

test('files are checked once a minute, and read when they have changed', (t) => {
  const advance = manualClock(t);
  const folder = temporaryFolder(t, { 'a.pem': ONE });
  mkdirSync(join(folder, 'more'));
  writeFileSync(join(folder, 'more', 'b.pem'), TWO);
  const log = new FakeLog();
  const environment = { SSL_CERT_FILE: join(folder, 'a.pem'), SSL_CERT_DIR: join(folder, 'more') };
  const store = new TrustStore({ environment, log });
  const first = store.authorities();
  assert.deepEqual(first, trimmed(ONE, TWO));
  writeFileSync(join(folder, 'a.pem'), THREE);
  utimesSync(join(folder, 'a.pem'), 1, 1);
  advance(59);
  assert.equal(store.authorities(), first);
  advance(1);
  assert.deepEqual(store.authorities(), trimmed(THREE, TWO));
  writeFileSync(join(folder, 'more', 'c.pem'), ONE);
  advance(60);
  const third = store.authorities();
  assert.deepEqual(third, trimmed(THREE, TWO, ONE));
  rmSync(join(folder, 'more', 'b.pem'));
  advance(60);
  const fourth = store.authorities();
  assert.deepEqual(fourth, trimmed(THREE, ONE));
  advance(60);
  assert.equal(store.authorities(), fourth);
  assert.equal(log.with('trusted authorities loaded').length, 4);
});

test('an added bundle of the system is found, and a removed one is noticed', (t) => {
  const advance = manualClock(t);
  const folder = temporaryFolder(t);
  const bundle = join(folder, 'bundle.pem');
  const store = new TrustStore({ environment: {}, systemBundles: [bundle] });
  assert.equal(store.authorities(), null);
  writeFileSync(bundle, ONE);
  advance(60);
  assert.deepEqual(store.authorities(), trimmed(ONE));
  rmSync(bundle);
  advance(60);
  assert.equal(store.authorities(), null);
});

test('a broken bundle keeps the trusted authorities, with one warning until it is valid again', (t) => {
  const advance = manualClock(t);
  const folder = temporaryFolder(t, { 'a.pem': ONE });
  const log = new FakeLog();
  const file = join(folder, 'a.pem');
  const store = new TrustStore({ environment: { SSL_CERT_FILE: file }, log });
  const first = store.authorities();
  const breaks = [() => writeFileSync(file, ''), () => rmSync(file)];
  for (const [i, breakFile] of breaks.entries()) {
    breakFile();
    for (let check = 0; check < 3; check++) {
      advance(60);
      assert.equal(store.authorities(), first);
    }
    assert.equal(log.with(NOT_LOADED).length, i + 1);
    writeFileSync(file, i === 0 ? ONE : TWO);
    advance(60);
    store.authorities();
  }
  assert.deepEqual(store.authorities(), trimmed(TWO));
});

test('a bundle that could not be loaded is tried again at once', (t) => {
  const folder = temporaryFolder(t, { 'a.pem': '' });
  const store = new TrustStore({ environment: { SSL_CERT_FILE: join(folder, 'a.pem') } });
  assert.throws(() => store.authorities());
  writeFileSync(join(folder, 'a.pem'), ONE);
  assert.deepEqual(store.authorities(), trimmed(ONE));
});
