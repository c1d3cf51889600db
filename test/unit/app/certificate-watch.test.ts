import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CertificateWatch } from '../../../src/app/certificate-watch.ts';
import type { CertificatePairs } from '../../../src/app/certificates.ts';
import { loadConfig } from '../../../src/config/index.ts';
import { selfSigned } from '../../support/certificates.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { tlsSite } from '../../support/mongrel2/tls-site.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const DAY = 86_400_000;

/** The PEM of a certificate that is valid for so many days from now. */
function certificate(until: number, from = -1): string {
  return selfSigned({ names: ['a.test'], from, until }).certificate;
}

/** Watches the listeners of a configuration. */
function watching(toml: string, pairs: CertificatePairs = {}) {
  const log = new FakeLog();
  const clock = { now: Date.now() };
  const watch = new CertificateWatch({ config: loadConfig(toml, 'f'), pairs }, log, () => clock.now);
  const names = (): string[] => watch.expiries.map(({ name, source }) => `${source} ${name}`);
  return { watch, log, clock, names };
}

function listening(t: TestContext, files: Record<string, string>) {
  const folder = temporaryFolder(t, files);
  return { folder, toml: `[server]\nlisten = ["443,tls"]\ntls_identities_dir = "${folder}"\n` };
}

test('the certificates of all listeners are known, those that expire first in front', async (t) => {
  const folder = temporaryFolder(t, {
    'server/a.crt': certificate(50),
    'edge/b.crt': certificate(40),
    'edge/set.crt': certificate(1),
    'site/one.crt': certificate(30),
    'site/authorities.crt': certificate(1),
    'state/acme/certificates/c.test.crt': certificate(20),
    'state/acme/certificates/no-longer.test.crt': certificate(2),
  });
  const { watch, names } = watching(
    `[server]
listen = ["443,tls,acme", "80"]
tls_identities_dir = "${folder}/server"
[acme]
accept_terms = true
[state]
dir = "${folder}/state"
[[route]]
host = "c.test"
targets = ["a:1"]
[edge]
listen = ["8443,tls"]
zclient_stream = ["ipc:///tmp/x"]
tls_identities_dir = "${folder}/edge"
${tlsSite('one', `${folder}/site`, `${folder}/site/authorities.crt`, folder)}`,
    { set: { cert: certificate(10), key: '' } },
  );
  await watch.look();
  assert.deepEqual(names(), ['overlay set', 'acme c.test', 'mongrel2 one', 'file b', 'file a']);
});

test('a file is read again when it has changed, and forgotten when it is gone', async (t) => {
  const { folder, toml } = listening(t, { 'a.crt': certificate(5) });
  const { watch, names } = watching(toml);
  await watch.look();
  const [before] = watch.expiries;
  writeFileSync(join(folder, 'new'), certificate(90));
  renameSync(join(folder, 'new'), join(folder, 'a.crt'));
  await watch.look();
  assert.ok((watch.expiries[0]?.to ?? 0) > (before?.to ?? 0) + 80 * DAY);
  rmSync(join(folder, 'a.crt'));
  await watch.look();
  assert.deepEqual(names(), []);
});

test('what is no certificate, no file or too large is passed over', async (t) => {
  const { folder, toml } = listening(t, {
    'a.crt': certificate(5),
    'none.crt': 'none',
    'large.crt': certificate(5) + '\n'.repeat(1_048_576),
  });
  mkdirSync(join(folder, 'folder.crt'));
  const { watch, names } = watching(toml);
  await watch.look();
  assert.deepEqual(names(), ['file a']);
});

test('a folder that is missing has no certificates', async () => {
  const { watch, names } = watching('[server]\nlisten = ["443,tls"]\ntls_identities_dir = "/nowhere/at/all"\n');
  await watch.look();
  assert.deepEqual(names(), []);
});

test('of a folder with too many files the first are looked at', async (t) => {
  const content = certificate(90);
  const files = Array.from({ length: 1_001 }, (_, i) => [`${1_000 + i}.crt`, content]);
  const { toml } = listening(t, Object.fromEntries(files));
  const { watch } = watching(toml);
  await watch.look();
  assert.equal(watch.expiries.length, 1_000);
});

test('a certificate that expires within 14 days is told of once a day, and no more once it was renewed', async (t) => {
  const { folder, toml } = listening(t, { 'a.crt': certificate(20) });
  const { watch, log, clock } = watching(toml);
  const told = () => [log.of('certificate expires soon').length, log.of('certificate has expired').length];
  await watch.look();
  assert.deepEqual(told(), [0, 0]);
  clock.now += 7 * DAY;
  await watch.look();
  await watch.look();
  assert.deepEqual(told(), [1, 0]);
  const { expires, ...fields } = log.of('certificate expires soon')[0] as Record<string, unknown>;
  assert.deepEqual(fields, { certificate: 'a', source: 'file', days: 12 });
  assert.equal(expires, new Date(watch.expiries[0]?.to ?? 0).toISOString());
  clock.now += DAY - 1;
  await watch.look();
  assert.deepEqual(told(), [1, 0]);
  clock.now += 1;
  await watch.look();
  assert.deepEqual(told(), [2, 0]);
  clock.now += 13 * DAY;
  await watch.look();
  assert.deepEqual(told(), [2, 1]);
  writeFileSync(join(folder, 'a.crt'), certificate(90));
  clock.now += DAY;
  await watch.look();
  assert.deepEqual(told(), [2, 1]);
});

test('of many certificates that expire soon 20 are told of each, and the others are counted', async (t) => {
  const content = certificate(1);
  const files = Array.from({ length: 25 }, (_, i) => [`${i}.crt`, content]);
  const { watch, log } = watching(listening(t, Object.fromEntries(files)).toml);
  await watch.look();
  assert.equal(log.of('certificate expires soon').length, 20);
  assert.deepEqual(log.of('more certificates expire soon'), [{ certificates: 5 }]);
});

test('a certificate that the server renews is told of when a sixth of a short lifetime is left', async (t) => {
  const folder = temporaryFolder(t, { 'acme/certificates/c.test.crt': certificate(6, 0) });
  const { watch, log, clock } = watching(
    `[server]\nlisten = ["443,tls,acme"]\n[acme]\naccept_terms = true\n[state]\ndir = "${folder}"\n[[route]]\nhost = "c.test"\ntargets = ["a:1"]\n`,
  );
  await watch.look();
  clock.now += 4 * DAY;
  await watch.look();
  assert.equal(log.of('certificate expires soon').length, 0);
  clock.now += 1.5 * DAY;
  await watch.look();
  assert.equal(log.of('certificate expires soon').length, 1);
});
