import type { ConnectionStatus } from './connection-report.ts';
import type { Mongrel2Connection } from './mongrel2-connection.ts';

/** The connections that handlers have been given, by number. */
export class ConnectionTable {
  readonly #connections = new Map<number, Mongrel2Connection>();
  #count = 0;
  /** Where the next share begins: such an iterator goes on whatever is added and removed. */
  #next: IterableIterator<Mongrel2Connection> | null = null;

  get size(): number {
    return this.#connections.size;
  }

  /** A number that no other connection has, or had. They rise. */
  nextId(): number {
    return ++this.#count;
  }

  add(connection: Mongrel2Connection): void {
    this.#connections.set(connection.id, connection);
  }

  get(id: number): Mongrel2Connection | undefined {
    return this.#connections.get(id);
  }

  remove(connection: Mongrel2Connection): void {
    this.#connections.delete(connection.id);
  }

  /** All connections. It may be read over several turns of the event loop. */
  all(): IterableIterator<Mongrel2Connection> {
    return this.#connections.values();
  }

  /** What is known of each of them. */
  *statuses(): Iterable<ConnectionStatus> {
    for (const connection of this.all()) yield connection.status;
  }

  /** Cuts a connection; its handlers get the notice. Returns false if there is none of that number. */
  kill(id: number): boolean {
    const connection = this.get(id);
    connection?.cutOff();
    return connection !== undefined;
  }

  /** The next connections in the table, one for each of `parts` that make a round; the last part ends at the end of the table. */
  nextShare(parts: number): Mongrel2Connection[] {
    const share: Mongrel2Connection[] = [];
    this.#next ??= this.all();
    for (let left = Math.ceil(this.size / parts); left > 0; left--) {
      const { value, done } = this.#next.next();
      if (done === true) {
        this.#next = null;
        break;
      }
      share.push(value);
    }
    return share;
  }
}
