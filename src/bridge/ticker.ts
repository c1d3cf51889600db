import { type TimerWheel, WheelTimer } from '../net/index.ts';

/** Calls back at a steady pace, as coarse as the wheel. */
export class Ticker extends WheelTimer {
  readonly #wheel: TimerWheel;
  readonly #interval: number;
  readonly #onTick: () => void;

  /** @param interval in milliseconds */
  constructor(wheel: TimerWheel, interval: number, onTick: () => void) {
    super();
    this.#wheel = wheel;
    this.#interval = interval;
    this.#onTick = onTick;
    wheel.schedule(this, interval);
  }

  override onTimer(): void {
    this.#wheel.schedule(this, this.#interval);
    this.#onTick();
  }

  stop(): void {
    this.#wheel.cancel(this);
  }
}
