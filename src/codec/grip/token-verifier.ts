import { createPublicKey, type KeyObject } from 'node:crypto';
import { jwtVerify } from 'jose';

/** Verifies JWTs (RFC 7519) of one key: HS256 for a shared secret, else the algorithm of the key. */
export class TokenVerifier {
  readonly #key: Uint8Array | KeyObject;
  readonly #algorithm: string;

  /**
   * @param key bytes of a shared secret, or a public (or private) key in PEM
   * @throws Error when the key cannot be used
   */
  constructor(key: Buffer | string) {
    if (typeof key === 'string') {
      const publicKey = createPublicKey(key);
      this.#key = publicKey;
      this.#algorithm = algorithmOf(publicKey);
    } else {
      this.#key = key;
      this.#algorithm = 'HS256';
    }
  }

  /**
   * Whether the token's signature is valid and it has not expired. A token without `exp` is not valid.
   * @param issuer what `iss` must be; empty for anything
   */
  async verifies(token: string, issuer = ''): Promise<boolean> {
    const options = { algorithms: [this.#algorithm], requiredClaims: ['exp'], ...(issuer !== '' && { issuer }) };
    try {
      await jwtVerify(token, this.#key, options);
      return true;
    } catch {
      return false;
    }
  }
}

/**
 * The JWT algorithm of an asymmetric key.
 * @throws Error for a key that GRIP has no use for, or that is too short (RFC 7518 §3.3)
 */
export function algorithmOf(key: KeyObject): string {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType;
  if (type === 'ec' && namedCurve === 'prime256v1') return 'ES256';
  if (type === 'rsa' && modulusLength >= 2048) return 'RS256';
  if (type === 'ed25519') return 'EdDSA';
  const found = type === 'rsa' ? `${type} of ${modulusLength} bits` : (namedCurve ?? type);
  throw new Error(
    `a key of the kind ${found} cannot sign Grip-Sig: use EC P-256, RSA of 2048 bits or more, or Ed25519`,
  );
}
