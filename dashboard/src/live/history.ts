/** What is plotted. */
export const METRICS = [
  'connections',
  'held',
  'requests',
  'published',
  'delivered',
  'latencyP50',
  'latencyP99',
  'loopP50',
  'loopP99',
  'rss',
  'heap',
] as const;

export type Metric = (typeof METRICS)[number];

/** The values at one time. Null is not known: no point is drawn, and no line through it. */
export type Sample = Readonly<Record<Metric, number | null>>;

/** Seconds without a sample that break the line. */
const BREAK = 5;

const UNKNOWN = Object.fromEntries(METRICS.map((metric) => [metric, null])) as Sample;

/** The last samples, oldest first. The oldest makes room for the newest, so the page never grows. */
export class History {
  /** Samples that are kept. */
  readonly capacity: number;
  /** Seconds since 1970. */
  readonly #times: number[] = [];
  readonly #samples: Sample[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#times.length;
  }

  /** Seconds between the oldest and the newest sample. */
  get age(): number {
    return this.#times.length === 0 ? 0 : (this.#times.at(-1) as number) - (this.#times[0] as number);
  }

  /** Adds a sample. One that is not newer than the last replaces what is not older than it: the server's clock was set back. */
  push(time: number, sample: Sample): void {
    while (this.#times.length > 0 && (this.#times.at(-1) as number) >= time) {
      this.#times.pop();
      this.#samples.pop();
    }
    const last = this.#times.at(-1);
    if (last !== undefined && time - last > BREAK) this.#append((last + time) / 2, UNKNOWN);
    this.#append(time, sample);
  }

  /** The times of the last `seconds`, then the values of each of `metrics`, as uPlot takes them. */
  columns(metrics: readonly Metric[], seconds: number): [number[], ...(number | null)[][]] {
    const from = (this.#times.at(-1) ?? 0) - seconds;
    const first = this.#times.findIndex((time) => time >= from);
    if (first < 0) return [[], ...metrics.map(() => [])];
    const samples = this.#samples.slice(first);
    return [this.#times.slice(first), ...metrics.map((metric) => samples.map((sample) => sample[metric]))];
  }

  #append(time: number, sample: Sample): void {
    this.#times.push(time);
    this.#samples.push(sample);
    if (this.#times.length <= this.capacity) return;
    this.#times.shift();
    this.#samples.shift();
  }
}
