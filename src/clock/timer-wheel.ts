import { fault, type Guarded } from './guarded.ts';

/**
 * Something that can wait on a `TimerWheel`. Extend it, so that waiting needs no extra object or closure. One timer waits for one moment at a
 * time.
 */
export abstract class WheelTimer implements Guarded {
  /** Links of the slot's ring, null while not waiting; only the wheel writes them. */
  wheelNext: WheelTimer | null = null;
  wheelPrevious: WheelTimer | null = null;
  /** The tick at which it fires; 0 for never. */
  wheelTick = 0;

  /** Called once the scheduled time has passed. May schedule itself again. */
  abstract onTimer(): void;

  abstract onFault(thrown: unknown): void;

  /** Whether it is scheduled. */
  get waiting(): boolean {
    return this.wheelNext !== null;
  }
}

/** Head of a slot's ring. */
class Slot extends WheelTimer {
  constructor() {
    super();
    this.wheelNext = this;
    this.wheelPrevious = this;
  }

  override onTimer(): void {}

  override onFault(): void {}
}

/**
 * One coarse timer for all connections (a hashed timing wheel): scheduling and cancelling take a few pointer writes, whatever
 * the number of timers. A timer fires within one step after its time, never before it.
 */
export class TimerWheel {
  /** Milliseconds of a monotonic clock, advanced with every step: cheap to read, as coarse as the wheel. */
  now = 0;
  readonly #stepMs: number;
  readonly #slots: Slot[] = [];
  readonly #start = performance.now();
  #tick = 0;
  #interval: NodeJS.Timeout;

  /** @param stepMs resolution in milliseconds. */
  constructor(stepMs = 100, slots = 512) {
    this.#stepMs = stepMs;
    for (let i = 0; i < slots; i++) this.#slots.push(new Slot());
    this.#interval = setInterval(() => this.#advance(), stepMs);
    this.#interval.unref();
  }

  /** Fires `timer` in `delayMs` milliseconds, replacing any earlier schedule. */
  schedule(timer: WheelTimer, delayMs: number): void {
    if (timer.wheelNext !== null) unlink(timer);
    // Counted from the current time, not from the last step, which may be long ago in a long turn. One extra step, because the present one is
    // partly over.
    const tick = Math.floor((performance.now() - this.#start) / this.#stepMs);
    timer.wheelTick = tick + Math.max(1, Math.ceil(delayMs / this.#stepMs)) + 1;
    const slot = this.#slots[timer.wheelTick % this.#slots.length] as Slot;
    const last = slot.wheelPrevious as WheelTimer;
    timer.wheelPrevious = last;
    timer.wheelNext = slot;
    last.wheelNext = timer;
    slot.wheelPrevious = timer;
  }

  /** Cancels `timer`; harmless if it is not scheduled. */
  cancel(timer: WheelTimer): void {
    if (timer.wheelNext !== null) unlink(timer);
    timer.wheelTick = 0;
  }

  /** Milliseconds until `timer` fires; null if it is not scheduled. */
  left(timer: WheelTimer): number | null {
    if (timer.wheelNext === null) return null;
    return Math.max(0, timer.wheelTick * this.#stepMs - (performance.now() - this.#start));
  }

  /** Timers that wait. They are counted one by one. */
  get size(): number {
    let size = 0;
    for (const slot of this.#slots) {
      for (let timer = slot.wheelNext; timer !== slot; timer = (timer as WheelTimer).wheelNext) size++;
    }
    return size;
  }

  /** Stops the clock: nothing fires after this. */
  stop(): void {
    clearInterval(this.#interval);
  }

  #advance(): void {
    this.now = performance.now() - this.#start;
    const target = Math.floor(this.now / this.#stepMs);
    // After a long stall one lap visits every slot; further laps would only repeat that.
    if (target - this.#tick > this.#slots.length) this.#tick = target - this.#slots.length;
    while (this.#tick < target) {
      this.#tick++;
      this.#fire(this.#slots[this.#tick % this.#slots.length] as Slot, target);
    }
  }

  #fire(slot: Slot, target: number): void {
    // Due timers leave the ring first: one that reschedules itself, even into this slot, waits for its own time.
    let due: WheelTimer[] | null = null;
    for (let timer = slot.wheelNext as WheelTimer; timer !== slot; ) {
      const next = timer.wheelNext as WheelTimer;
      if (timer.wheelTick <= target) {
        unlink(timer);
        due ??= [];
        due.push(timer);
      }
      timer = next;
    }
    if (due === null) return;
    for (const timer of due) {
      // An earlier timer of the batch may have rescheduled or cancelled this one.
      if (timer.wheelNext !== null || timer.wheelTick === 0) continue;
      timer.wheelTick = 0;
      try {
        timer.onTimer();
      } catch (thrown) {
        fault(timer, thrown);
      }
    }
  }
}

function unlink(timer: WheelTimer): void {
  (timer.wheelPrevious as WheelTimer).wheelNext = timer.wheelNext;
  (timer.wheelNext as WheelTimer).wheelPrevious = timer.wheelPrevious;
  timer.wheelNext = null;
  timer.wheelPrevious = null;
}
