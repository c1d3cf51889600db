import type { Status } from '../control/index.ts';

/** What happened between two statuses, for each second. */
export interface StatusRates {
  readonly requests: number;
  readonly published: number;
  readonly delivered: number;
  /** Seconds from accepting an item until it was delivered; null if none was. */
  readonly p50: number | null;
  readonly p99: number | null;
}

/** What happened from one status to a later one. Null for those of two processes. */
export function ratesBetween(before: Status, after: Status): StatusRates | null {
  const seconds = after.uptime - before.uptime;
  if (seconds <= 0 || before.started !== after.started) return null;
  const rate = (counter: string): number => Math.max(0, sumOf(after, counter) - sumOf(before, counter)) / seconds;
  return {
    requests: rate('requests'),
    published: rate('itemsPublished'),
    delivered: rate('itemsDelivered'),
    p50: quantileBetween(before, after, 0.5),
    p99: quantileBetween(before, after, 0.99),
  };
}

/** A counter of all roles but the control port, whose requests are not those of clients. */
function sumOf({ counters }: Status, counter: string): number {
  let sum = 0;
  for (const [role, values] of Object.entries(counters)) if (role !== 'control') sum += sumIn(values, counter);
  return sum;
}

function sumIn(values: unknown, counter: string): number {
  let sum = 0;
  for (const [name, value] of Object.entries(values as Record<string, unknown>)) {
    if (typeof value === 'object' && value !== null) sum += sumIn(value, counter);
    else if (name === counter && typeof value === 'number') sum += value;
  }
  return sum;
}

/** The observations of a bucket are taken to be spread evenly over it, as Prometheus does. */
function quantileBetween(before: Status, after: Status, share: number): number | null {
  const buckets = after.delivery.buckets.map(({ le, count }, i) => {
    return { le, count: count - (before.delivery.buckets[i]?.count ?? 0) };
  });
  const total = buckets.at(-1)?.count ?? 0;
  if (total <= 0) return null;
  const rank = share * total;
  let lower = 0;
  let below = 0;
  for (const { le, count } of buckets) {
    if (count >= rank)
      return le === null ? lower : lower + ((le - lower) * (rank - below)) / Math.max(1, count - below);
    lower = le ?? lower;
    below = count;
  }
  return lower;
}
