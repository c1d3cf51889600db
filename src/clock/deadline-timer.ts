import { type TimerWheel, WheelTimer } from './timer-wheel.ts';

const NEVER = Number.POSITIVE_INFINITY;

/**
 * A timer with one deadline, checked lazily: moving it further away, as every request does, is one write, and the wheel may call early and find
 * nothing due.
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

  /** The deadline has passed; it is no longer set. */
  protected abstract onDeadline(): void;

  /** Whether the deadline has passed already, even if the wheel has not called yet. */
  get expired(): boolean {
    return this.#deadline <= this.#wheel.now;
  }

  /** By the wheel's clock; infinite where none is set. */
  protected get deadline(): number {
    return this.#deadline;
  }

  /**
   * Calls `onDeadline` in `seconds`, replacing the previous deadline. They count from the last step of the wheel, whose clock costs nothing to
   * read, so the call may come a step (0.1 s) early, or in a turn that takes longer than a step, as much as it has taken.
   */
  protected setDeadline(seconds: number): void {
    this.#deadline = this.#wheel.now + seconds * 1_000;
    if (this.#deadline < this.#calledAt) this.#callAt(this.#deadline);
  }

  protected clearDeadline(): void {
    this.#deadline = NEVER;
  }

  /** Stops the timer: nothing is called after this, unless a deadline is set again. */
  protected stopTimer(): void {
    this.#deadline = NEVER;
    this.#calledAt = NEVER;
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
