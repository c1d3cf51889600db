import { type ClusterCounters, LEAST_COST, LineRate, type Log } from '../../exchange/index.ts';

/**
 * Bytes of the questions of clients that wait for the broker: each costs 256 and two for each character of the names of its channels, or of its patterns. Clients that come back while the broker is away ask again and again, and
 * their former questions still wait.
 * @bound cluster-waiting-reads
 */
export const WAITING_BYTES = 67_108_864;

/** Bounds the questions that wait for the broker. */
export class WaitingReads {
  readonly #counters: ClusterCounters;
  readonly #log: Log;
  readonly #lines = new LineRate();
  #bytes = 0;

  constructor(counters: ClusterCounters, log: Log) {
    this.#counters = counters;
    this.#log = log;
  }

  /** Bytes of the questions that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A question about these channels waits until the result is called; null where there is no room for it. */
  enter(names: readonly string[]): (() => void) | null {
    const cost = names.reduce((sum, name) => sum + 2 * name.length, LEAST_COST);
    if (this.#bytes + cost > WAITING_BYTES) {
      this.#counters.readsRefused++;
      const { readsRefused: reads } = this.#counters;
      this.#lines.write(this.#log, 'warn', { reads }, 'too many clients wait for the broker: one is told of a gap');
      return null;
    }
    this.#bytes += cost;
    return () => {
      this.#bytes -= cost;
    };
  }
}
