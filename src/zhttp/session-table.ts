import { Slots } from './slots.ts';

/** What is kept in a table. */
export interface Numbered {
  /** As `SessionTable.nextId` returned it. */
  readonly id: string;
}

/** Sessions by id. An id names the slot of its session, so finding one is one access to an array. */
export class SessionTable<S extends Numbered> {
  readonly #prefix: string;
  /** What the prefixes of this table and of those that it replaces begin with. */
  readonly #family: string;
  readonly #slots = new Slots<S>();
  /** Number of sessions so far, so that no id is used twice. */
  #count = 0;

  /**
   * @param prefix what all ids begin with, up to a hyphen; it contains no hyphen. If it contains a dot, the tables that this one replaces
   *   had the same in front of it
   */
  constructor(prefix: string) {
    this.#prefix = `${prefix}-`;
    const dot = prefix.indexOf('.');
    this.#family = dot < 0 ? this.#prefix : prefix.slice(0, dot + 1);
  }

  /** Number of sessions. */
  get size(): number {
    return this.#slots.size;
  }

  /** The id for the session that is added next: prefix, slot and number. */
  nextId(): string {
    return `${this.#prefix}${this.#slots.next}-${this.#count}`;
  }

  /** @param session its id is the last that `nextId` returned */
  add(session: S): void {
    this.#count++;
    this.#slots.add(session);
  }

  /** Whether the id may be one of this table, or of those that it replaces: of a session that is or was there. */
  knows(id: string): boolean {
    return id.startsWith(this.#family);
  }

  get(id: string): S | null {
    const session = this.#slots.get(this.#slotOf(id));
    return session !== null && session.id === id ? session : null;
  }

  /** Returns whether it was there. */
  remove({ id }: Numbered): boolean {
    if (this.get(id) === null) return false;
    this.#slots.remove(this.#slotOf(id));
    return true;
  }

  /** All sessions. */
  all(): S[] {
    return this.#slots.all();
  }

  /** The sessions in the next part of the table; the last part is followed by the first one. @param parts that make a round */
  nextPart(parts: number): S[] {
    return this.#slots.nextPart(parts);
  }

  /** The slot that an id names. For an id of another table it is any number. */
  #slotOf(id: string): number {
    let slot = 0;
    for (let i = this.#prefix.length; i < id.length; i++) {
      const digit = id.charCodeAt(i) - 0x30;
      if (digit < 0 || digit > 9) break;
      slot = slot * 10 + digit;
    }
    return slot;
  }
}
