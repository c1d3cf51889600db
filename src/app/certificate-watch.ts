import { X509Certificate } from 'node:crypto';
import { opendir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { inSlices } from '../clock/index.ts';
import type { Config } from '../config/index.ts';
import { type Log, systemErrorText } from '../exchange/index.ts';
import { type CertificateExpiry, daysUntil, expiresSoon } from './certificate-expiry.ts';
import { unreadable } from './certificate-file.ts';
import { type CertificateFolder, certificateFolders } from './certificate-folders.ts';
import type { CertificatePairs } from './certificates.ts';

/** Milliseconds between two looks. */
const INTERVAL = 60_000;

/** Milliseconds after which it is told again that a certificate expires. */
const REPEAT = 86_400_000;

/**
 * Certificates of one folder that are looked at.
 * @bound certificates-watched
 */
const MAX_FILES = 1_000;

/** Certificates that one look tells of, each in a record of its own. */
const MAX_RECORDS = 20;

/** What is looked at. */
export interface WatchedCertificates {
  /** In force. */
  readonly config: Config;
  /** Those that were set through the control API. They come before files of the same name. */
  readonly pairs: CertificatePairs;
}

/** What was read of a file or of a certificate that is set. */
interface Read {
  /** That of the file, or the whole text. */
  readonly state: string;
  /** Null where it has none. */
  readonly valid: { readonly from: number; readonly to: number } | null;
}

/**
 * Knows when the certificates of all listeners expire, and warns once a day of those that soon do. Listeners read certificates when clients ask for
 * them, so this looks at the files itself: once a minute, and only those that have changed are read again.
 */
export class CertificateWatch {
  /** By expiry, the first in front. Of the same name and source only the one that expires first. */
  expiries: readonly CertificateExpiry[] = [];
  readonly #watched: WatchedCertificates;
  readonly #log: Log;
  readonly #now: () => number;
  /** By path, and those that are set by name. */
  #read = new Map<string, Read>();
  /** When it was told last of certificates that expire soon. */
  #told = new Map<string, number>();
  #looking = false;
  #timer: NodeJS.Timeout | null = null;

  /** @param now milliseconds since 1970. Default: the clock */
  constructor(watched: WatchedCertificates, log: Log, now: () => number = Date.now) {
    this.#watched = watched;
    this.#log = log;
    this.#now = now;
  }

  /** Looks now, and then once a minute. */
  start(): void {
    const look = (): void => {
      this.look().catch((error: unknown) =>
        this.#log.error({ reason: systemErrorText(error) }, 'certificates cannot be watched'),
      );
    };
    this.#timer = setInterval(look, INTERVAL).unref();
    look();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** Looks at all certificates, unless the look before is still under way. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      this.expiries = await this.#readAll();
      this.#warn();
    } finally {
      this.#looking = false;
    }
  }

  async #readAll(): Promise<CertificateExpiry[]> {
    const { config, pairs } = this.#watched;
    const found = new Map<string, CertificateExpiry>();
    const add = (expiry: CertificateExpiry): void => {
      const key = keyOf(expiry);
      if (expiry.to < (found.get(key)?.to ?? Number.POSITIVE_INFINITY)) found.set(key, expiry);
    };
    const read = new Map<string, Read>();
    for (const folder of certificateFolders(config)) {
      for (const name of await namesOf(folder)) {
        const path = join(folder.folder, `${name}.crt`);
        const file = await readAgain(path, this.#read.get(path));
        read.set(path, file);
        const isReplaced = folder.source === 'file' && Object.hasOwn(pairs, name);
        if (file.valid !== null && !isReplaced) add({ name, source: folder.source, ...file.valid });
      }
    }
    await inSlices(Object.entries(pairs), ([name, { cert }]) => {
      const before = this.#read.get(name);
      const pair = before?.state === cert ? before : { state: cert, valid: validityOf(cert) };
      read.set(name, pair);
      if (pair.valid !== null) add({ name, source: 'overlay', ...pair.valid });
    });
    this.#read = read;
    return [...found.values()].sort((a, b) => a.to - b.to);
  }

  #warn(): void {
    const now = this.#now();
    const soon = this.expiries.filter((expiry) => expiresSoon(expiry, now));
    const told = new Map<string, number>();
    let news = 0;
    for (const expiry of soon) {
      const before = this.#told.get(keyOf(expiry));
      const isNews = before === undefined || now - before >= REPEAT;
      told.set(keyOf(expiry), isNews ? now : before);
      if (isNews && ++news <= MAX_RECORDS) this.#tell(expiry, now);
    }
    this.#told = told;
    if (news > MAX_RECORDS) this.#log.warn({ certificates: news - MAX_RECORDS }, 'more certificates expire soon');
  }

  #tell({ name, source, to }: CertificateExpiry, now: number): void {
    const fields = { certificate: name, source, expires: new Date(to).toISOString() };
    if (to <= now) this.#log.error(fields, 'certificate has expired');
    else this.#log.warn({ ...fields, days: daysUntil(to, now) }, 'certificate expires soon');
  }
}

function keyOf({ name, source }: CertificateExpiry): string {
  return `${source} ${name}`;
}

/** The names of the certificates in a folder that are used. */
async function namesOf({ folder, names, others }: CertificateFolder): Promise<string[]> {
  if (names !== null) return names.slice(0, MAX_FILES);
  const excluded = new Set(others.map((path) => resolve(path)));
  const found: string[] = [];
  try {
    for await (const { name } of await opendir(folder)) {
      if (!name.endsWith('.crt') || excluded.has(resolve(folder, name))) continue;
      found.push(name.slice(0, -'.crt'.length));
      if (found.length === MAX_FILES) break;
    }
  } catch {
    // A folder that is not there has none: requests of clients fail, and the log says why.
  }
  return found;
}

/** What is in a file, which is read only if it has changed. */
async function readAgain(path: string, before: Read | undefined): Promise<Read> {
  try {
    const stats = await stat(path);
    const state = `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
    if (before?.state === state) return before;
    return { state, valid: unreadable(stats) === null ? validityOf(await readFile(path)) : null };
  } catch {
    return { state: '', valid: null };
  }
}

function validityOf(content: Buffer | string): Read['valid'] {
  try {
    const { validFrom, validTo } = new X509Certificate(content);
    return { from: Date.parse(validFrom), to: Date.parse(validTo) };
  } catch {
    return null;
  }
}
