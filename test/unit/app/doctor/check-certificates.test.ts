import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { checkCertificates } from '../../../../src/app/doctor/check-certificates.ts';
import { loadConfig } from '../../../../src/config/index.ts';
import { selfSigned } from '../../../support/certificates.ts';
import { tlsSite } from '../../../support/mongrel2/tls-site.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

/** The states of what is found in a folder with these files, by the end of each subject's name. */
function states(t: TestContext, files: Record<string, string>, listen = '443,tls', host = '*'): string[] {
  const folder = temporaryFolder(t, files);
  for (const file of Object.keys(files)) if (file.endsWith('.key')) chmodSync(`${folder}/${file}`, 0o600);
  const toml = `[server]\nlisten = ["${listen}"]\ntls_identities_dir = "${folder}"\n[[route]]\nhost = "${host}"\ntargets = ["a:1"]\n`;
  return checkCertificates(loadConfig(toml, 'f')).map(({ status, subject }) => {
    return `${status} ${subject.replace(`${folder}/`, '').replace(folder, 'folder')}`;
  });
}

function pair(name: string, wishes: Parameters<typeof selfSigned>[0] = {}): Record<string, string> {
  const { certificate: cert, key } = selfSigned({ names: [name.replace(/^_/, '*')], until: 90, ...wishes });
  return { [`${name}.crt`]: cert, [`${name}.key`]: key };
}

test('A valid certificate with its key is ok, also a wildcard, and covers the names of routes', (t) => {
  assert.deepEqual(states(t, pair('a.test'), '443,tls', 'a.test'), ['ok a.test.crt']);
  assert.deepEqual(states(t, pair('_.a.test'), '443,tls', 'b.a.test'), ['ok _.a.test.crt']);
  assert.deepEqual(states(t, pair('_.a.test'), '443,tls', '*.a.test'), ['ok _.a.test.crt']);
});

test('A certificate that has expired, is not valid yet, or ends soon is found', (t) => {
  assert.deepEqual(states(t, pair('a.test', { from: -9, until: -1 })), ['fail a.test.crt']);
  assert.deepEqual(states(t, pair('a.test', { from: 3, until: 90 })), ['fail a.test.crt']);
  assert.deepEqual(states(t, pair('a.test', { until: 13 })), ['warn a.test.crt']);
});

test('A key of another certificate, no key, and files that are none are failures', (t) => {
  const [one, other] = [pair('a.test'), pair('a.test')];
  assert.deepEqual(states(t, { ...one, 'a.test.key': other['a.test.key'] as string }), ['fail a.test.crt']);
  assert.deepEqual(states(t, { 'a.test.crt': one['a.test.crt'] as string }), ['fail a.test.crt']);
  assert.deepEqual(states(t, { ...one, 'a.test.crt': 'none' }), ['fail a.test.crt']);
});

test('Pipes, devices, folders and files that are too large are failures, and are not read', (t) => {
  const folder = temporaryFolder(t, { 'large.crt': 'x'.repeat(1_048_577), ...pair('key.test') });
  execFileSync('mkfifo', [`${folder}/pipe.crt`, `${folder}/pipe.key`]);
  symlinkSync('/dev/zero', `${folder}/device.crt`);
  mkdirSync(`${folder}/folder.crt`);
  rmSync(`${folder}/key.test.key`);
  execFileSync('mkfifo', [`${folder}/key.test.key`]);
  const toml = `[server]\nlisten = ["443,tls"]\ntls_identities_dir = "${folder}"\n`;
  const found = checkCertificates(loadConfig(toml, 'f')).map(({ status, subject, text }) => {
    return `${status} ${subject.replace(`${folder}/`, '')} ${text}`;
  });
  assert.deepEqual(found.sort(), [
    'fail device.crt is not a regular file',
    'fail folder.crt is a directory',
    'fail key.test.crt is not a regular file',
    'fail large.crt is larger than 1048576 bytes',
    'fail pipe.crt is not a regular file',
  ]);
});

