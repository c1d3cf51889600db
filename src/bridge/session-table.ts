/** What is kept in a table. */
export interface Numbered {
  /** As `SessionTable.nextId` gave it. */
  readonly id: string;
}

/**
 * Sessions by id. An id says where its session stands, so that finding one is a look into an array. (A Map that is added to and
 * deleted from all the time leaves tables behind whose entries live on until the next large garbage collection.)
 */
export class SessionTable<S extends Numbered> {
  readonly #prefix: string;
  readonly #slots: (S | null)[] = [];
  /** Slots that are empty. */
  readonly #free: number[] = [];
  /** Sessions there have ever been: no id comes twice. */
  #count = 0;
  /** Where the round through the sessions has got to. */
  #next = 0;

  /** @param prefix what all ids begin with, up to a hyphen; it has none itself */
  constructor(prefix: string) {
    this.#prefix = `${prefix}-`;
  }

  /** The id for the session that is added next: prefix, place and number. */
  nextId(): string {
    const slot = this.#free.length > 0 ? (this.#free[this.#free.length - 1] as number) : this.#slots.length;
    return `${this.#prefix}${slot}-${this.#count}`;
  }

  /** @param session has the id that `nextId` has given just now */
  add(session: S): void {
    this.#count++;
    this.#slots[this.#free.pop() ?? this.#slots.length] = session;
  }

  /** Whether the id is one of this table, of a session that is there or was. */
  knows(id: string): boolean {
    return id.startsWith(this.#prefix);
  }

  get(id: string): S | null {
    const session = this.#slots[this.#slotOf(id)] ?? null;
    return session !== null && session.id === id ? session : null;
  }

  /** Returns whether it was there. */
  remove({ id }: Numbered): boolean {
    if (this.get(id) === null) return false;
    const slot = this.#slotOf(id);
    this.#slots[slot] = null;
    this.#free.push(slot);
    return true;
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
