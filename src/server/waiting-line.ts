import type { NewConnection } from './new-connection.ts';

/**
 * Connections of one server that wait for their turn. What their clients send meanwhile is kept as of any other connection.
 * @bound waiting-connections
 */
const MAX_WAITING_CONNECTIONS = 1_024;

/** The connections beyond the limit, in the order in which they came. */
export class WaitingLine {
  readonly #line = new Set<NewConnection>();

  get length(): number {
    return this.#line.size;
  }

  get full(): boolean {
    return this.#line.size >= MAX_WAITING_CONNECTIONS;
  }

  add(connection: NewConnection): void {
    this.#line.add(connection);
  }

  /** Takes the connection whose turn it is out of the line. */
  next(): NewConnection | undefined {
    const [first] = this.#line;
    if (first !== undefined) this.#line.delete(first);
    return first;
  }

  /** Takes out a connection that has left, or is refused. */
  remove(connection: NewConnection): void {
    this.#line.delete(connection);
  }
}
