import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Log } from '../exchange/index.ts';

/** Where the certificates are. */
export interface TlsIdentitiesOptions {
  /** Holds `NAME.crt` (certificate chain, PEM, the server's own first) and `NAME.key` (private key, PEM, without a passphrase). */
  readonly folder: string;
  /** The `NAME` served when no other matches and to clients that name no host; null refuses those. */
  readonly defaultName: string | null;
  readonly log: Log;
  /** Ciphers for TLS 1.2 in OpenSSL's notation. Default: Node's. */
  readonly ciphers?: string;
  /** File with the authorities of client certificates, PEM. It is read again when it changes. Default: none. */
  readonly clientCa?: string;
  /** Identities kept in memory, about 50 KB each; the least recently used goes first, the default one stays. Default 1,000. */
  readonly maxLoaded?: number;
}

/** Milliseconds during which the files of an identity are not checked again. */
const CHECK_INTERVAL = 1_000;

/** Printable ASCII except the slash: all that can be a host name (RFC 6066 §3) and stays inside the folder. */
const NAME = /^[ -.0-~]{1,253}$/;

/**
 * Certificates by server name, from a folder: loaded on first use and again when their files change, so that renewing or adding one needs no
 * restart. Names that clients make up cost a lookup in the folder each time, and no memory.
 *
 * A name is looked up in lower case; then with its first label replaced by `_`, which is how the files of a wildcard certificate are named
 * (`_.example.com.crt`); then the default is used. The files are checked during the handshake that asks for them, at most once a second
 * for an identity; they are read, which takes some 2 ms, only when they have changed.
 */
export class TlsIdentities {
  /** No certificate: a handshake starts with this and fails unless its server name selects another. */
  readonly anonymous: SecureContext;
  readonly #folder: string;
  readonly #defaultName: string | null;
  readonly #log: Log;
  readonly #trust: ClientTrust;
  readonly #maxLoaded: number;
  /** Certificates that were given, by name. They come before those of the folder. */
  #given: ReadonlyMap<string, SecureContext> = new Map();
  /** By file name; most recently used last. */
  readonly #identities = new Map<string, Identity>();

  constructor(options: TlsIdentitiesOptions) {
    this.#folder = options.folder;
    this.#defaultName = options.defaultName;
    this.#log = options.log;
    this.#trust = { ciphers: options.ciphers, clientCa: options.clientCa };
    this.anonymous = createContext({ ciphers: options.ciphers });
    this.#maxLoaded = options.maxLoaded ?? 1_000;
  }

  /**
   * For startup: checks that the folder exists, and loads the authorities of clients and the default.
   * @throws Error that says what is missing and how to fix it
   */
  check(): void {
    const folder = this.#folder;
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
      throw new Error(`${folder} is not a folder: create it and put certificates into it as NAME.crt and NAME.key`);
    }
    const { clientCa } = this.#trust;
    if (clientCa !== undefined) checkAuthorities(clientCa);
    const name = this.#defaultName;
    if (name === null) return;
    if (!isName(name)) throw new Error(`"${name}" is not a valid certificate name: give the NAME of a file NAME.crt`);
    try {
      new Identity(join(folder, name), this.#trust).load();
    } catch (error) {
      const files = `${join(folder, name)}.crt and ${name}.key`;
      throw new Error(
        `the default certificate cannot be loaded: ${(error as Error).message}; put its chain and key, both PEM, in ${files}`,
      );
    }
  }

