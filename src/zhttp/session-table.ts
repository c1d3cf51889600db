import { Slots } from './slots.ts';

/** What is kept in a table. */
export interface Numbered {
  /** As `SessionTable.nextId` gave it. */
  readonly id: string;
}

/** Sessions by id. An id says where its session stands, so that finding one is a look into an array. */
export class SessionTable<S extends Numbered> {
  readonly #prefix: string;
  readonly #slots = new Slots<S>();
  /** Sessions there have ever been: no id comes twice. */
  #count = 0;

  /** @param prefix what all ids begin with, up to a hyphen; it has none itself */
  constructor(prefix: string) {
    this.#prefix = `${prefix}-`;
  }

  /** The id for the session that is added next: prefix, place and number. */
  nextId(): string {
    return `${this.#prefix}${this.#slots.next}-${this.#count}`;
  }

  /** @param session has the id that `nextId` has given just now */
  add(session: S): void {
    this.#count++;
    this.#slots.add(session);
  }

  /** Whether the id is one of this table, of a session that is there or was. */
  knows(id: string): boolean {
    return id.startsWith(this.#prefix);
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

  /** What an id says of its place: some number, if it is none of this table's. */
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
