import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Log, silentLog } from '../exchange/index.ts';

/** Where a trust store looks for authorities. */
export interface TrustStoreOptions {
  readonly log?: Log;
  /** Default: that of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The first of these files that exists is the system's bundle. Default: the usual places. */
  readonly systemBundles?: readonly string[];
}

/** Certificates of authorities, each PEM; null for Node's own. */
export type Authorities = readonly string[] | null;

/** Debian and Alpine, Fedora, openSUSE, OpenBSD and macOS, newer Fedora. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
];

/** Milliseconds during which the files are not checked again. */
const CHECK_INTERVAL = 60_000;

const CERTIFICATE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[\sA-Za-z0-9+/=]+-----END \1-----/g;

/** File names that OpenSSL looks for in a folder: the hash of a subject, and a number that separates equal hashes. */
const HASHED = /^[0-9a-f]{8}\.\d+$/;
const PEM_FILE = /\.(?:pem|crt|cer)$/i;

/**
 * The authorities trusted for server certificates. If the environment names any, only those are trusted: the bundle `SSL_CERT_FILE` and the
 * folders in `SSL_CERT_DIR` (separated by colons), of which the files with hash names are read, or all PEM files if there are no such names.
 * Otherwise the system's bundle is trusted, or Node's own authorities on a system without one.
 *
 * Files are read on first use, which takes some milliseconds, and again when they have changed. They are checked at most once a minute.
 */
export class TrustStore {
  readonly #log: Log;
  readonly #bundle: string;
  readonly #folders: readonly string[];
  readonly #systemBundles: readonly string[];
  #authorities: Authorities = null;
  /** State of the files that `authorities` was made from; null before. */
  #state: string | null = null;
  /** Whether the last attempt failed. */
  #failed = false;
  /** When the files were last checked, in milliseconds of the monotonic clock. */
  #checkedAt = Number.NEGATIVE_INFINITY;

  constructor(options: TrustStoreOptions = {}) {
    const environment = options.environment ?? process.env;
    this.#log = options.log ?? silentLog;
    this.#bundle = environment.SSL_CERT_FILE ?? '';
    this.#folders = (environment.SSL_CERT_DIR ?? '').split(delimiter).filter((folder) => folder !== '');
    this.#systemBundles = options.systemBundles ?? SYSTEM_BUNDLES;
  }

  /**
   * The authorities: the same array until the trusted set changes.
   * @throws Error that says what is wrong if the files cannot be loaded and never were
   */
  authorities(): Authorities {
    const now = performance.now();
    if (now - this.#checkedAt < CHECK_INTERVAL) return this.#authorities;
    try {
      this.#refresh();
      this.#failed = false;
    } catch (error) {
      if (this.#state === null) throw error;
      // The files may be half replaced: keep trusting the previous authorities and retry at the next check.
      if (!this.#failed) this.#log.warn({ reason: (error as Error).message }, 'trusted authorities cannot be loaded');
      this.#failed = true;
    }
    this.#checkedAt = now;
    return this.#authorities;
  }

  #refresh(): void {
    const bundle = this.#bundleInUse();
    const files = this.#folders.flatMap(certificateFiles);
    // Taken before reading: what is written meanwhile shows at the next check.
    const state = [...(bundle === null ? [] : [bundleState(bundle)]), ...files.map(stateOf)].join('\n');
    if (state === this.#state) return;
    const found = new Set<string>();
    if (bundle !== null) collect(readFileSync(bundle, 'latin1'), found);
    for (const file of files) collect(textOf(file), found);
    const sources = bundle === null ? this.#folders : [bundle, ...this.#folders];
    if (sources.length > 0 && found.size === 0) throw new Error(`no certificate in ${sources.join(', ')}`);
    // Return the same array for the same certificates, so that contexts made with it stay in use.
    if (sources.length === 0) this.#authorities = null;
    else if (!isSame(this.#authorities, found)) this.#authorities = [...found];
    this.#state = state;
    this.#log.debug({ sources, certificates: found.size }, 'trusted authorities loaded');
  }

  /** Null if the system has no bundle, or the environment names others. */
  #bundleInUse(): string | null {
    if (this.#bundle !== '') return this.#bundle;
    if (this.#folders.length > 0) return null;
    return this.#systemBundles.find((path) => statOf(path)?.isFile() === true) ?? null;
  }
}

/** The files of a folder that OpenSSL would find by name, or else all that look like certificates; empty without a folder. */
function certificateFiles(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch {
    return [];
  }
  const hashed = names.filter((name) => HASHED.test(name));
  return (hashed.length > 0 ? hashed : names.filter((name) => PEM_FILE.test(name))).map((name) => join(folder, name));
}

function collect(text: string, into: Set<string>): void {
  for (const [certificate] of text.matchAll(CERTIFICATE)) into.add(certificate);
}

function isSame(authorities: Authorities, found: ReadonlySet<string>): boolean {
  return authorities?.length === found.size && authorities.every((certificate) => found.has(certificate));
}

/** The content of a file in a folder; empty if it cannot be read, such as a dangling link. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** Changes whenever the file is written or replaced. Throws if the file does not exist, which is a configuration error. */
function bundleState(file: string): string {
  const stats = statSync(file);
  if (!stats.isFile()) throw new Error(`${file} is not a file`);
  return `${file} ${stats.ino} ${stats.size} ${stats.mtimeMs}`;
}

function stateOf(file: string): string {
  const stats = statOf(file);
  return `${file} ${stats?.ino} ${stats?.size} ${stats?.mtimeMs}`;
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
