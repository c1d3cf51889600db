import { fault, type Guarded } from './guarded.ts';
import { type TimerWheel, WheelTimer } from './timer-wheel.ts';

/** Milliseconds between two steps. */
const STEP = 100;

/** Visits many things one after the other, spread evenly over a time, so that what follows from the visits does not come all at once. */
export class Spread<T extends Guarded> extends WheelTimer {
  readonly #wheel: TimerWheel;
  readonly #owner: Guarded;
  readonly #things: readonly T[];
  readonly #visit: (thing: T) => void;
  readonly #begin: number;
  readonly #time: number;
  #next = 0;

  /**
   * Begins.
   * @param things in the order of the visits; each handles an exception of its own visit
   * @param time in milliseconds
   * @param owner handles an exception of the spread itself
   */
  constructor(wheel: TimerWheel, owner: Guarded, things: readonly T[], time: number, visit: (thing: T) => void) {
    super();
    this.#wheel = wheel;
    this.#owner = owner;
    this.#things = things;
    this.#visit = visit;
    this.#begin = wheel.now;
    this.#time = time;
    if (things.length > 0) wheel.schedule(this, STEP);
  }

  override onTimer(): void {
    const passed = this.#time === 0 ? 1 : Math.min(1, (this.#wheel.now - this.#begin) / this.#time);
    // Each in the middle of its share of the time: the last one well before the end.
    const due = Math.floor(passed * this.#things.length + 0.5);
    while (this.#next < due) {
      const thing = this.#things[this.#next++] as T;
      try {
        this.#visit(thing);
      } catch (thrown) {
        fault(thing, thrown);
      }
    }
    if (this.#next < this.#things.length) this.#wheel.schedule(this, STEP);
  }

  override onFault(thrown: unknown): void {
    this.#owner.onFault(thrown);
  }
}
