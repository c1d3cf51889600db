import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { acmeNames, type Config, hasProxy } from '../../config/index.ts';
import { systemErrorText } from '../../exchange/index.ts';
import { acmeStore } from '../acme.ts';
import { type CertificateExpiry, daysUntil, expiresSoon } from '../certificate-expiry.ts';
import { unreadable } from '../certificate-file.ts';
import { type Finding, Findings } from './finding.ts';

/** Certificates of one folder that are looked at. */
const MAX_FILES = 1_000;

/** What to do about a certificate that expires. */
const RENEW = 'renew it; the server reads it again by itself';
const ORDER = 'look for "certificate not issued" in the log of the server, which renews it';

/** A folder that listeners take certificates from, and what they want of it. */
interface Wanted {
  readonly folder: string;
  /** Names of default certificates; null for a listener without. */
  readonly defaults: readonly (string | null)[];
  /** Hosts that need a certificate. */
  readonly hosts: readonly string[];
  /** Whether the server orders certificates, so that none has to be there. */
  readonly ordered: boolean;
}

/**
 * Whether the certificates of listeners with TLS are valid, have their keys, and cover the names of the routes: those of folders, also of Mongrel2
 * servers, and those that the server has ordered by itself.
 */
export function checkCertificates(config: Config, now = Date.now()): Finding[] {
  const findings = new Findings('certificate');
  const known = new Map<string, ReadonlySet<string>>();
  const authorities = new Set(
    config.edge.mongrel2.flatMap(({ tls }) => (tls?.clientCa ? [resolve(tls.clientCa)] : [])),
  );
  for (const { folder, defaults, hosts, ordered } of wantedOf(config)) {
    // Several sites may share a folder.
    const names = known.get(folder) ?? checkFolder(folder, ordered, authorities, findings, now);
    known.set(folder, names);
    for (const name of new Set(defaults)) {
      if (name !== null && !names.has(name)) {
        findings.fail(
          name,
          'the default certificate is missing',
          `put ${name}.crt and ${name}.key into the folder ${folder}`,
        );
      }
    }
    if (!ordered && defaults.includes(null)) checkHosts(hosts, names, findings);
  }
  checkOrdered(config, findings, now);
  return findings.all;
}

function wantedOf({ server, edge, routes }: Config): Wanted[] {
  const wanted: Wanted[] = [];
  const sections = [
    hasProxy(server) ? { section: server, hosts: routes.map(({ host }) => host) } : null,
    { section: edge, hosts: [] },
  ];
  for (const each of sections) {
    const listeners = each?.section.listen.flatMap(({ tls }) => (tls ? [tls] : [])) ?? [];
    if (each === null || listeners.length === 0) continue;
    wanted.push({
      folder: each.section.tlsIdentitiesDir || '.',
      defaults: listeners.map(({ defaultCert }) => defaultCert),
      hosts: each.hosts,
      ordered: listeners.some(({ acme }) => acme === true),
    });
  }
  for (const { uuid, tls } of edge.mongrel2) {
    if (tls === null) continue;
    wanted.push({ folder: tls.certdir, defaults: [uuid || null], hosts: [], ordered: false });
  }
  return wanted;
}

/** Those that the server has ordered by itself. One that is not there yet may come with the next start. */
function checkOrdered(config: Config, findings: Findings, now: number): void {
  const folder = acmeStore(config)?.certificates;
  if (folder === undefined) return;
  for (const name of acmeNames(config).slice(0, MAX_FILES)) {
    const path = join(folder, `${name}.crt`);
    let isThere: boolean;
    try {
      isThere = statSync(path, { throwIfNoEntry: false }) !== undefined;
    } catch (error) {
      findings.fail(path, systemErrorText(error), 'run this command as the user of the server');
      continue;
    }
    if (isThere) checkCertificate(folder, name, 'acme', findings, now);
    else
      findings.warn(path, 'no certificate was issued yet', 'the server orders it when it runs; its log says why not');
  }
}

/**
 * Looks at the certificates of a folder. Returns their names.
 * @param ordered whether the server orders certificates, so that none has to be there
 * @param authorities paths of files that are not certificates of listeners
 */
function checkFolder(
  folder: string,
  ordered: boolean,
  authorities: ReadonlySet<string>,
  findings: Findings,
  now: number,
): Set<string> {
  let files: string[];
  try {
    files = readdirSync(folder).filter((file) => file.endsWith('.crt') && !authorities.has(resolve(folder, file)));
  } catch (error) {
    findings.fail(folder, systemErrorText(error), 'create the folder, with NAME.crt and NAME.key for each name');
    return new Set();
  }
  if (files.length === 0 && !ordered)
    findings.warn(folder, 'no certificate is there', 'put NAME.crt and NAME.key into the folder');
  const names = files.map((file) => file.slice(0, -'.crt'.length));
  if (names.length > MAX_FILES) {
    const text = `${names.length} certificates are there, and only the first ${MAX_FILES} were examined`;
    findings.warn(folder, text, 'look at the others by other means: nobody is warned before they expire');
  }
  for (const name of names.slice(0, MAX_FILES)) checkCertificate(folder, name, 'file', findings, now);
  return new Set(names);
}

function checkCertificate(
  folder: string,
  name: string,
  source: CertificateExpiry['source'],
  findings: Findings,
  now: number,
): void {
  const path = join(folder, `${name}.crt`);
  let certificate: X509Certificate;
  let key: KeyObject;
  try {
    certificate = new X509Certificate(contentOf(path));
    key = createPrivateKey(contentOf(join(folder, `${name}.key`)));
  } catch (error) {
    findings.fail(
      path,
      systemErrorText(error),
      `${name}.crt and ${name}.key must be PEM, the key without a passphrase`,
    );
    return;
  }
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  const until = new Date(to).toISOString().slice(0, 10);
  const advice = source === 'acme' ? ORDER : RENEW;
  if (!certificate.checkPrivateKey(key)) {
    findings.fail(
      path,
      `the key in ${name}.key belongs to another certificate`,
      'install the two that were made together',
    );
  } else if (from > now) {
    findings.fail(path, `not valid before ${certificate.validFrom}`, 'check the clock, or install a valid certificate');
  } else if (to < now) {
    findings.fail(path, `expired on ${until}`, advice);
  } else if (!covers(certificate, name)) {
    findings.warn(path, `it is not for the name ${name}`, 'rename the files after a name in the certificate');
  } else if (expiresSoon({ source, from, to }, now)) {
    findings.warn(path, `expires in ${daysUntil(to, now)} days, on ${until}`, advice);
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

/** @throws Error for a file that cannot be read, or is not a regular file of a usable size */
function contentOf(path: string): Buffer {
  const problem = unreadable(statSync(path));
  if (problem !== null) throw new Error(problem);
  return readFileSync(path);
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
