import { LEAST_COST } from '../exchange/index.ts';

/**
 * Bytes that sessions may take whose clients left before it was known which handler has them, each counted with 256. Beyond it the oldest
 * one is forgotten.
 * @bound abandoned-sessions
 */
const MAX_BYTES = 4_194_304;

/** What is kept of a session. */
interface Abandoned {
  /** Number of the next packet to the handler. */
  readonly seq: number;
  /** When the client left, in milliseconds. */
  readonly since: number;
}

/** Sessions whose clients left before it was known which handler has them. The first packet of the handler gets a cancel in return. */
export class AbandonedSessions {
  /** In the order in which they were abandoned. */
  readonly #sessions = new Map<string, Abandoned>();

  /** Returns false if another one had to be forgotten. */
  add(id: string, seq: number, now: number): boolean {
    this.#sessions.set(id, { seq, since: now });
    if (this.#sessions.size * LEAST_COST <= MAX_BYTES) return true;
    for (const oldest of this.#sessions.keys()) {
      this.#sessions.delete(oldest);
      break;
    }
    return false;
  }

  /** Takes the session out. Returns the number of its next packet, or null if it is not there. */
  take(id: string): number | null {
    const session = this.#sessions.get(id);
    if (session === undefined) return null;
    this.#sessions.delete(id);
    return session.seq;
  }

  /** Forgets the sessions whose clients left at this time or earlier, in milliseconds. */
  expire(time: number): void {
    for (const [id, { since }] of this.#sessions) {
      if (since > time) return;
      this.#sessions.delete(id);
    }
  }
}
