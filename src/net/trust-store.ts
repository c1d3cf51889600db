import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Log, silentLog } from '../exchange/index.ts';

/** Where a trust store looks. */
export interface TrustStoreOptions {
  readonly log?: Log;
  /** Default: that of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Files of which the first one that exists is the system's bundle. Default: where the usual systems have it. */
  readonly systemBundles?: readonly string[];
}

/** Certificates of authorities, each PEM; null for those that Node comes with. */
export type Authorities = readonly string[] | null;

/** Debian and Alpine, Fedora, openSUSE, OpenBSD and macOS, newer Fedora. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
];

/** Milliseconds during which the files are not looked at again. */
const CHECK_INTERVAL = 60_000;

const CERTIFICATE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[\sA-Za-z0-9+/=]+-----END \1-----/g;

/** What OpenSSL looks for in a folder: the hash of a subject, and a number that tells those with the same hash apart. */
const HASHED = /^[0-9a-f]{8}\.\d+$/;
const PEM_FILE = /\.(?:pem|crt|cer)$/i;

/**
 * The authorities that servers' certificates may come from. If the environment names any, only those are trusted: the bundle `SSL_CERT_FILE`, and the
 * folders `SSL_CERT_DIR` (with a colon between two), of which those files are read that have hashes for names, or if none has, all PEM
 * files. If it names nothing, the system's bundle is trusted, and where there is none, the authorities that Node comes with.
 *
 * Files are read when they are first needed, which takes some milliseconds, and again when they have changed: they are looked at once
 * a minute at most.
 */
export class TrustStore {
  readonly #log: Log;
  readonly #bundle: string;
  readonly #folders: readonly string[];
  readonly #systemBundles: readonly string[];
  #authorities: Authorities = null;
  /** State of the files that `authorities` was made of; null before. */
  #state: string | null = null;
  /** Whether the last attempt failed. */
  #failed = false;
  /** When the files were looked at, in milliseconds of the monotonic clock. */
  #checkedAt = Number.NEGATIVE_INFINITY;

  constructor(options: TrustStoreOptions = {}) {
    const environment = options.environment ?? process.env;
    this.#log = options.log ?? silentLog;
    this.#bundle = environment.SSL_CERT_FILE ?? '';
    this.#folders = (environment.SSL_CERT_DIR ?? '').split(delimiter).filter((folder) => folder !== '');
    this.#systemBundles = options.systemBundles ?? SYSTEM_BUNDLES;
  }

  /**
   * The authorities: the same array until others are trusted.
   * @throws Error that says what is wrong when the files cannot be loaded, and never could
   */
  authorities(): Authorities {
    const now = performance.now();
    if (now - this.#checkedAt < CHECK_INTERVAL) return this.#authorities;
    try {
      this.#refresh();
      this.#failed = false;
    } catch (error) {
      if (this.#state === null) throw error;
      // The files may be in the middle of being replaced: who was trusted before still is, and they are tried again at the next check.
      if (!this.#failed) this.#log.warn({ reason: (error as Error).message }, 'trusted authorities cannot be loaded');
      this.#failed = true;
    }
    this.#checkedAt = now;
    return this.#authorities;
  }

  #refresh(): void {
    const bundle = this.#bundleInUse();
    const files = this.#folders.flatMap(certificateFiles);
    // Before they are read: what is written meanwhile shows at the next check.
    const state = [...(bundle === null ? [] : [bundleState(bundle)]), ...files.map(stateOf)].join('\n');
    if (state === this.#state) return;
    const found = new Set<string>();
    if (bundle !== null) collect(readFileSync(bundle, 'latin1'), found);
    for (const file of files) collect(textOf(file), found);
    const sources = bundle === null ? this.#folders : [bundle, ...this.#folders];
    if (sources.length > 0 && found.size === 0) throw new Error(`there is no certificate in ${sources.join(', ')}`);
    // The same array for the same certificates: what was made with them is of use still.
    if (sources.length === 0) this.#authorities = null;
    else if (!isSame(this.#authorities, found)) this.#authorities = [...found];
    this.#state = state;
    this.#log.debug({ sources, certificates: found.size }, 'trusted authorities loaded');
  }

  /** Null when there is none, or others are named. */
  #bundleInUse(): string | null {
    if (this.#bundle !== '') return this.#bundle;
    if (this.#folders.length > 0) return null;
    return this.#systemBundles.find((path) => statOf(path)?.isFile() === true) ?? null;
  }
}

/** The files of a folder that OpenSSL would find by their names, or else all that look like certificates; empty without a folder. */
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

/** What is in a file of a folder; nothing when it cannot be read, such as a link that leads nowhere. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** Changes whenever the file is written or replaced. Throws when it does not exist, which is an error of the configuration. */
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
