import { constants, type IntervalHistogram, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { type ErrorCount, errorCounts } from '../../exchange/index.ts';
import { openFileCount, openFileLimit } from '../open-files.ts';

/** Milliseconds between two looks at how late the event loop is. Looking costs about 5 ms of CPU time in a second. */
const RESOLUTION = 20;

/** Milliseconds for which quantiles are taken at least, so that readers of different pace do not take each other's. */
const WINDOW_TIME = 10_000;

const NANOSECONDS = 1e9;

const HEAP_LIMIT = getHeapStatistics().heap_size_limit;

/** How late the event loop was, in seconds. */
export interface LoopLag {
  /** Quantiles of the last 10 s, or of the time since the reader before. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  /** Since the start: of all looks together. */
  readonly sum: number;
  /** Looks since the start. */
  readonly count: number;
}

/** Work of the garbage collector since the start. */
export interface Collections {
  runs: number;
  seconds: number;
}

/** What a process says of itself. It can be sent as JSON. */
export interface ProcessReport {
  /** Seconds of CPU time. */
  readonly cpu: number;
  /** When the process started, in seconds since 1970. */
  readonly started: number;
  /** Bytes. */
  readonly memory: {
    readonly rss: number;
    readonly heapUsed: number;
    readonly heapTotal: number;
    /** At this size of the heap the process ends. */
    readonly heapLimit: number;
    readonly external: number;
  };
  /** Null where the system does not say. */
  readonly openFiles: { readonly used: number | null; readonly limit: number | null };
  readonly lag: LoopLag;
  readonly collections: Readonly<Record<CollectionKind, Collections>>;
  readonly errors: readonly (readonly [string, ErrorCount])[];
}

/** What the garbage collector may do. */
export type CollectionKind = 'minor' | 'major' | 'incremental' | 'weakcb';

const KINDS: Readonly<Record<number, CollectionKind>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

/** What Node says of one run of the garbage collector. */
interface GarbageEntry {
  /** Milliseconds. */
  readonly duration: number;
  readonly detail: { readonly kind: number };
}

const NO_LAG: LoopLag = { p50: 0, p90: 0, p99: 0, max: 0, sum: 0, count: 0 };

/** Watches this process. Watching costs a little, so there is none without a control port. */
export class ProcessMonitor {
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION });
  readonly #collections = {
    minor: { runs: 0, seconds: 0 },
    major: { runs: 0, seconds: 0 },
    incremental: { runs: 0, seconds: 0 },
    weakcb: { runs: 0, seconds: 0 },
  };
  readonly #observer = new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries() as unknown as readonly GarbageEntry[]) {
      const kind = KINDS[detail.kind];
      if (kind === undefined) continue;
      this.#collections[kind].runs++;
      this.#collections[kind].seconds += duration / 1000;
    }
  });
  readonly #limit = openFileLimit();
  /** Of the windows that are over. */
  #before = { sum: 0, count: 0 };
  #lastWindow: LoopLag | null = null;
  #windowStart = performance.now();

  start(): void {
    this.#delays.enable();
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  stop(): void {
    this.#delays.disable();
    this.#observer.disconnect();
  }

  get report(): ProcessReport {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    return {
      cpu: (user + system) / 1e6,
      started: performance.timeOrigin / 1000,
      memory: { rss, heapUsed, heapTotal, heapLimit: HEAP_LIMIT, external },
      openFiles: { used: openFileCount(), limit: this.#limit },
      lag: this.#lag(performance.now()),
      collections: this.#collections,
      errors: [...errorCounts.entries()],
    };
  }

  #lag(now: number): LoopLag {
    const current = this.#window();
    if (now - this.#windowStart >= WINDOW_TIME) {
      this.#windowStart = now;
      this.#delays.reset();
      this.#before = { sum: current.sum, count: current.count };
      this.#lastWindow = current;
    }
    const { sum, count } = current;
    return { ...(this.#lastWindow ?? current), sum, count };
  }

  /** The window until now, with the sums since the start. */
  #window(): LoopLag {
    const delays = this.#delays;
    const { count } = delays;
    if (count === 0) return { ...NO_LAG, ...this.#before };
    return {
      p50: late(delays.percentile(50)),
      p90: late(delays.percentile(90)),
      p99: late(delays.percentile(99)),
      max: late(delays.max),
      sum: this.#before.sum + late(delays.mean) * count,
      count: this.#before.count + count,
    };
  }
}

/** The histogram has the times between two looks. */
function late(nanoseconds: number): number {
  return Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION / 1000);
}
