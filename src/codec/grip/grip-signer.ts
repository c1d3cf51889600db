import { createHmac, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { algorithmOf } from './token-verifier.ts';

/** Seconds that a signature is valid (Pushpin's own figure). */
const VALID_S = 3600;

/** Milliseconds for which one token serves all requests. */
const FRESH_MS = 1000;

/**
 * Signs requests with a JWT that has `iss` and `exp` (RFC 7515 §7.1, RFC 7519): those to origins in `Grip-Sig`, those of a publisher in
 * `Authorization`. A token says nothing about the request, so one serves all requests of a second.
 */
export class GripSigner {
  readonly #issuer: string;
  readonly #key: Buffer | KeyObject;
  readonly #algorithm: string;
  #token = '';
  #signedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param key bytes of a shared secret, or a private key in PEM
   * @throws Error when the key cannot be used
   */
  constructor(issuer: string, key: Buffer | string) {
    this.#issuer = issuer;
    if (typeof key === 'string') {
      const privateKey = createPrivateKey(key);
      this.#key = privateKey;
      this.#algorithm = algorithmOf(privateKey);
    } else {
      this.#key = key;
      this.#algorithm = 'HS256';
    }
  }

  /** The token for a request that is sent now. */
  token(): string {
    const now = Date.now();
    // A clock that was set back makes a token from the future.
    if (Math.abs(now - this.#signedAt) > FRESH_MS) {
      this.#token = this.#sign(Math.floor(now / 1000) + VALID_S);
      this.#signedAt = now;
    }
    return this.#token;
  }

  #sign(exp: number): string {
    const input = `${encoded({ typ: 'JWT', alg: this.#algorithm })}.${encoded({ iss: this.#issuer, exp })}`;
    return `${input}.${this.#signature(input).toString('base64url')}`;
  }

  #signature(input: string): Buffer {
    const key = this.#key;
    if (Buffer.isBuffer(key)) return createHmac('sha256', key).update(input).digest();
    // RFC 8037 §3.1: EdDSA takes no digest. RFC 7518 §3.4: an ECDSA signature is its two numbers, not their DER encoding.
    return sign(this.#algorithm === 'EdDSA' ? null : 'sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
