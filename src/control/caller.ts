/** What a caller may do: `publish` items, `read` what the server tells of itself and the contents of messages, or all that and change it. */
export type Role = 'read' | 'publish' | 'admin';

/** All roles, the mightiest last. */
export const ROLES: readonly Role[] = ['read', 'publish', 'admin'];

/** Roles of credentials that name none, as those of publishers never did. */
export const DEFAULT_ROLES: readonly Role[] = ['publish', 'read'];

/** Who uses the control API. */
export interface Caller {
  /** For the log; empty if it is not known. */
  readonly name: string;
  readonly roles: ReadonlySet<Role>;
  /** When its rights end, in milliseconds since 1970. */
  readonly expires: number;
  /** Fingerprint of the rules that let it in; null where none did. */
  readonly grantedBy: string | null;
}

/** Whoever shows no credentials. */
export const NOBODY: Caller = { name: '', roles: new Set(), expires: Number.POSITIVE_INFINITY, grantedBy: null };

/** Whoever has tried too many wrong passwords. */
export const GUESSER: Caller = { ...NOBODY };

/** Whoever the permissions of the unix socket let in. */
export const SOCKET_OWNER: Caller = {
  name: 'unix socket',
  roles: new Set(ROLES),
  expires: Number.POSITIVE_INFINITY,
  grantedBy: null,
};

/** Whether a caller has a role. An admin has all of them. */
export function hasRole({ roles }: Caller, role: Role): boolean {
  return roles.has(role) || roles.has('admin');
}
