import { type Buckets, bucketsBetween, quantile } from '../../../src/exchange/quantile.ts';
import type { Status } from '../api/types.ts';
import type { Sample } from './history.ts';

/** Statuses back to which latencies are taken: one second alone has too few deliveries for a quantile. */
const LATENCY_STATUSES = 10;

/** Roles that serve clients, with the part that counts their requests; '' for the role itself. */
const SERVERS = [
  ['proxy', ''],
  ['edge', 'server'],
  ['mongrel2', 'server'],
] as const;

interface Totals {
  readonly pid: number;
  /** Seconds that the process has run. */
  readonly uptime: number;
  readonly requests: number;
  readonly published: number;
  readonly delivered: number;
}

/** Makes samples of statuses: rates of totals, quantiles of histograms. */
export class Sampler {
  #last: Totals | null = null;
  #pid = 0;
  readonly #deliveries: Buckets[] = [];

  /** The sample of a status. What needs an earlier status of the same process is null without one. */
  sample(status: Status): Sample {
    if (status.pid !== this.#pid) this.#deliveries.length = 0;
    this.#pid = status.pid;
    const totals = totalsOf(status);
    const last = this.#last;
    this.#last = totals;
    const rate = (now: number, before: number | undefined): number | null => {
      // Another process starts counting from zero.
      if (last === null || before === undefined || last.pid !== totals.pid) return null;
      const seconds = totals.uptime - last.uptime;
      return seconds > 0 ? Math.max(0, (now - before) / seconds) : null;
    };
    const [latencyP50, latencyP99] = this.#latencies(status.delivery.buckets);
    return {
      connections: status.connections,
      held: status.held,
      requests: rate(totals.requests, last?.requests),
      published: rate(totals.published, last?.published),
      delivered: rate(totals.delivered, last?.delivered),
      latencyP50,
      latencyP99,
      loopP50: status.eventLoop.p50,
      loopP99: status.eventLoop.p99,
      rss: status.memory.rss,
      heap: status.memory.heapUsed,
    };
  }

  /** p50 and p99 of the last deliveries. */
  #latencies(buckets: Buckets): readonly [number | null, number | null] {
    const first = this.#deliveries[0];
    this.#deliveries.push(buckets);
    if (this.#deliveries.length > LATENCY_STATUSES) this.#deliveries.shift();
    if (first === undefined) return [null, null];
    const since = bucketsBetween(first, buckets);
    return [quantile(0.5, since), quantile(0.99, since)];
  }
}

function totalsOf({ pid, uptime, counters }: Status): Totals {
  return {
    pid,
    uptime,
    requests: SERVERS.reduce((sum, [role, part]) => sum + counted(counters, role, part, 'requests'), 0),
    published: counted(counters, 'proxy', '', 'itemsPublished'),
    delivered: counted(counters, 'proxy', '', 'itemsDelivered'),
  };
}

function counted(counters: Status['counters'], role: string, part: string, name: string): number {
  const ofRole = counters[role];
  const values = part === '' || typeof ofRole !== 'object' ? ofRole : ofRole[part];
  const value = typeof values === 'object' ? values[name] : undefined;
  return typeof value === 'number' ? value : 0;
}
