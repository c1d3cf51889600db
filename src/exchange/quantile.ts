/** How many observations were at most `le` seconds, from the least bound to the last, which is null: all of them. */
export type Buckets = readonly { readonly le: number | null; readonly count: number }[];

/**
 * The duration, in seconds, that a part of the observations did not exceed, as Prometheus estimates it; null without observations.
 *
 * Between two bounds the observations are taken as spread evenly. What is beyond the last bound counts as that bound.
 * @param part from 0 to 1
 */
export function quantile(part: number, buckets: Buckets): number | null {
  const rank = part * (buckets.at(-1)?.count ?? 0);
  if (rank <= 0) return null;
  let lower = 0;
  let before = 0;
  for (const { le, count } of buckets) {
    if (le === null) break;
    if (count >= rank) return lower + ((le - lower) * (rank - before)) / (count - before);
    lower = le;
    before = count;
  }
  return lower;
}

/** What came between two states of a histogram. */
export function bucketsBetween(before: Buckets, after: Buckets): Buckets {
  return after.map(({ le, count }, i) => ({ le, count: Math.max(0, count - (before[i]?.count ?? 0)) }));
}
