import assert from 'node:assert/strict';
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { TlsIdentities } from '../../../src/net/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { IDENTITIES } from '../../support/loopback-certificate.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { Identities, putIdentity, startTls } from './tls-support.ts';

const UNRECOGNIZED_NAME = 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME';
const LOADED = 'certificate loaded';
const NOT_LOADED = 'certificate cannot be loaded';

test('a client gets the certificate of the name it asks for, in whatever case', async (t) => {
  const { listener } = await startTls(t, { 'www.example.com': 'one', 'api.example.com': 'two' });
  assert.equal(await listener.commonName('www.example.com'), 'one');
  assert.equal(await listener.commonName('API.Example.COM'), 'two');
});

test('a wildcard matches one label, and an exact name comes first', async (t) => {
  const served = { '_.example.com': 'one', '_.b.example.com': 'two', 'www.example.com': 'three' } as const;
  const { listener } = await startTls(t, served);
  assert.equal(await listener.commonName('any.example.com'), 'one');
  assert.equal(await listener.commonName('a.b.example.com'), 'two');
  assert.equal(await listener.commonName('www.example.com'), 'three');
  for (const servername of ['example.com', 'a.c.example.com', 'a.b.c.example.com']) {
    assert.equal(await listener.refusal({ servername }), UNRECOGNIZED_NAME, servername);
  }
});

test('a name of a single label has no wildcard, nor has one that begins with a dot', (t) => {
  const { identities } = new Identities(t, { _: 'one', '_.example.com': 'two' });
  assert.equal(identities.forName('localhost'), null);
  assert.equal(identities.forName('.example.com'), null);
  assert.notEqual(identities.forName('_'), null);
});

test('the default is for clients that ask for an unknown name or for none', async (t) => {
  const { listener } = await startTls(t, { 'www.example.com': 'one', fallback: 'two' }, 'fallback');
  assert.equal(await listener.commonName('other.example.com'), 'two');
  assert.equal(await listener.commonName(), 'two');
  assert.equal(await listener.commonName('www.example.com'), 'one');
});

test('the default is an exact name and matches no wildcard', async (t) => {
  const { listener } = await startTls(t, { '_.example.com': 'one' }, 'www.example.com');
  assert.equal(await listener.refusal({ servername: 'other.test' }), UNRECOGNIZED_NAME);
  assert.equal(await listener.commonName('www.example.com'), 'one');
});

test('without a default an unknown name is refused with unrecognized_name, and no name at all with handshake_failure', async (t) => {
  const { listener } = await startTls(t, { 'www.example.com': 'one' });
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    assert.equal(await listener.refusal({ servername: 'other.test', maxVersion }), UNRECOGNIZED_NAME);
    assert.equal(await listener.refusal({ servername: '', maxVersion }), 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE');
  }
  await listener.failure(4);
  assert.deepEqual(
    listener.failures.map(({ reason, detail }) => [reason, detail]),
    [
      ['name', 'other.test'],
      ['protocol', 'ERR_SSL_NO_SHARED_CIPHER'],
      ['name', 'other.test'],
      ['protocol', 'ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM'],
    ],
  );
});

test('names that lead out of the folder, or are not valid host names, are refused even if their files exist', async (t) => {
  const outside = temporaryFolder(t);
  const folder = join(outside, 'certificates');
  mkdirSync(join(folder, 'sub'), { recursive: true });
  const names = ['../outside', 'sub/inside', '.', '..', '\u0001', 'a\u007fb', 'münchen.example', '\u212Aelvin.example'];
  for (const name of [...names, 'kelvin.example']) putIdentity(folder, name, 'one');
  const identities = new TlsIdentities({ folder, defaultName: null, log: new FakeLog() });
  names.push('a\0b', join(folder, 'sub/inside'), 'a'.repeat(254), 'a'.repeat(65_535), '');
  for (const name of names) assert.equal(identities.forName(name), null, JSON.stringify(name));
  assert.notEqual(identities.forName('Kelvin.example'), null);
  const { listener } = await startTls(t, {});
  for (const servername of ['../outside', '..', '/etc/passwd']) {
    assert.equal(await listener.refusal({ servername }), UNRECOGNIZED_NAME);
  }
});

