import { type Guarded, guarded } from './guard.ts';

/** Calls back at a steady pace, and keeps no process alive. */
export class Ticker {
  readonly #interval: NodeJS.Timeout;

  /** @param interval in milliseconds @param owner deals with what `onTick` throws; the ticking goes on */
  constructor(interval: number, owner: Guarded, onTick: () => void) {
    this.#interval = setInterval(guarded(owner, onTick), interval);
    this.#interval.unref();
  }

  stop(): void {
    clearInterval(this.#interval);
  }
}
