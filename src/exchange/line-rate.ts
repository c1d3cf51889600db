import type { Log } from './log.ts';
import { TokenBucket } from './token-bucket.ts';

/** Lines a second, and at once. */
const LINES = 10;

/** Lines a second about what fails again and again for as long as a peer is away: one each 10 s. */
export const OUTAGE_LINES = 0.1;

/** Lines of one kind in the log: a peer that sends what is wrong again and again must not fill it. What it does is counted besides. */
export class LineRate {
  readonly #bucket = new TokenBucket();
  readonly #lines: number;

  /** @param lines a second, and at once, but at least one */
  constructor(lines = LINES) {
    this.#lines = lines;
  }

  /** Writes a record: at this level while there are no more than so many a second, and at `debug` beyond. */
  write(log: Log, level: 'warn' | 'info', fields: Record<string, unknown>, message: string): void {
    const isDue = this.#bucket.take(this.#lines, Math.max(1, this.#lines), performance.now());
    log[isDue ? level : 'debug'](fields, message);
  }
}