test('the default that is loaded is renewed before any client has asked for it, and stays loaded', (t) => {
  const served = { fallback: 'one', a: 'one', b: 'two' } as const;
  const { identities, folder } = new Identities(t, served, { defaultName: 'fallback', maxLoaded: 1 });
  identities.loadDefault();
  identities.loadDefault();
  assert.equal(identities.renew('fallback'), null);
  for (const name of ['a', 'b', 'a']) assert.notEqual(identities.forName(name), null);
  assert.deepEqual(identities.loaded, ['fallback', 'a']);
  rmSync(join(folder, 'fallback.key'));
  assert.throws(() => identities.renew('fallback'), /no such file/);
});

test('a name may be as long as a host name can be, also where no file can be that long', (t) => {
  const longest = `${'a'.repeat(247)}.com`;
  const { identities } = new Identities(t, { [longest]: 'one' });
  assert.notEqual(identities.forName(longest), null);
  assert.equal(identities.forName(`${'a'.repeat(249)}.com`), null);
});

test('a certificate is loaded once however often it is asked for, under whatever name', (t) => {
  const { identities, log } = new Identities(t, { '_.example.com': 'one' });
  const context = identities.forName('a.example.com');
  assert.notEqual(context, null);
  for (let i = 0; i < 20; i++) assert.equal(identities.forName(`${i}.example.com`), context);
  assert.deepEqual(
    log.with(LOADED).map(({ fields }) => fields),
    [{ certificate: '_.example.com' }],
  );
});

test('unknown names are not cached, and a certificate that is added later is found at once', (t) => {
  const { identities, log, folder } = new Identities(t, { 'www.example.com': 'one' }, { maxLoaded: 1 });
  const context = identities.forName('www.example.com');
  for (let i = 0; i < 200; i++) assert.equal(identities.forName(`${i}.example.com`), null);
  assert.equal(identities.forName('www.example.com'), context);
  assert.equal(log.with(LOADED).length, 1);
  putIdentity(folder, '7.example.com', 'two');
  assert.notEqual(identities.forName('7.example.com'), null);
});

test('beyond the maximum of identities the least recently used one is dropped', (t) => {
  const { identities, log } = new Identities(t, { a: 'one', b: 'two', c: 'three' }, { maxLoaded: 2 });
  const loaded = () => log.with(LOADED).map(({ fields }) => fields.certificate);
  for (const name of ['a', 'b', 'a', 'c', 'a']) assert.notEqual(identities.forName(name), null);
  assert.deepEqual(loaded(), ['a', 'b', 'c']);
  identities.forName('b');
  assert.deepEqual(loaded(), ['a', 'b', 'c', 'b']);
});

test('changed files are served a second later, older or newer, and open connections stay', async (t) => {
  const advance = manualClock(t);
  const { listener, folder } = await startTls(t, { 'www.example.com': 'one' }, 'www.example.com');
  const before = await listener.connect({ servername: 'www.example.com' });
  putIdentity(folder, 'www.example.com', 'two');
  assert.equal(await listener.commonName('www.example.com'), 'one');
  advance(1);
  assert.equal(await listener.commonName('www.example.com'), 'two');
  assert.equal(await listener.commonName(), 'two');
  putIdentity(folder, 'www.example.com', 'three');
  utimesSync(join(folder, 'www.example.com.crt'), 1, 1);
  utimesSync(join(folder, 'www.example.com.key'), 1, 1);
  advance(1);
  assert.equal(await listener.commonName('www.example.com'), 'three');
  assert.equal(before.destroyed, false);
});

test('a file with a new time is loaded again, and an unchanged one is not', (t) => {
  const advance = manualClock(t);
  const { identities, folder, log } = new Identities(t, { a: 'one' });
  const first = identities.forName('a');
  advance(1);
  assert.equal(identities.forName('a'), first);
  for (const [i, file] of ['a.crt', 'a.key'].entries()) {
    utimesSync(join(folder, file), 1_000, 1_000);
    advance(1);
    assert.notEqual(identities.forName('a'), first);
    assert.equal(log.with(LOADED).length, i + 2);
  }
});

