import { constants } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Log } from '../exchange/index.ts';

/** Where the certificates are. */
export interface TlsIdentitiesOptions {
  /** Holds `NAME.crt` (certificate chain, PEM, the server's own first) and `NAME.key` (private key, PEM, without a passphrase). */
  readonly folder: string;
  /** The `NAME` served when no other fits, and to clients that ask for none; null refuses those. */
  readonly defaultName: string | null;
  readonly log: Log;
  /** Identities kept in memory, about 50 KB each; the one that was not asked for the longest goes first. Default 1,000. */
  readonly maxLoaded?: number;
}

/** Milliseconds during which the files of an identity are not looked at again. */
const CHECK_INTERVAL = 1_000;

/** Bytes of printable ASCII but the slash: all that can be a host name (RFC 6066 §3) and is no way out of the folder. */
const NAME = /^[ -.0-~]{1,253}$/;

/**
 * Certificates by server name, from a folder: loaded when they are first asked for, and again when their files change, so that
 * renewing or adding one needs no restart. Names that clients make up cost a look into the folder each time and no memory.
 *
 * A name is looked for in lower case; then with its first label replaced by `_`, which is how a wildcard certificate's files are
 * named (`_.example.com.crt`); then the default is taken. The files are looked at within the handshake that asks for them, at
 * most once a second for an identity; they are read, which takes some 2 ms, only when they are new.
 */
export class TlsIdentities {
  /** No certificate at all: what a handshake begins with, and fails with unless its server name brings another. */
  readonly anonymous = createContext({});
  readonly #folder: string;
  readonly #defaultName: string | null;
  readonly #log: Log;
  readonly #maxLoaded: number;
  /** By name of the files; the one asked for last stands last. */
  readonly #identities = new Map<string, Identity>();

  constructor(options: TlsIdentitiesOptions) {
    this.#folder = options.folder;
    this.#defaultName = options.defaultName;
    this.#log = options.log;
    this.#maxLoaded = options.maxLoaded ?? 1_000;
  }

  /**
   * For the start of the program: looks whether the folder is there, and loads the default.
   * @throws Error that says what is missing and what to do
   */
  check(): void {
    const folder = this.#folder;
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
      throw new Error(`${folder} is not a folder: create it and put certificates into it as NAME.crt and NAME.key`);
    }
    const name = this.#defaultName;
    if (name === null) return;
    if (!isName(name)) throw new Error(`"${name}" cannot be the name of a certificate: give NAME of a file NAME.crt`);
    try {
      new Identity(join(folder, name)).load();
    } catch (error) {
      const files = `${join(folder, name)}.crt and ${name}.key`;
      throw new Error(
        `the default certificate cannot be loaded: ${(error as Error).message}; put its chain and its key, both PEM, into ${files}`,
      );
    }
  }

  /** The identity for a client that asks for `serverName`; null when there is none. */
  forName(serverName: string): SecureContext | null {
    if (isName(serverName)) {
      const name = serverName.toLowerCase();
      const exact = this.#find(name);
      if (exact !== null) return exact;
      const dot = name.indexOf('.');
      const wildcard = dot > 0 ? this.#find(`_${name.slice(dot)}`) : null;
      if (wildcard !== null) return wildcard;
    }
    return this.forNoName();
  }

  /** The identity for a client that asks for no name: the default, or null when there is none. */
  forNoName(): SecureContext | null {
    const name = this.#defaultName;
    return name !== null && isName(name) ? this.#find(name) : null;
  }

  #find(name: string): SecureContext | null {
    let identity = this.#identities.get(name);
    if (identity === undefined) {
      const path = join(this.#folder, name);
      if (!isThere(`${path}.crt`)) return null;
      identity = new Identity(path);
      if (this.#identities.size >= this.#maxLoaded) this.#forgetOldest();
    } else this.#identities.delete(name);
    this.#identities.set(name, identity);
    this.#refresh(name, identity);
    return identity.context;
  }

  #refresh(name: string, identity: Identity): void {
    const now = performance.now();
    if (now - identity.checkedAt < CHECK_INTERVAL) return;
    identity.checkedAt = now;
    try {
      if (!identity.load()) return;
      identity.failed = false;
      this.#log.info({ certificate: name }, 'certificate loaded');
    } catch (error) {
      // The files may be in the middle of being replaced: what was loaded before stays, and they are tried again at the next check.
      if (identity.failed) return;
      identity.failed = true;
      const fields = { certificate: name, reason: (error as Error).message, kept: identity.context !== null };
      this.#log.warn(fields, 'certificate cannot be loaded');
    }
  }

  #forgetOldest(): void {
    for (const name of this.#identities.keys()) {
      this.#identities.delete(name);
      return;
    }
  }
}

/** One certificate and its key. */
class Identity {
  /** What was loaded last; null before. */
  context: SecureContext | null = null;
  /** When the files were looked at, in milliseconds of the monotonic clock. */
  checkedAt = Number.NEGATIVE_INFINITY;
  /** Whether the last attempt failed. */
  failed = false;
  readonly #certificate: string;
  readonly #key: string;
  /** The state of the files that `context` was made of. */
  #state = '';

  /** @param path of both files, without the extension */
  constructor(path: string) {
    this.#certificate = `${path}.crt`;
    this.#key = `${path}.key`;
  }

  /**
   * Loads the files unless they are as they were.
   * @returns whether they were loaded
   * @throws Error when they cannot be; `context` is then as before
   */
  load(): boolean {
    // Before they are read: what is written meanwhile shows at the next check.
    const state = `${fileState(this.#certificate)} ${fileState(this.#key)}`;
    if (state === this.#state) return false;
    this.context = createContext({ cert: readFileSync(this.#certificate), key: readFileSync(this.#key) });
    this.#state = state;
    return true;
  }
}

/** All contexts are alike but for the certificate: TLS 1.2 and 1.3 (RFC 8996 retires the older ones), no renegotiation. */
function createContext(identity: { cert?: Buffer; key?: Buffer }): SecureContext {
  return createSecureContext({
    ...identity,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    honorCipherOrder: true,
    // A client could make a connection cost one key exchange after the other.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  });
}

function isName(name: string): boolean {
  return NAME.test(name) && name !== '.' && name !== '..';
}

/** Whether there is anything at `path`; a path that cannot even be looked at (too long, no permission) leads to nothing. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/** Changes whenever the file is written or replaced, by an older one too. */
function fileState(path: string): string {
  const stats = statSync(path);
  if (!stats.isFile()) throw new Error(`${path} is not a file`);
  return `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
}
