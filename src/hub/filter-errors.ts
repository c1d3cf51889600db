import { type ClientNames, type Counters, clientNames, LineRate, type Log } from '../exchange/index.ts';

/** Counts and logs what filters of clients cannot be applied to: one item may have an error for each of thousands of clients. */
export class FilterErrors {
  readonly #counters: Pick<Counters, 'filterErrors'>;
  readonly #log: Log;
  readonly #lines = new LineRate();

  constructor(counters: Pick<Counters, 'filterErrors'>, log: Log) {
    this.#counters = counters;
    this.#log = log;
  }

  /**
   * @param message what becomes of the item or the response
   */
  note(client: ClientNames, channel: string | undefined, problem: string, message = 'item dropped by a filter'): void {
    const errors = ++this.#counters.filterErrors;
    this.#lines.write(this.#log, 'info', { ...clientNames(client), channel, problem, errors }, message);
  }
}
