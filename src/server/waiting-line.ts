import type { NewConnection } from './new-connection.ts';

/**
 * Connections of one server that wait for their turn. They are accepted and not read, so each costs a socket, and of TLS what one read
 * brings.
 * @bound waiting-connections
 */
export const MAX_WAITING_CONNECTIONS = 1_024;

/** The connections that are one too many, in the order in which they came. */
export class WaitingLine {
  #line: NewConnection[] = [];

  get length(): number {
    return this.#line.length;
  }

  get full(): boolean {
    return this.#line.length >= MAX_WAITING_CONNECTIONS;
  }

  add(connection: NewConnection): void {
    this.#line.push(connection);
  }

  /** Takes the connection whose turn it is out of the line. */
  next(): NewConnection | undefined {
    return this.#line.shift();
  }

  /** For a connection that has given up, or is given up. */
  remove(connection: NewConnection): void {
    this.#line = this.#line.filter((one) => one !== connection);
  }
}
