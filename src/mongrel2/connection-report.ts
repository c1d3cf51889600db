import { type AwaitsTurn, turnBudget } from '../clock/index.ts';
import { encode, integerElement } from '../codec/tnetstring/index.ts';

/** What is known of an open connection. Times are in whole seconds. */
export interface ConnectionStatus {
  readonly id: number;
  /** What is spoken on it. */
  readonly type: ConnectionType;
  /** Since the last request or message of the client. */
  readonly lastPing: number;
  /** Since the last byte was read, or written. */
  readonly lastRead: number;
  readonly lastWrite: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** HTTP, or WebSockets and sockets with JSON or XML. */
export type ConnectionType = 'http' | 'socket';

/** Rows that are written in one turn of the event loop: half a millisecond. */
const SLICE = 1_000;

const HEADERS = ['id', 'fd', 'type', 'last_ping', 'last_read', 'last_write', 'bytes_read', 'bytes_written'];

/** The numbers of the types, as Mongrel2 has them. */
const TYPES = { http: 1, socket: 3 };

/** The number of the descriptor is not known here. */
const NO_DESCRIPTOR = '2:-1#';

/** Writes the table of all connections (`status` with `what=net`), a share of the rows in each turn. */
export class ConnectionReport implements AwaitsTurn {
  readonly #connections: Iterator<ConnectionStatus>;
  readonly #done: (reply: Buffer) => void;
  readonly #failed: (thrown: unknown) => void;
  #rows: string[] = [];
  #left: number;

  /**
   * @param connections may change meanwhile
   * @param count of connections at first, which is the most that are reported
   */
  constructor(
    connections: Iterable<ConnectionStatus>,
    count: number,
    done: (reply: Buffer) => void,
    failed: (thrown: unknown) => void,
  ) {
    this.#connections = connections[Symbol.iterator]();
    this.#left = count;
    this.#done = done;
    this.#failed = failed;
  }

  /** Begins the report. The reply may come before it returns. */
  start(): void {
    this.onTurn();
  }

  onTurn(): void {
    for (let i = 0; i < SLICE; i++) {
      const next = this.#left > 0 ? this.#connections.next() : null;
      if (next === null || next.done === true) {
        this.#finish();
        return;
      }
      this.#left--;
      this.#rows.push(rowText(next.value));
    }
    turnBudget.wait(this);
  }

  onFault(thrown: unknown): void {
    this.#failed(thrown);
  }

  #finish(): void {
    const rows = this.#rows.join('');
    const members = `7:headers,${encode(HEADERS).toString('latin1')}4:rows,${rows.length}:${rows}]`;
    this.#done(Buffer.from(`${members.length}:${members}}`, 'latin1'));
  }
}

function rowText(status: ConnectionStatus): string {
  const { id, type, lastPing, lastRead, lastWrite, bytesRead, bytesWritten } = status;
  let row = integerElement(id) + NO_DESCRIPTOR + integerElement(TYPES[type]);
  row += integerElement(lastPing) + integerElement(lastRead) + integerElement(lastWrite);
  row += integerElement(bytesRead) + integerElement(bytesWritten);
  return `${row.length}:${row}]`;
}