test('More certificates than are examined are a warning', (t) => {
  const files = Array.from({ length: 1_001 }, (_, i) => [`${i}.crt`, '']);
  const found = states(t, Object.fromEntries(files));
  assert.equal(found.length, 1_001);
  assert.deepEqual(
    found.filter((each) => !each.startsWith('fail ')),
    ['warn folder'],
  );
});

test('A name that its certificate does not have, and a route without a certificate, are warnings', (t) => {
  assert.deepEqual(states(t, pair('a.test', { names: ['b.test'] })), ['warn a.test.crt']);
  assert.deepEqual(states(t, pair('a.test'), '443,tls', 'b.test'), ['ok a.test.crt', 'warn b.test']);
});

test('A default certificate that is missing, and an empty folder, are found', (t) => {
  assert.deepEqual(states(t, pair('a.test'), '443,tls,default-cert=main'), ['ok a.test.crt', 'fail main']);
  assert.deepEqual(states(t, {}), ['warn folder']);
});

test('A key that every user can read is a warning', (t) => {
  const folder = temporaryFolder(t, pair('a.test'));
  chmodSync(`${folder}/a.test.key`, 0o644);
  const toml = `[server]\nlisten = ["443,tls"]\ntls_identities_dir = "${folder}"\n`;
  const findings = checkCertificates(loadConfig(toml, 'f'));
  assert.deepEqual(
    findings.map(({ status, subject }) => [status, subject]),
    [
      ['ok', `${folder}/a.test.crt`],
      ['warn', `${folder}/a.test.key`],
    ],
  );
});

test('A folder without certificates is worth a warning, unless the server orders them: then each name without one is', (t) => {
  assert.deepEqual(states(t, {}), ['warn folder']);
  const found = checkCertificates(loadConfig(ordering(temporaryFolder(t)), 'f'));
  assert.deepEqual(
    found.map(({ status, text }) => [status, text]),
    [['warn', 'no certificate was issued yet']],
  );
});

/** A listener that orders certificates for a host, and its state folder. */
function ordering(folder: string): string {
  return `[server]\nlisten = ["443,tls,acme"]\ntls_identities_dir = "${folder}"\n[acme]\naccept_terms = true\n[state]\ndir = "${folder}"\n[[route]]\nhost = "a.test"\ntargets = ["a:1"]\n`;
}

test('certificates that the server orders are looked at in its store, those of its routes alone', (t) => {
  const store = (wishes: Parameters<typeof selfSigned>[0]) => {
    const files = Object.entries({ ...pair('a.test', wishes), ...pair('old.test', { from: -9, until: -1 }) });
    const folder = temporaryFolder(
      t,
      Object.fromEntries(files.map(([file, content]) => [`acme/certificates/${file}`, content])),
    );
    chmodSync(`${folder}/acme/certificates/a.test.key`, 0o600);
    return checkCertificates(loadConfig(ordering(folder), 'f')).map(({ status, text }) => `${status} ${text}`);
  };
  const [valid, ...none] = store({ from: -1, until: 5 });
  assert.match(valid ?? '', /^ok valid until/, 'one that is made for a few days is renewed in time');
  assert.deepEqual(none, []);
  assert.match(store({ from: -81, until: 9 }).join(), /^warn expires in \d days/);
  assert.match(store({ from: -9, until: -1 }).join(), /^fail expired on/);
});

test('the folders of Mongrel2 servers are looked at once each, without the authorities of clients', (t) => {
  const { certificate } = selfSigned({ names: ['ca'] });
  const files = { ...pair('one', { until: 3 }), 'ca-one.crt': certificate, 'ca-two.crt': certificate };
  const folder = temporaryFolder(t, files);
  chmodSync(`${folder}/one.key`, 0o600);
  const site = (uuid: string) => tlsSite(uuid, folder, `${folder}/ca-${uuid}.crt`, folder);
  const found = checkCertificates(loadConfig(`[server]\nlisten = []\n${site('one')}${site('two')}`, 'f'));
  assert.deepEqual(
    found.map(({ status, subject }) => [status, subject]),
    [
      ['warn', `${folder}/one.crt`],
      ['fail', 'two'],
    ],
  );
});
