import { setTimeout } from 'node:timers/promises';
import { LineRate, type Log, OUTAGE_LINES } from '../exchange/index.ts';

/** Milliseconds after which is asked again what a broker that failed was asked. */
const AGAIN = 500;

/** Answers of a broker that may fail, which is logged. */
export class BrokerAnswers {
  readonly #log: Log;
  readonly #lines = new LineRate(OUTAGE_LINES);
  #stopped = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Nobody waits any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** What comes, or something else when the broker fails. */
  async orElse<T, E>(coming: Promise<T>, otherwise: E): Promise<T | E> {
    try {
      return await coming;
    } catch (error) {
      if (!this.#stopped) this.#lines.write(this.#log, 'warn', { error: String(error) }, 'broker has failed');
      return otherwise;
    }
  }

  /** What comes when the broker is there: nobody is to take what is not known for nothing. Never, once it is stopped. */
  async untilThere<T>(ask: () => Promise<T>): Promise<T> {
    while (!this.#stopped) {
      const found = await this.orElse(ask(), null);
      if (found !== null) return found;
      await setTimeout(AGAIN, null, { ref: false });
    }
    return await new Promise(() => {});
  }
}
