import type { Buckets } from './quantile.ts';

/** Upper ends of the buckets, in seconds. */
const BOUNDS: readonly number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

/** How often durations fell into fixed ranges. Observing one costs a few comparisons. */
export class Histogram {
  static readonly bounds = BOUNDS;
  /** Observations for each of `bounds` and for what is longer; not added up. */
  readonly counts: number[] = new Array(BOUNDS.length + 1).fill(0);
  /** Seconds, of all observations. */
  sum = 0;
  count = 0;

  /** The observations added up from the least bound to the last. */
  static bucketsOf({ counts }: Pick<Histogram, 'counts'>): Buckets {
    let below = 0;
    return counts.map((own, i) => {
      below += own;
      return { le: BOUNDS[i] ?? null, count: below };
    });
  }

  /** @param ms the duration in milliseconds */
  observe(ms: number): void {
    const seconds = ms / 1000;
    let bucket = 0;
    while (bucket < BOUNDS.length && seconds > (BOUNDS[bucket] as number)) bucket++;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += seconds;
    this.count++;
  }

  /** Adds what another one has observed. */
  add({ counts, sum, count }: Pick<Histogram, 'counts' | 'sum' | 'count'>): void {
    for (let i = 0; i < this.counts.length; i++) this.counts[i] = (this.counts[i] as number) + (counts[i] ?? 0);
    this.sum += sum;
    this.count += count;
  }
}
