import { Histogram } from './histogram.ts';

/** The numbers of a `RouteStats`. */
type RouteCounts = Pick<RouteStats, 'requests' | 'failures' | 'refused' | 'limited' | 'statuses' | 'latency'>;

/** What is counted for each route. */
export class RouteStats {
  /** Requests of clients. */
  requests = 0;
  /** Requests that no target gave a valid response to. */
  failures = 0;
  /** Requests without a valid token. */
  refused = 0;
  /** Requests above the limit for one client. */
  limited = 0;
  /** Responses of origins by the first digit of their status. */
  readonly statuses: number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  /** From sending a request until the head of the response. */
  readonly latency = new Histogram();

  /** @param ms from sending the request until the head of the response */
  responded(status: number, ms: number): void {
    const digit = Math.floor(status / 100) % 10;
    this.statuses[digit] = (this.statuses[digit] as number) + 1;
    this.latency.observe(ms);
  }

  /** Adds what another one has counted. */
  add({ requests, failures, refused, limited, statuses, latency }: RouteCounts): void {
    this.requests += requests;
    this.failures += failures;
    this.refused += refused;
    this.limited += limited;
    for (let i = 0; i < this.statuses.length; i++) this.statuses[i] = (this.statuses[i] as number) + (statuses[i] ?? 0);
    this.latency.add(latency);
  }
}

/** The stats of all routes by their names. They outlive a change of the routes. */
export class RouteStatsTable {
  readonly #byName = new Map<string, RouteStats>();

  /** The stats of the route with this name, which are made when there are none. */
  of(name: string): RouteStats {
    let stats = this.#byName.get(name);
    if (stats === undefined) {
      stats = new RouteStats();
      this.#byName.set(name, stats);
    }
    return stats;
  }

  /** Forgets the stats of all routes but those with these names. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#byName.keys()) if (!names.has(name)) this.#byName.delete(name);
  }

  /** Forgets the stats of a route that is gone. */
  forget(name: string): void {
    this.#byName.delete(name);
  }

  entries(): Iterable<[string, RouteStats]> {
    return this.#byName;
  }
}
