import type { Caller } from './caller.ts';

/** Who may use the control port. */
export interface AccessRules {
  /** Verifies bearer tokens, and says whose they are; null where none is accepted. */
  readonly verifyToken: ((token: string) => Promise<Caller | null>) | null;
  /** Those who have a name and a password. */
  readonly users: readonly User[];
  /** Differs between rules with different credentials: what others have granted ends. */
  readonly fingerprint: string;
}

/** One who has a name and a password. */
export interface User {
  /** `NAME:PASSWORD` in bytes, as Basic authentication has it. */
  readonly credentials: Buffer;
  readonly caller: Caller;
}

/** Whether what these rules granted to a caller lasts. */
export function isCurrent({ expires, grantedBy }: Caller, { fingerprint }: AccessRules): boolean {
  return expires > Date.now() && (grantedBy === null || grantedBy === fingerprint);
}

/** Whether there are credentials at all. */
export function hasCredentials({ verifyToken, users }: AccessRules): boolean {
  return verifyToken !== null || users.length > 0;
}
