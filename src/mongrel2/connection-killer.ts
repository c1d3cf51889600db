import { type AwaitsTurn, attempt, Ticker, turnBudget } from '../clock/index.ts';
import type { Mongrel2Connection } from './mongrel2-connection.ts';
import type { Site } from './site.ts';

/** Looks that make a round: each looks at one part of the connections. */
const PARTS = 10;

/** Connections that are ended in one turn when the site drains. */
const SLICE = 256;

/**
 * Ends connections that do too little: `min_ping`, `min_read_rate`, `min_write_rate`, `kill_limit` (reference §3.3). It looks at all of them within `tick_timer`,
 * a part at a time. Once the site drains it ends all that await nothing.
 */
export class ConnectionKiller implements AwaitsTurn {
  readonly #site: Site;
  readonly #ticker: Ticker;
  #draining = false;
  /** Connections that draining has not looked at yet. */
  #rest: IterableIterator<Mongrel2Connection> | null = null;

  constructor(site: Site) {
    this.#site = site;
    const milliseconds = (site.settings.tickTimer * 1_000) / PARTS;
    this.#ticker = new Ticker(milliseconds, this, () => this.#onTick());
  }

  /** Ends connections that await no answer, now and later. */
  drain(): void {
    this.#draining = true;
    this.#rest = this.#site.connections.all();
    this.onTurn();
  }

  stop(): void {
    this.#ticker.stop();
    this.#rest = null;
  }

  #onTick(): void {
    for (const connection of this.#site.connections.nextShare(PARTS)) attempt(connection, look, this);
  }

  onTurn(): void {
    for (let left = SLICE; left > 0; left--) {
      const { value, done = true } = this.#rest?.next() ?? {};
      if (done) {
        this.#rest = null;
        return;
      }
      attempt(value as Mongrel2Connection, look, this);
    }
    turnBudget.wait(this);
  }

  look(connection: Mongrel2Connection): void {
    if (this.#draining && !connection.awaiting) {
      connection.end();
      return;
    }
    const { settings, counters, log } = this.#site;
    const failed = connection.failedTests();
    if (failed <= settings.killLimit) return;
    counters.clientsKilled++;
    log.info({ id: connection.id, peer: connection.client?.peer.address, failed }, 'inactive client cut off');
    connection.cutOff();
  }

  onFault(thrown: unknown): void {
    this.#site.fault(thrown);
  }
}

function look(connection: Mongrel2Connection, killer: ConnectionKiller): void {
  killer.look(connection);
}
