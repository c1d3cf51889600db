import { type AtTurnEnd, fault, type TurnQueue } from '../clock/index.ts';
import type { Connection } from './served-connection.ts';

/**
 * Ends a connection between two requests, but not before the event loop has polled once more: a request that had arrived by then has
 * begun, and gets its response (RFC 9112 §9.5).
 */
export class LastLook implements AtTurnEnd {
  readonly #connection: Connection;
  readonly #turn: TurnQueue;
  readonly #end: () => void;
  #polled = false;

  /** @param end ends the connection if it is still between two requests */
  constructor(connection: Connection, turn: TurnQueue, end: () => void) {
    this.#connection = connection;
    this.#turn = turn;
    this.#end = end;
    turn.add(this);
  }

  onTurnEnd(): void {
    // The turn in which this began may have polled already.
    if (this.#polled) this.#end();
    else this.#turn.add(this);
    this.#polled = true;
  }

  onFault(thrown: unknown): void {
    fault(this.#connection, thrown);
  }
}
