import { type Guarded, guarded } from './guarded.ts';

/** Calls back at a steady interval without keeping the process alive. */
export class Ticker {
  readonly #interval: NodeJS.Timeout;

  /** @param interval in milliseconds @param owner handles exceptions from `onTick`; the ticker continues */
  constructor(interval: number, owner: Guarded, onTick: () => void) {
    this.#interval = setInterval(guarded(owner, onTick), interval);
    this.#interval.unref();
  }

  stop(): void {
    clearInterval(this.#interval);
  }
}
