import { X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivately } from '../exchange/index.ts';

/** A certificate and its key, both PEM. */
export interface IssuedCertificate {
  /** The chain, the server's own certificate first. */
  readonly chain: string;
  readonly key: string;
}

/** When a certificate is valid, in milliseconds since 1970. */
export interface Validity {
  readonly from: number;
  readonly to: number;
}

/** Tokens are base64url (RFC 8555 §8.3); names are those of hosts. Neither leads out of its folder. */
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;
const NAME = /^[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9])?$/;

/**
 * The folder of accounts, certificates and open challenges. Files are written beside their place and then renamed, so that nobody reads half
 * of one; processes of one server share them this way.
 */
export class AcmeStore {
  /** Holds `NAME.crt` and `NAME.key`. */
  readonly certificates: string;
  readonly #folder: string;
  readonly #tokens: string;
  readonly #proofs: string;

  /** @param folder it need not exist */
  constructor(folder: string) {
    this.#folder = folder;
    this.certificates = join(folder, 'certificates');
    this.#tokens = join(folder, 'http-01');
    this.#proofs = join(folder, 'tls-alpn-01');
  }

  /** Makes the folders. @throws Error of the system */
  prepare(): void {
    mkdirSync(this.certificates, { recursive: true, mode: 0o700 });
  }

  /** The key of the account at a directory, PEM; null before there is one. @param directory URL */
  accountKey(directory: string): string | null {
    return textOf(this.#accountFile(directory));
  }

  saveAccountKey(directory: string, key: string): Promise<void> {
    return writePrivately(this.#accountFile(directory), key);
  }

  /** Keeps a certificate. The key comes first, so that a certificate never stands beside an older key for long. */
  async save(name: string, { chain, key }: IssuedCertificate): Promise<void> {
    await writePrivately(join(this.certificates, `${name}.key`), key);
    await writePrivately(join(this.certificates, `${name}.crt`), chain);
  }

  /** When the certificate of a name is valid; null without a certificate that can be read. */
  validity(name: string): Validity | null {
    const text = textOf(join(this.certificates, `${name}.crt`));
    if (text === null) return null;
    try {
      const { validFrom, validTo } = new X509Certificate(text);
      return { from: Date.parse(validFrom), to: Date.parse(validTo) };
    } catch {
      return null;
    }
  }

  /** Lets `token` be answered over HTTP (RFC 8555 §8.3). */
  async openToken(token: string, keyAuthorization: string): Promise<void> {
    if (!TOKEN.test(token)) throw new Error('the token of the authority is not base64url');
    await writePrivately(join(this.#tokens, token), keyAuthorization);
  }

  /** Lets a name be proven over TLS (RFC 8737). */
  async openProof(name: string, { chain, key }: IssuedCertificate): Promise<void> {
    await writePrivately(join(this.#proofs, `${name}.key`), key);
    await writePrivately(join(this.#proofs, `${name}.crt`), chain);
  }

  /** No challenge is open any more. */
  closeChallenges(): void {
    for (const folder of [this.#tokens, this.#proofs]) rmSync(folder, { recursive: true, force: true });
  }

  /** What a token is answered with; null for one that is not open. */
  answerTo(token: string): string | null {
    return TOKEN.test(token) ? textOf(join(this.#tokens, token)) : null;
  }

  /** Whether a name may be proven over TLS now. */
  get proving(): boolean {
    return statSync(this.#proofs, { throwIfNoEntry: false }) !== undefined;
  }

  /** The certificate that proves a name; null where nothing is to be proven for it. */
  proofOf(name: string): IssuedCertificate | null {
    if (!NAME.test(name)) return null;
    const chain = textOf(join(this.#proofs, `${name}.crt`));
    const key = textOf(join(this.#proofs, `${name}.key`));
    return chain === null || key === null ? null : { chain, key };
  }

  #accountFile(directory: string): string {
    return join(this.#folder, 'accounts', `${new URL(directory).host.replace(':', '_')}.key`);
  }
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
