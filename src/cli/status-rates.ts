import type { Status } from '../control/index.ts';
import { bucketsBetween, quantile } from '../exchange/index.ts';

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
  const delivered = bucketsBetween(before.delivery.buckets, after.delivery.buckets);
  return {
    requests: rate('requests'),
    published: rate('itemsPublished'),
    delivered: rate('itemsDelivered'),
    p50: quantile(0.5, delivered),
    p99: quantile(0.99, delivered),
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
