import type { Log } from '../exchange/index.ts';
import { openFileCount, openFileLimit } from './open-files.ts';

/** Milliseconds between two looks. */
const INTERVAL = 1_000;

/** A share of the limit that is worth a record, once, until the number is well below it again. */
interface Threshold {
  readonly share: number;
  readonly level: 'warn' | 'error';
}

const THRESHOLDS: readonly Threshold[] = [
  { share: 0.8, level: 'warn' },
  { share: 0.95, level: 'error' },
];

/** How far below a threshold, as a share of the limit, the number has to fall before reaching it is news again. */
const MARGIN = 0.05;

/** What is looked at; tests have their own. */
export interface Descriptors {
  readonly limit: () => number | null;
  readonly count: () => number | null;
}

const OWN: Descriptors = { limit: openFileLimit, count: openFileCount };

/**
 * Warns before this process has used up its file descriptors. At the limit the kernel accepts connections no more, and names cannot be looked up, which
 * looks like a failure of something else.
 */
export class DescriptorWatch {
  readonly #log: Log;
  readonly #descriptors: Descriptors;
  readonly #limit: number | null;
  #timer: NodeJS.Timeout | null = null;
  /** How many of the thresholds have been reported. */
  #reported = 0;

  constructor(log: Log, descriptors: Descriptors = OWN) {
    this.#log = log;
    this.#descriptors = descriptors;
    this.#limit = descriptors.limit();
  }

  /** Looks once a second. */
  start(): void {
    if (this.#limit !== null) this.#timer = setInterval(this.look, INTERVAL).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** Compares the number of open files with the limit. */
  readonly look = (): void => {
    const limit = this.#limit;
    const used = this.#descriptors.count();
    if (limit === null || used === null) return;
    const share = used / limit;
    while (this.#reported > 0 && share < (THRESHOLDS[this.#reported - 1] as Threshold).share - MARGIN) this.#reported--;
    let reached: Threshold | null = null;
    for (let next = THRESHOLDS[this.#reported]; next !== undefined && share >= next.share; ) {
      reached = next;
      next = THRESHOLDS[++this.#reported];
    }
    if (reached === null) return;
    const record = { code: 'HF_OPEN_FILES', used, limit };
    this.#log[reached.level](
      record,
      'file descriptors are running out: raise the limit of open files (LimitNOFILE=, ulimit -n) or lower max_connections',
    );
  };
}
