import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, hasProxy } from '../../config/index.ts';
import { systemErrorText } from '../../exchange/index.ts';
import { type Finding, Findings } from './finding.ts';

/** Days before the end of a certificate from which it is worth a warning. */
const SOON = 14;

const DAY = 86_400_000;

/** Certificates of one folder that are looked at. */
const MAX_FILES = 1_000;

/** Whether the certificates of listeners with TLS are valid, have their keys, and cover the names of the routes. */
export function checkCertificates({ server, edge, routes }: Config, now = Date.now()): Finding[] {
  const findings = new Findings('certificate');
  const sections = [
    hasProxy(server) ? { section: server, hosts: routes.map(({ host }) => host) } : null,
    { section: edge, hosts: [] },
  ];
  for (const each of sections) {
    const listeners = each?.section.listen.flatMap(({ tls }) => (tls ? [tls] : [])) ?? [];
    if (each === null || listeners.length === 0) continue;
    const ordered = listeners.some(({ acme }) => acme === true);
    const names = checkFolder(each.section.tlsIdentitiesDir || '.', ordered, findings, now);
    const defaults = listeners.map(({ defaultCert }) => defaultCert);
    for (const name of defaults) {
      if (name !== null && !names.has(name)) {
        findings.fail(name, 'the default certificate is missing', `put ${name}.crt and ${name}.key into the folder`);
      }
    }
    if (!ordered && defaults.includes(null)) checkHosts(each.hosts, names, findings);
  }
  return findings.all;
}

/**
 * Looks at the certificates of a folder. Returns their names.
 * @param ordered whether the server orders certificates, so that none need be there
 */
function checkFolder(folder: string, ordered: boolean, findings: Findings, now: number): Set<string> {
  let files: string[];
  try {
    files = readdirSync(folder).filter((file) => file.endsWith('.crt'));
  } catch (error) {
    findings.fail(folder, systemErrorText(error), 'create the folder, with NAME.crt and NAME.key for each name');
    return new Set();
  }
  if (files.length === 0 && !ordered)
    findings.warn(folder, 'no certificate is there', 'put NAME.crt and NAME.key into the folder');
  for (const file of files.slice(0, MAX_FILES)) checkCertificate(folder, file.slice(0, -'.crt'.length), findings, now);
  return new Set(files.map((file) => file.slice(0, -'.crt'.length)));
}

function checkCertificate(folder: string, name: string, findings: Findings, now: number): void {
  const path = join(folder, `${name}.crt`);
  let certificate: X509Certificate;
  let key: KeyObject;
  try {
    certificate = new X509Certificate(readFileSync(path));
    key = createPrivateKey(readFileSync(join(folder, `${name}.key`)));
  } catch (error) {
    findings.fail(
      path,
      systemErrorText(error),
      `${name}.crt and ${name}.key must be PEM, the key without a passphrase`,
    );
    return;
  }
  const ends = Date.parse(certificate.validTo);
  const days = Math.floor((ends - now) / DAY);
  const until = new Date(ends).toISOString().slice(0, 10);
  if (!certificate.checkPrivateKey(key)) {
    findings.fail(
      path,
      `the key in ${name}.key belongs to another certificate`,
      'install the two that were made together',
    );
  } else if (Date.parse(certificate.validFrom) > now) {
    findings.fail(path, `not valid before ${certificate.validFrom}`, 'check the clock, or install a valid certificate');
  } else if (ends < now) {
    findings.fail(path, `expired on ${until}`, 'renew it; the server reads it again by itself');
  } else if (!covers(certificate, name)) {
    findings.warn(path, `it is not for the name ${name}`, 'rename the files after a name in the certificate');
  } else if (days < SOON) {
    findings.warn(path, `expires in ${days} days, on ${until}`, 'renew it; the server reads it again by itself');
  } else {
    findings.ok(path, `valid until ${until}`);
  }
  if ((statSync(join(folder, `${name}.key`)).mode & 0o007) !== 0) {
    findings.warn(
      join(folder, `${name}.key`),
      'every user of this host can read the key',
      `run: chmod o= ${join(folder, `${name}.key`)}`,
    );
  }
}

/** Whether a certificate is for the name of its file. A name without a dot is no host name, but that of a default. */
function covers(certificate: X509Certificate, name: string): boolean {
  if (!name.includes('.')) return true;
  return certificate.checkHost(name.replace(/^_\./, 'any.')) !== undefined;
}

function checkHosts(hosts: readonly string[], names: ReadonlySet<string>, findings: Findings): void {
  for (const host of new Set(hosts)) {
    if (host === '*' || host === '') continue;
    const file = host.replace(/^\*\./, '_.');
    const wildcard = `_${host.slice(host.indexOf('.'))}`;
    if (names.has(file) || names.has(wildcard)) continue;
    findings.warn(host, 'a route has this name, and no certificate has', `add ${file}.crt and ${file}.key`);
  }
}
