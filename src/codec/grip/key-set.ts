import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { parseJson } from './parse-json.ts';
import { TokenError, tokenError } from './token-error.ts';
import { type TokenClaims, type TokenKeys, type TokenRules, verifyOptions } from './token-verifier.ts';

/** Keys of one set. A token without `kid` may have to be tried with each. */
const MAX_KEYS = 64;

/** Not HS256: everybody can read the set. */
const ALGORITHMS = ['RS256', 'ES256'];

/** Verifies JWTs with the public keys of a JSON Web Key Set (RFC 7517). */
export class KeySet implements TokenKeys {
  readonly #keys: JWTVerifyGetKey;

  /**
   * @param text of the set
   * @throws Error when it is not a key set
   */
  constructor(text: Buffer) {
    const value = parseJson(text);
    const keys = (value as { keys?: unknown } | null | undefined)?.keys;
    if (!Array.isArray(keys)) throw new Error('it is not a JSON Web Key Set');
    if (keys.length > MAX_KEYS) throw new Error(`it has more than ${MAX_KEYS} keys`);
    this.#keys = createLocalJWKSet({ keys } as JSONWebKeySet);
  }

  async claims(token: string, rules: TokenRules): Promise<TokenClaims> {
    const options = verifyOptions(rules, ALGORITHMS);
    try {
      const { payload } = await jwtVerify(token, this.#keys, options);
      return payload as TokenClaims;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw tokenError(error);
      for await (const key of error) {
        try {
          const { payload } = await jwtVerify(token, key, options);
          return payload as TokenClaims;
        } catch (second) {
          if (!(second instanceof errors.JWSSignatureVerificationFailed)) throw tokenError(second);
        }
      }
      throw new TokenError('invalid', 'the token is signed with no key of the set');
    }
  }
}
