import { type AwaitsTurn, attempt, Ticker, turnBudget } from '../clock/index.ts';
import type { Mongrel2Connection } from './mongrel2-connection.ts';
import type { Site } from './site.ts';

/** Looks that make a round: each looks at one part of the connections. */
const PARTS = 10;

/** Connections that are ended in one turn when the site drains. */
const SLICE = 256;

/** Milliseconds between two looks when it drains. */
const DRAIN_TICK = 1_000;

/** Looks during which a handler may complete the responses that it has begun. */
const PATIENCE = 5;

/**
 * Ends connections that do too little: `min_ping`, `min_read_rate`, `min_write_rate`, `kill_limit` (reference §3.3). It looks at all of them within `tick_timer`,
 * a part at a time. Once the site drains it ends all that have their responses.
 */
export class ConnectionKiller implements AwaitsTurn {
  readonly #site: Site;
  readonly #ticker: Ticker;
  /** Looks at all connections, again and again, once the site drains. */
  #drainTicker: Ticker | null = null;
  #drainLooks = 0;
  /** Connections that the present one of these has not come to yet. */
  #rest: IterableIterator<Mongrel2Connection> | null = null;

  constructor(site: Site) {
    this.#site = site;
    const milliseconds = (site.settings.tickTimer * 1_000) / PARTS;
    this.#ticker = new Ticker(milliseconds, this, () => this.#onTick());
  }

  /** Ends connections that have their responses, now and later. */
  drain(): void {
    if (this.#drainTicker !== null) return;
    this.#drainTicker = new Ticker(DRAIN_TICK, this, () => this.#lookAtAll());
    this.#lookAtAll();
  }

  #lookAtAll(): void {
    if (this.#rest !== null) return;
    this.#drainLooks++;
    this.#rest = this.#site.connections.all();
    this.onTurn();
  }

  stop(): void {
    this.#ticker.stop();
    this.#drainTicker?.stop();
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
    if (this.#drainTicker !== null && this.#hasResponses(connection)) {
      connection.end('HF_DRAINING');
      return;
    }
    const { settings, counters, log } = this.#site;
    const failed = connection.failedTests();
    if (failed <= settings.killLimit) return;
    counters.clientsKilled++;
    log.info({ id: connection.id, peer: connection.client?.peer.address, failed }, 'inactive client cut off');
    connection.cutOff('HF_EXCHANGE_TIMEOUT');
  }

  #hasResponses({ awaits, responding }: Mongrel2Connection): boolean {
    return !awaits && !(responding && this.#drainLooks <= PATIENCE);
  }

  onFault(thrown: unknown): void {
    this.#site.fault(thrown);
  }
}

function look(connection: Mongrel2Connection, killer: ConnectionKiller): void {
  killer.look(connection);
}
