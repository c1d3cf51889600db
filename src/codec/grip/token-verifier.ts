import { createPublicKey, type KeyObject } from 'node:crypto';
import { type JWTPayload, jwtVerify } from 'jose';
import { tokenError } from './token-error.ts';

/** What a token must say besides being signed. Empty texts ask for nothing. */
export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  /** How far the clock of the issuer may be off, in seconds. */
  readonly leeway: number;
}

/** What a token says, whose signature is valid. */
export interface TokenClaims extends JWTPayload {
  /** When it expires, in seconds since 1970. */
  readonly exp: number;
}

/** Verifies tokens. */
export interface TokenKeys {
  /** @throws TokenError when the token is not valid, or the keys cannot be had */
  claims(token: string, rules: TokenRules): Promise<TokenClaims>;
}

const NO_RULES: TokenRules = { issuer: '', audience: '', leeway: 0 };

/** Verifies JWTs (RFC 7519) of one key: HS256 for a shared secret, else the algorithm of the key. */
export class TokenVerifier implements TokenKeys {
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
    try {
      await this.claims(token, { ...NO_RULES, issuer });
      return true;
    } catch {
      return false;
    }
  }

  async claims(token: string, rules: TokenRules): Promise<TokenClaims> {
    try {
      const { payload } = await jwtVerify(token, this.#key, verifyOptions(rules, [this.#algorithm]));
      return payload as TokenClaims;
    } catch (error) {
      throw tokenError(error);
    }
  }
}

/**
 * The key, if those who have it for verifying tokens can sign none with it, as far as its kind allows: it is a secret or a public key.
 * @throws Error for a private key
 */
export function verifyingKey(key: Buffer | string): Buffer | string {
  if (typeof key !== 'string' || !key.includes('PRIVATE KEY-----')) return key;
  throw new Error(
    'the file has the private key, with which tokens can be made: give the public key, as "openssl pkey -in FILE -pubout" writes it',
  );
}

/** Options for jose. A token without `exp` is not valid. */
export function verifyOptions({ issuer, audience, leeway }: TokenRules, algorithms: string[]) {
  const named = { ...(issuer !== '' && { issuer }), ...(audience !== '' && { audience }) };
  return { algorithms, requiredClaims: ['exp'], clockTolerance: leeway, ...named };
}

/**
 * The JWT algorithm of an asymmetric key.
 * @throws Error for a key of another kind, or that is too short (RFC 7518 §3.3)
 */
export function algorithmOf(key: KeyObject): string {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType;
  if (type === 'ec' && namedCurve === 'prime256v1') return 'ES256';
  if (type === 'rsa' && modulusLength >= 2048) return 'RS256';
  if (type === 'ed25519') return 'EdDSA';
  const found = type === 'rsa' ? `${type} of ${modulusLength} bits` : (namedCurve ?? type);
  throw new Error(
    `a key of the kind ${found} is not supported for tokens: use EC P-256, RSA of 2048 bits or more, or Ed25519`,
  );
}
