import type { TokenClaims, TokenKeys } from '../codec/grip/index.ts';
import { type Caller, DEFAULT_ROLES, ROLES, type Role } from './caller.ts';

/**
 * Whose token this is. The claim `role` names its roles, one or a list; without it `scope` does (RFC 8693 §4.2), if any of its words is a role.
 * @param issuer what `iss` must be; empty for anything
 * @param grantedBy fingerprint of the rules that accept it
 * @returns null for a token that is not valid
 */
export async function callerOfToken(
  keys: TokenKeys,
  token: string,
  issuer: string,
  grantedBy: string,
): Promise<Caller | null> {
  let claims: TokenClaims;
  try {
    claims = await keys.claims(token, { issuer, audience: '', leeway: 0 });
  } catch {
    return null;
  }
  const { sub, exp } = claims;
  const name = typeof sub === 'string' ? sub.slice(0, 100) : '';
  return { name, roles: new Set(rolesOf(claims)), expires: exp * 1_000, grantedBy };
}

function rolesOf({ role, scope }: TokenClaims): readonly Role[] {
  if (role !== undefined) return knownRoles(Array.isArray(role) ? role : [role]);
  const scopes = typeof scope === 'string' ? knownRoles(scope.split(' ')) : [];
  return scopes.length > 0 ? scopes : DEFAULT_ROLES;
}

function knownRoles(names: readonly unknown[]): readonly Role[] {
  return ROLES.filter((role) => names.includes(role));
}
