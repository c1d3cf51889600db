import { type AtTurnEnd, attempt, type Guarded, type TurnQueue } from '../clock/index.ts';
import { type FaultReport, reportFault } from '../exchange/index.ts';

/**
 * Bytes that the WebSockets of one server hold for clients that take nothing; each frame costs at least 256. Beyond it those that hold the
 * most are ended, until a quarter of it is free.
 * @bound websocket-unsent-total
 */
export const MAX_UNSENT_BYTES = 268_435_456;

/** What a frame costs at least. */
const MIN_COST = 256;

/** A connection whose client takes nothing. */
export interface StalledConnection extends Guarded {
  /** Ends it. `detail` says why. */
  cutStalled(detail: string): void;
}

/** What a budget needs of its server. */
export interface BudgetHost extends FaultReport {
  readonly turn: TurnQueue;
}

/** Counts what waits in the sockets of all WebSockets whose clients take nothing. */
export class UnsentBudget implements AtTurnEnd {
  used = 0;
  readonly #max: number;
  readonly #host: BudgetHost;
  readonly #held = new Map<StalledConnection, number>();
  /** Whether `onTurnEnd` is going to be called. */
  #shedding = false;

  constructor(host: BudgetHost, max = MAX_UNSENT_BYTES) {
    this.#host = host;
    this.#max = max;
  }

  /** `connection` holds so many bytes more, in one frame or more. */
  hold(connection: StalledConnection, bytes: number): void {
    const cost = Math.max(MIN_COST, bytes);
    this.#held.set(connection, (this.#held.get(connection) ?? 0) + cost);
    this.used += cost;
    if (this.used <= this.#max || this.#shedding) return;
    // Not within a call for one connection, which may be one of many.
    this.#shedding = true;
    this.#host.turn.add(this);
  }

  /** The client of `connection` has taken everything, or is gone. */
  release(connection: StalledConnection): void {
    this.used -= this.#held.get(connection) ?? 0;
    this.#held.delete(connection);
  }

  /** Ends the connections that hold the most. */
  onTurnEnd(): void {
    this.#shedding = false;
    if (this.used <= this.#max) return;
    const { log } = this.#host;
    log.warn({ bytes: this.used, webSockets: this.#held.size }, 'clients take too little, WebSockets are ended');
    const most = [...this.#held].sort(([, one], [, other]) => other - one);
    for (const [connection] of most) {
      if (this.used <= (this.#max * 3) / 4) break;
      this.release(connection);
      attempt(connection, cut);
    }
  }

  onFault(thrown: unknown): void {
    reportFault(this.#host, thrown);
  }
}

function cut(connection: StalledConnection): void {
  connection.cutStalled('held the most when too much was held for all clients');
}
