import { createHash, timingSafeEqual } from 'node:crypto';
import type { User } from './access-rules.ts';
import type { Caller } from './caller.ts';

/**
 * Whose credentials these are. The comparison takes a time that depends on neither where they differ nor how long the right ones are.
 * @param given `NAME:PASSWORD` in bytes
 */
export function knownUser(given: Buffer, users: readonly User[]): Caller | null {
  const digest = digestOf(given);
  let found: Caller | null = null;
  for (const { credentials, caller } of users) {
    if (timingSafeEqual(digest, digestOf(credentials))) found ??= caller;
  }
  return found;
}

function digestOf(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
