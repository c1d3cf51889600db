import type { Log } from './log.ts';
import { TokenBucket } from './token-bucket.ts';

/** Lines a second, and at once. */
const LINES = 10;

/** Lines of one kind in the log: a peer that sends what is wrong again and again must not fill it. What it does is counted besides. */
export class LineRate {
  readonly #bucket = new TokenBucket();

  /** Writes a record: at this level while there are no more than ten a second, and at `debug` beyond. */
  write(log: Log, level: 'warn' | 'info', fields: Record<string, unknown>, message: string): void {
    log[this.#bucket.take(LINES, LINES, performance.now()) ? level : 'debug'](fields, message);
  }
}
