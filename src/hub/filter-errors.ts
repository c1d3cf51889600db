import { type Counters, type Log, TokenBucket } from '../exchange/index.ts';

/** Lines in the log a second: one item may have an error for each of thousands of clients. */
const LINES = 10;

/** Counts and logs what filters of clients cannot be applied to. */
export class FilterErrors {
  readonly #counters: Pick<Counters, 'filterErrors'>;
  readonly #log: Log;
  readonly #bucket = new TokenBucket();

  constructor(counters: Pick<Counters, 'filterErrors'>, log: Log) {
    this.#counters = counters;
    this.#log = log;
  }

  /**
   * @param id of the client's request
   * @param message what becomes of the item or the response
   */
  note(id: string, channel: string | undefined, problem: string, message = 'item dropped by a filter'): void {
    const errors = ++this.#counters.filterErrors;
    const level = this.#bucket.take(LINES, LINES, performance.now()) ? 'info' : 'debug';
    if (level === 'info' || this.#log.debugEnabled) this.#log[level]({ id, channel, problem, errors }, message);
  }
}
