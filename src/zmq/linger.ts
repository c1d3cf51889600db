import { type Guarded, WheelTimer } from '../clock/index.ts';

/** Calls back when the linger time is over. */
export class Linger extends WheelTimer {
  readonly #owner: Guarded;
  readonly #onTimer: () => void;

  constructor(owner: Guarded, onTimer: () => void) {
    super();
    this.#owner = owner;
    this.#onTimer = onTimer;
  }

  override onTimer(): void {
    this.#onTimer();
  }

  override onFault(thrown: unknown): void {
    this.#owner.onFault(thrown);
  }
}
