import { type TimerWheel, WheelTimer } from './timer-wheel.ts';

const NEVER = Number.POSITIVE_INFINITY;

/**
 * A timer with one deadline at a time, which is looked at lazily: moving it further away, as every request does, is one write, and
 * the wheel may call earlier and find nothing.
 */
export abstract class DeadlineTimer extends WheelTimer {
  readonly #wheel: TimerWheel;
  /** By the wheel's clock. */
  #deadline = NEVER;
  /** When the wheel calls, by its clock: not after the deadline, perhaps before it. */
  #calledAt = NEVER;

  constructor(wheel: TimerWheel) {
    super();
    this.#wheel = wheel;
  }

  /** The deadline has passed; it is set no more. */
  protected abstract onDeadline(): void;

  /** Whether the deadline has passed already, even if the wheel has not called yet. */
  get expired(): boolean {
    return this.#deadline <= this.#wheel.now;
  }

  /** Lets `onDeadline` be called in `seconds`, instead of what was set before. */
  protected setDeadline(seconds: number): void {
    this.#deadline = this.#wheel.now + seconds * 1_000;
    if (this.#deadline < this.#calledAt) this.#callAt(this.#deadline);
  }

  protected clearDeadline(): void {
    this.#deadline = NEVER;
  }

  /** For the end: nothing is called any more. */
  protected stopTimer(): void {
    this.#wheel.cancel(this);
  }

  override onTimer(): void {
    this.#calledAt = NEVER;
    if (this.#deadline === NEVER) return;
    if (!this.expired) {
      this.#callAt(this.#deadline);
      return;
    }
    this.#deadline = NEVER;
    this.onDeadline();
  }

  #callAt(time: number): void {
    this.#calledAt = time;
    this.#wheel.schedule(this, time - this.#wheel.now);
  }
}
