import { createPrivateKey } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Log } from '../exchange/index.ts';

/** Seconds that a signature is valid (Pushpin's own figure). */
const VALID_S = 3600;

/** Milliseconds for which one token serves all requests. */
const FRESH_MS = 1000;

/**
 * Signs requests to origins with `Grip-Sig`: a JWT with `iss` and `exp`. A token says nothing about the request, so one serves all
 * requests of a second, and the next one is made aside: no request waits for a signature.
 */
export class GripSigner {
  readonly #issuer: string;
  readonly #key: Parameters<SignJWT['sign']>[0];
  readonly #algorithm: string;
  readonly #log: Log;
  #token = '';
  #signedAt = 0;
  #signing = false;

  private constructor(issuer: string, key: Buffer | string, log: Log) {
    this.#issuer = issuer;
    this.#log = log;
    if (typeof key === 'string') {
      const privateKey = createPrivateKey(key);
      this.#key = privateKey;
      this.#algorithm = algorithmOf(privateKey.asymmetricKeyType);
    } else {
      this.#key = key;
      this.#algorithm = 'HS256';
    }
  }

  /**
   * A signer with its first token made.
   * @param key bytes of a shared secret, or a private key in PEM
   * @throws Error when the key cannot be used
   */
  static async create(issuer: string, key: Buffer | string, log: Log): Promise<GripSigner> {
    const signer = new GripSigner(issuer, key, log);
    await signer.#sign();
    return signer;
  }

  /** The value of `Grip-Sig` for a request that is sent now. */
  token(): string {
    if (Date.now() - this.#signedAt > FRESH_MS && !this.#signing) {
      this.#sign().catch((error) => this.#log.error({ detail: String(error) }, 'cannot sign Grip-Sig'));
    }
    return this.#token;
  }

  async #sign(): Promise<void> {
    this.#signing = true;
    try {
      const now = Date.now();
      this.#token = await new SignJWT({ iss: this.#issuer, exp: Math.floor(now / 1000) + VALID_S })
        .setProtectedHeader({ typ: 'JWT', alg: this.#algorithm })
        .sign(this.#key);
      this.#signedAt = now;
    } finally {
      this.#signing = false;
    }
  }
}

/**
 * The JWT algorithm of an asymmetric key.
 * @throws Error for a kind of key that GRIP has no use for
 */
export function algorithmOf(type: string | undefined): string {
  switch (type) {
    case 'ec':
      return 'ES256';
    case 'rsa':
      return 'RS256';
    case 'ed25519':
      return 'EdDSA';
    default:
      throw new Error(`keys of the kind ${type} cannot sign Grip-Sig: use EC P-256, RSA or Ed25519`);
  }
}
