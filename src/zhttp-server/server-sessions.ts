import { Slots } from '../zhttp/index.ts';
import type { HostedSession } from './server-host.ts';

/** Sessions by the address and the id that their requesters gave them. The Map holds the numbers of their slots only. */
export class ServerSessions<S extends HostedSession> {
  readonly #slots = new Slots<S>();
  readonly #named = new Map<string, number>();

  /** How many there are. */
  get size(): number {
    return this.#slots.size;
  }

  /** @param key of its requester and id, which no other session here has; empty if the session is not named */
  add(session: S, key: string): void {
    session.slot = this.#slots.add(session);
    session.key = key;
    if (key !== '') this.#named.set(key, session.slot);
  }

  /** @param key from `keyOf` */
  get(key: string): S | null {
    const slot = this.#named.get(key);
    return slot === undefined ? null : this.#slots.get(slot);
  }

  /** From now on the session belongs to another requester, which has no session of this id. */
  rename(session: S, from: string): void {
    this.#named.delete(session.key);
    session.key = keyOf(from, session.id);
    this.#named.set(session.key, session.slot);
  }

  remove(session: S): void {
    this.#slots.remove(session.slot);
    if (session.key !== '') this.#named.delete(session.key);
  }

  /** All sessions. */
  all(): S[] {
    return this.#slots.all();
  }

  /** The sessions in the next part of the table; the last part is followed by the first one. @param parts that make a round */
  nextPart(parts: number): S[] {
    return this.#slots.nextPart(parts);
  }
}

/** Names a session. Addresses have no spaces, because a published packet ends its address with one. */
export function keyOf(from: string, id: string): string {
  return `${from} ${id}`;
}