test('files that cannot be loaded leave the old certificate in place, with one warning until they can', async (t) => {
  const advance = manualClock(t);
  const { listener, folder, log } = await startTls(t, { 'www.example.com': 'one' });
  const served = () => listener.commonName('www.example.com');
  assert.equal(await served(), 'one');
  const breaks: (() => void)[] = [
    () => writeFileSync(join(folder, 'www.example.com.crt'), '-----BEGIN CERTIFICATE-----\n'),
    () => writeFileSync(join(folder, 'www.example.com.crt'), ''),
    () => rmSync(join(folder, 'www.example.com.key')),
    () => rmSync(join(folder, 'www.example.com.crt')),
  ];
  for (const [i, breakFiles] of breaks.entries()) {
    breakFiles();
    for (let check = 0; check < 3; check++) {
      advance(1);
      assert.equal(await served(), 'one');
    }
    const warnings = log.with(NOT_LOADED);
    assert.equal(warnings.length, i + 1);
    assert.deepEqual(
      { ...warnings[i]?.fields, reason: '' },
      { certificate: 'www.example.com', reason: '', kept: true },
    );
    putIdentity(folder, 'www.example.com', 'one');
    advance(1);
    assert.equal(await served(), 'one');
  }
  putIdentity(folder, 'www.example.com', 'two');
  advance(1);
  assert.equal(await served(), 'two');
});

test('a certificate whose key comes later counts as missing until then', async (t) => {
  const advance = manualClock(t);
  const { listener, folder, log } = await startTls(t, { 'www.example.com': 'one', '_.example.com': 'two' });
  rmSync(join(folder, 'www.example.com.key'));
  assert.equal(await listener.commonName('www.example.com'), 'two');
  assert.deepEqual(
    log.with(NOT_LOADED).map(({ fields }) => [fields.certificate, fields.kept]),
    [['www.example.com', false]],
  );
  putIdentity(folder, 'www.example.com', 'one');
  advance(1);
  assert.equal(await listener.commonName('www.example.com'), 'one');
});

test('a key that belongs to another certificate is refused, and so is a folder in place of a file', (t) => {
  const { identities, folder, log } = new Identities(t, { mixed: 'one' });
  writeFileSync(join(folder, 'mixed.key'), IDENTITIES.two.key);
  mkdirSync(join(folder, 'folder.crt'));
  mkdirSync(join(folder, 'folder.key'));
  assert.equal(identities.forName('mixed'), null);
  assert.equal(identities.forName('folder'), null);
  const reasons = log.with(NOT_LOADED).map(({ fields }) => String(fields.reason));
  assert.equal(reasons.length, 2);
  assert.match(reasons[0] ?? '', /the key does not fit the certificate$/);
  assert.match(reasons[1] ?? '', /folder\.crt is not a file$/);
});

test('the check at the start reports a missing folder and what to do', (t) => {
  const folder = join(temporaryFolder(t, { file: '' }), 'none');
  for (const path of [folder, join(folder, '../file')]) {
    const identities = new TlsIdentities({ folder: path, defaultName: null, log: new FakeLog() });
    assert.throws(() => identities.check(), {
      message: `${path} is not a folder: create it and put certificates into it as NAME.crt and NAME.key`,
    });
  }
});

test('the check at the start reports a default that cannot be loaded and what to do', (t) => {
  const { folder } = new Identities(t, { good: 'one', broken: 'two', 'no-key': 'two' });
  writeFileSync(join(folder, 'broken.key'), 'no key');
  rmSync(join(folder, 'no-key.key'));
  const check = (defaultName: string | null) => new TlsIdentities({ folder, defaultName, log: new FakeLog() }).check();
  for (const name of ['missing', 'broken', 'no-key']) {
    assert.throws(
      () => check(name),
      (error: Error) => {
        assert.match(error.message, /^the default certificate cannot be loaded: ./);
        const files = `${join(folder, name)}.crt and ${name}.key`;
        assert.ok(error.message.endsWith(`; put its chain and key, both PEM, in ${files}`), error.message);
        return true;
      },
    );
  }
  for (const name of ['', '..', '../good']) {
    assert.throws(() => check(name), {
      message: `"${name}" is not a valid certificate name: give the NAME of a file NAME.crt`,
    });
  }
  check('good');
  check(null);
});
