import { fault, type Guarded, type TimerWheel, WheelTimer } from '../clock/index.ts';

/** Milliseconds between two looks. */
const AGAIN = 100;

/** Connections that are ended at one look. */
const AT_ONCE = 64;

/**
 * Looks for room again for as long as connections wait: one that was to end may have got its request just then and keeps its place, and a client may
 * come to owe the body of its request after its connection was looked at. Nothing else tells of that.
 */
export class RoomSearch extends WheelTimer {
  readonly #wheel: TimerWheel;
  readonly #owner: Guarded;
  readonly #endOne: () => boolean;

  /** @param endOne ends a connection, if others wait and one is found that can make room; as long as others wait it calls `later` */
  constructor(wheel: TimerWheel, owner: Guarded, endOne: () => boolean) {
    super();
    this.#wheel = wheel;
    this.#owner = owner;
    this.#endOne = endOne;
  }

  /** Looks again some time later. */
  later(): void {
    if (!this.waiting) this.#wheel.schedule(this, AGAIN);
  }

  override onTimer(): void {
    for (let left = AT_ONCE; left > 0; left--) {
      if (!this.#endOne()) return;
    }
  }

  override onFault(thrown: unknown): void {
    fault(this.#owner, thrown);
  }
}
