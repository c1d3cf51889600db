import { TokenVerifier, verifyingKey } from '../codec/grip/index.ts';
import type { Config, KeyReader } from '../config/index.ts';
import type { AccessRules } from '../control/index.ts';

/** Who may use the control port. A key that cannot be used becomes an issue of `keys`. */
export function prepareAccess({ control }: Config, keys: KeyReader): AccessRules {
  const { bearerKey, bearerIss, basic } = control;
  const verifier = keys.make(['control', 'bearer_key'], bearerKey, (key) => new TokenVerifier(verifyingKey(key)));
  return {
    verifyToken: verifier === null ? null : (token) => verifier.verifies(token, bearerIss),
    basic: basic.map((credentials) => Buffer.from(credentials)),
  };
}
