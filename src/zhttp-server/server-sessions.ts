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

  /** @param session if it is named, none of the same name is here */
  add(session: S): void {
    session.slot = this.#slots.add(session);
    if (session.named) this.#named.set(keyOf(session.from, session.id), session.slot);
  }

  get(from: string, id: string): S | null {
    const slot = this.#named.get(keyOf(from, id));
    return slot === undefined ? null : this.#slots.get(slot);
  }

  /** From now on the session belongs to another requester, which has no session of this id. */
  rename(session: S, from: string): void {
    this.#named.delete(keyOf(session.from, session.id));
    this.#named.set(keyOf(from, session.id), session.slot);
  }

  remove(session: S): void {
    this.#slots.remove(session.slot);
    if (session.named) this.#named.delete(keyOf(session.from, session.id));
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
