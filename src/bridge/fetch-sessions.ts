import type { HostedFetch } from './fetch-host.ts';

/**
 * Sessions by the address and the id that their askers have given them. They stand in slots, and the Map has the slots' numbers only:
 * one that is added to and deleted from all the time leaves tables behind that keep what they held alive for long.
 */
export class FetchSessions<S extends HostedFetch> {
  readonly #slots: (S | null)[] = [];
  /** Slots that are empty. */
  readonly #free: number[] = [];
  readonly #named = new Map<string, number>();
  /** Where the round through the sessions has got to. */
  #next = 0;

  /** How many there are. */
  get size(): number {
    return this.#slots.length - this.#free.length;
  }

  /** @param session if it is named, none of the same name is here */
  add(session: S): void {
    session.slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[session.slot] = session;
    if (session.named) this.#named.set(keyOf(session.from, session.id), session.slot);
  }

  get(from: string, id: string): S | null {
    const slot = this.#named.get(keyOf(from, id));
    return slot === undefined ? null : (this.#slots[slot] as S);
  }

  /** The session is that of another asker from now on, none of whose sessions has this id. */
  rename(session: S, from: string): void {
    this.#named.delete(keyOf(session.from, session.id));
    this.#named.set(keyOf(from, session.id), session.slot);
  }

  remove(session: S): void {
    this.#slots[session.slot] = null;
    this.#free.push(session.slot);
    if (session.named) this.#named.delete(keyOf(session.from, session.id));
  }

  /** All sessions. */
  all(): S[] {
    return this.#slots.filter((session) => session !== null);
  }

  /** The sessions in the next part of the table; the last part is followed by the first one. @param parts that make a round */
  nextPart(parts: number): S[] {
    const sessions: S[] = [];
    for (let left = Math.ceil(this.#slots.length / parts); left > 0; left--) {
      if (this.#next >= this.#slots.length) this.#next = 0;
      const session = this.#slots[this.#next++] ?? null;
      if (session !== null) sessions.push(session);
    }
    return sessions;
  }
}

/** Addresses have no spaces, or nobody could be answered: so the key says which part is which. */
function keyOf(from: string, id: string): string {
  return `${from} ${id}`;
}
