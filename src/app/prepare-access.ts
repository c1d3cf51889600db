import { createHash } from 'node:crypto';
import { TokenVerifier, verifyingKey } from '../codec/grip/index.ts';
import type { Config, KeyReader } from '../config/index.ts';
import { type AccessRules, type Caller, callerOfToken, DEFAULT_ROLES, type Role } from '../control/index.ts';

/** Who may use the control port. A key that cannot be used becomes an issue of `keys`. */
export function prepareAccess({ control }: Config, keys: KeyReader): AccessRules {
  const { bearerKey, bearerIss, basic, user } = control;
  const hash = createHash('sha256').update(JSON.stringify([bearerIss, basic, user]));
  const verifier = keys.make(['control', 'bearer_key'], bearerKey, (key) => {
    hash.update(key);
    return new TokenVerifier(verifyingKey(key));
  });
  const fingerprint = hash.digest('base64url');
  return {
    verifyToken: verifier === null ? null : (token) => callerOfToken(verifier, token, bearerIss, fingerprint),
    users: [
      ...basic.map((credentials) => {
        const name = credentials.slice(0, credentials.indexOf(':'));
        return { credentials: Buffer.from(credentials), caller: callerNamed(name, DEFAULT_ROLES, fingerprint) };
      }),
      ...user.map(({ name, password, role }) => ({
        credentials: Buffer.from(`${name}:${password}`),
        caller: callerNamed(name, [role], fingerprint),
      })),
    ],
    fingerprint,
  };
}

function callerNamed(name: string, roles: readonly Role[], grantedBy: string): Caller {
  return { name, roles: new Set(roles), expires: Number.POSITIVE_INFINITY, grantedBy };
}
