import { setTimeout } from 'node:timers/promises';
import { LineRate, type Log, OUTAGE_LINES } from '../../exchange/index.ts';

/** Milliseconds after which a broker that has failed is asked again. */
const AGAIN = 500;

/** Waits for the answers of a broker that may fail. Failures are logged. */
export class BrokerAnswers {
  readonly #log: Log;
  readonly #lines = new LineRate(OUTAGE_LINES);
  #stopped = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Ends all waiting: failures are not logged any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Resolves as `coming` does, or with `otherwise` when the broker fails. */
  async orElse<T, E>(coming: Promise<T>, otherwise: E): Promise<T | E> {
    try {
      return await coming;
    } catch (error) {
      if (!this.#stopped) this.#lines.write(this.#log, 'warn', { error: String(error) }, 'broker has failed');
      return otherwise;
    }
  }

  /** Waits until it makes sense to ask a broker again that has failed. */
  async pause(): Promise<void> {
    await setTimeout(AGAIN, null, { ref: false });
  }

  /** Asks until the broker answers: what is not known must not count as nothing. Never resolves once it is stopped. */
  async untilThere<T>(ask: () => Promise<T>): Promise<T> {
    while (!this.#stopped) {
      const found = await this.orElse(ask(), null);
      if (found !== null) return found;
      await this.pause();
    }
    return await new Promise(() => {});
  }
}
