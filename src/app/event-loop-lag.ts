import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** Milliseconds between two looks at the event loop. */
const RESOLUTION = 20;

/** Milliseconds after which what was measured makes room for the present. */
const WINDOW = 10_000;

/** Measures how late the turns of the event loop are, from the first time that somebody asks. */
export class EventLoopLag {
  #histogram: IntervalHistogram | null = null;
  #since = 0;

  /** Seconds, of the last ten at most. Zeros at first. */
  get quantiles(): { readonly p50: number; readonly p99: number } {
    if (this.#histogram === null) {
      this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
      this.#histogram.enable();
    }
    const histogram = this.#histogram;
    const p50 = lateness(histogram.percentile(50));
    const p99 = lateness(histogram.percentile(99));
    const now = performance.now();
    if (now - this.#since > WINDOW) {
      this.#since = now;
      histogram.reset();
    }
    return { p50, p99 };
  }

  stop(): void {
    this.#histogram?.disable();
  }
}

/** The timer behind it is due after `RESOLUTION`: what it was later by, in seconds. */
function lateness(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - RESOLUTION / 1_000);
}