  /**
   * Loads the default certificate without waiting for a client, so that it is among those that are renewed. It stays loaded.
   * @throws Error when its files cannot be used
   */
  loadDefault(): void {
    const name = this.#defaultName;
    if (name === null || this.#identities.has(name)) return;
    const identity = new Identity(join(this.#folder, name), this.#trust);
    identity.load();
    this.#identities.set(name, identity);
  }

  /** The identity for a client that asks for `serverName`; null if none matches. */
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

  /** The identity for a client that names no host: the default, or null without one. */
  forNoName(): SecureContext | null {
    const name = this.#defaultName;
    return name !== null && isName(name) ? this.#find(name) : null;
  }

  /** Has all files looked at again when they are needed next, however recently that was done. */
  refresh(): void {
    for (const identity of this.#identities.values()) identity.checkedAt = Number.NEGATIVE_INFINITY;
  }

  /** Names of the certificates that have been loaded. */
  get loaded(): readonly string[] {
    return [...this.#identities.keys()];
  }

  /**
   * Loads a certificate that has been loaded before, if its files have changed since. It comes into use with `commit`. Null if nothing has changed.
   * @throws Error when the files cannot be used
   */
  renew(name: string): Renewal | null {
    const identity = this.#identities.get(name);
    if (identity === undefined) return null;
    const loaded = identity.read();
    if (loaded === null) return null;
    return { name, expires: loaded.expires, commit: () => identity.use(loaded) };
  }

  /**
   * The context of a certificate that is to be given.
   * @throws Error for a pair that cannot be used
   */
  contextOf(pair: { readonly cert: string; readonly key: string }): LoadedIdentity {
    const { ciphers, clientCa } = this.#trust;
    return loadPair(
      Buffer.from(pair.cert),
      Buffer.from(pair.key),
      ciphers,
      clientCa === undefined ? undefined : readFileSync(clientCa),
      '',
    );
  }

  /** Uses these certificates from now on, by name, in place of those of the folder. */
  give(contexts: ReadonlyMap<string, SecureContext>): void {
    this.#given = contexts;
  }

  /** The certificate that was given for this very name; null without one. */
  given(serverName: string): SecureContext | null {
    return this.#given.get(serverName.toLowerCase()) ?? null;
  }

  #find(name: string): SecureContext | null {
    const given = this.#given.get(name);
    if (given !== undefined) return given;
    let identity = this.#identities.get(name);
    if (identity === undefined) {
      const path = join(this.#folder, name);
      if (!isThere(`${path}.crt`)) return null;
      identity = new Identity(path, this.#trust);
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
      // The files may be half replaced: keep what was loaded before and retry at the next check.
      if (identity.failed) return;
      identity.failed = true;
      const fields = { certificate: name, reason: (error as Error).message, kept: identity.context !== null };
      this.#log.warn(fields, 'certificate cannot be loaded');
    }
  }

  #forgetOldest(): void {
    for (const name of this.#identities.keys()) {
      if (name === this.#defaultName) continue;
      this.#identities.delete(name);
      return;
    }
  }
}

/** What all contexts have in common. */
interface ClientTrust {
  readonly ciphers: string | undefined;
  readonly clientCa: string | undefined;
}

/** One certificate and its key. */
class Identity {
  /** The context loaded last; null before the first. */
  context: SecureContext | null = null;
  /** When the files were last checked, in milliseconds of the monotonic clock. */
  checkedAt = Number.NEGATIVE_INFINITY;
  /** Whether the last attempt failed. */
  failed = false;
  readonly #certificate: string;
  readonly #key: string;
  readonly #trust: ClientTrust;
  /** The state of the files that `context` was made from. */
  #state = '';

  /** @param path of both files, without the extension */
  constructor(path: string, trust: ClientTrust) {
    this.#trust = trust;
    this.#certificate = `${path}.crt`;
    this.#key = `${path}.key`;
  }

  /**
   * Loads the files unless they are unchanged.
   * @returns whether they were loaded
   * @throws Error if they cannot be loaded; `context` then stays as it was
   */
  load(): boolean {
    const loaded = this.read();
    if (loaded !== null) this.use(loaded);
    return loaded !== null;
  }

  /**
   * Reads the files, without using them. Null if they are unchanged.
   * @throws Error if they cannot be used
   */
  read(): LoadedIdentity | null {
    // Taken before reading: what is written meanwhile shows at the next check.
    const { ciphers, clientCa } = this.#trust;
    const ca = clientCa === undefined ? '' : ` ${fileState(clientCa)}`;
    const state = `${fileState(this.#certificate)} ${fileState(this.#key)}${ca}`;
    if (state === this.#state) return null;
    const [cert, key] = [readFileSync(this.#certificate), readFileSync(this.#key)];
    return loadPair(cert, key, ciphers, clientCa === undefined ? undefined : readFileSync(clientCa), state);
  }

  use({ context, state }: LoadedIdentity): void {
    this.context = context;
    this.#state = state;
    this.failed = false;
  }
}

/** A certificate that is ready to be used. */
export interface LoadedIdentity {
  readonly context: SecureContext;
  /** When it expires, ISO 8601. */
  readonly expires: string;
  /** The state of its files. */
  readonly state: string;
}

/** A certificate whose files have changed. */
export interface Renewal {
  readonly name: string;
  /** When it expires, ISO 8601. */
  readonly expires: string;
  readonly commit: () => void;
}

/**
 * Whether a listener can use a certificate and its key, both PEM.
 * @throws Error that says why not
 */
export function checkIdentity({ cert, key }: { readonly cert: string; readonly key: string }): void {
  loadPair(Buffer.from(cert), Buffer.from(key), undefined, undefined, '');
}

function loadPair(
  cert: Buffer,
  key: Buffer,
  ciphers: string | undefined,
  ca: Buffer | undefined,
  state: string,
): LoadedIdentity {
  const first = new X509Certificate(cert);
  if (!first.checkPrivateKey(createPrivateKey(key))) throw new Error('the key does not fit the certificate');
  const context = createContext({ cert, key, ciphers, ca });
  return { context, expires: new Date(first.validTo).toISOString(), state };
}

interface ContextOptions {
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly ciphers: string | undefined;
  readonly ca?: Buffer | undefined;
}

/** Names the sessions of servers that ask for client certificates: without a name OpenSSL resumes none of them. */
const SESSION_CONTEXT = 'holdfast';

/** The contexts of a listener differ only in the certificate: TLS 1.2 and 1.3 (RFC 8996 retires older versions), no renegotiation. */
function createContext({ ciphers, ca, ...identity }: ContextOptions): SecureContext {
  return createSecureContext({
    ...identity,
    ...(ca !== undefined && { ca, sessionIdContext: SESSION_CONTEXT }),
    // Ciphers of TLS 1.2 alone would turn TLS 1.3 off.
    ...(ciphers !== undefined && { ciphers: `${TLS13_CIPHERS}:${ciphers}` }),
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    honorCipherOrder: true,
    // With renegotiation a client could make one connection cost many key exchanges.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  });
}

/** RFC 8446 §9.1 */
const TLS13_CIPHERS = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';

function checkAuthorities(path: string): void {
  try {
    new X509Certificate(readFileSync(path));
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).syscall === undefined ? 'no certificate in PEM' : (error as Error).message;
    throw new Error(`the authorities of client certificates cannot be loaded from ${path}: ${reason}`);
  }
}

function isName(name: string): boolean {
  return NAME.test(name) && name !== '.' && name !== '..';
}

/** Whether anything exists at `path`; a path that cannot be looked up (too long, no permission) counts as missing. */
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
