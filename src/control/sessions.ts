import { createHash, randomBytes } from 'node:crypto';
import type { Caller } from './caller.ts';

/** Seconds after which a session ends. */
export const SESSION_LIFETIME = 43_200;

/**
 * Sessions that are open at a time. Beyond it the oldest ends.
 * @bound control-sessions
 */
const MAX_SESSIONS = 1_000;

/** A session as data that one process can give another. */
export interface KeptSession {
  /** Of its token, which nobody keeps. */
  readonly hash: string;
  readonly caller: Caller;
}

/** Sessions of callers who have logged in. Their tokens are kept as hashes only, and nowhere but in memory. */
export class Sessions {
  /** By the hash of the token, the oldest first. */
  readonly #callers = new Map<string, Caller>();
  readonly #now: () => number;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Opens a session. It ends after `SESSION_LIFETIME`, or when the caller's rights do. Returns its token: 256 random bits. */
  open(caller: Caller): string {
    this.#sweep();
    const token = randomBytes(32).toString('base64url');
    const expires = Math.min(caller.expires, this.#now() + SESSION_LIFETIME * 1_000);
    this.#callers.set(hashOf(token), { ...caller, expires });
    return token;
  }

  /** Whose session this is; null if there is none. */
  find(token: string): Caller | null {
    const hash = hashOf(token);
    const caller = this.#callers.get(hash);
    if (caller === undefined) return null;
    if (caller.expires > this.#now()) return caller;
    this.#callers.delete(hash);
    return null;
  }

  /** All of them, for the process that replaces this one. */
  get kept(): readonly KeptSession[] {
    return [...this.#callers].map(([hash, caller]) => ({ hash, caller }));
  }

  /** Takes those of the process before this one. Whether their rules are still those of now is found out when they are used. */
  adopt(sessions: readonly KeptSession[]): void {
    for (const { hash, caller } of sessions) {
      if (!this.#callers.has(hash)) this.#sweep();
      this.#callers.set(hash, caller);
    }
  }

  /** Ends a session. */
  close(token: string): void {
    this.#callers.delete(hashOf(token));
  }

  /** Makes room for one more. */
  #sweep(): void {
    const now = this.#now();
    for (const [hash, { expires }] of this.#callers) if (expires <= now) this.#callers.delete(hash);
    const [oldest] = this.#callers.keys();
    if (this.#callers.size >= MAX_SESSIONS) this.#callers.delete(oldest as string);
  }
}

/** A lookup of a hash takes no time that tells of the token. */
function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
