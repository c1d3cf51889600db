import type { TimerWheel } from '../clock/index.ts';
import { Expiry } from './expiry.ts';

/** Entries that are looked at for each one that comes: more than one, so that those that are too old go first. */
const FORGOTTEN_AT_ONCE = 8;

/** Entries that one call of the timer looks at. */
const SWEEP = 4_096;

/** Milliseconds between two sweeps. */
const SWEEP_INTERVAL = 1_000;

/** What a table is made of. */
export interface ExpiringTableOptions {
  readonly wheel: TimerWheel;
  /** Bytes of all entries. Beyond it the oldest are forgotten. */
  readonly maxBytes: number;
  /** Handles an exception while entries expire. */
  readonly onFault: (thrown: unknown) => void;
  /** The milliseconds for which an entry stays after its time; 0 for none. Absent: none stays. */
  readonly stays?: (key: string) => number;
}

interface Entry<V> {
  value: V;
  cost: number;
  /** Wheel time at which it is forgotten. */
  expires: number;
}

/** Values by key, each kept for a while, within a bound in bytes. */
export class ExpiringTable<V> {
  readonly #options: ExpiringTableOptions;
  readonly #expiry: Expiry;
  /** Oldest first. */
  readonly #entries = new Map<string, Entry<V>>();
  #bytes = 0;

  constructor(options: ExpiringTableOptions) {
    this.#options = options;
    this.#expiry = new Expiry(() => this.#sweep(), options.onFault);
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The value of a key; undefined if there is none any more. */
  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#isKept(key, entry) ? entry.value : undefined;
  }

  /** Sets a value for so many milliseconds, as the newest one. @param cost bytes that it is charged */
  set(key: string, value: V, cost: number, milliseconds: number): void {
    const { wheel } = this.#options;
    this.#delete(key);
    this.#entries.set(key, { value, cost, expires: wheel.now + milliseconds });
    this.#bytes += cost;
    this.#forget(FORGOTTEN_AT_ONCE);
    if (!this.#expiry.waiting) wheel.schedule(this.#expiry, milliseconds);
  }

  /** The value of a key has grown by so many bytes. */
  charge(key: string, bytes: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.cost += bytes;
    this.#bytes += bytes;
    this.#forget(0);
  }

  /** What is kept, oldest first, each with the milliseconds for which it still is. */
  *entries(): Generator<readonly [string, V, number], void> {
    const { now } = this.#options.wheel;
    for (const [key, entry] of this.#entries) {
      const left = entry.expires > now ? entry.expires - now : this.#stay(key);
      if (left > 0) yield [key, entry.value, left];
    }
  }

  #isKept(key: string, { expires }: Entry<V>): boolean {
    return expires > this.#options.wheel.now || this.#stay(key) > 0;
  }

  #stay(key: string): number {
    return this.#options.stays?.(key) ?? 0;
  }

  #sweep(): void {
    this.#forget(SWEEP);
    if (this.#entries.size > 0) this.#options.wheel.schedule(this.#expiry, SWEEP_INTERVAL);
  }

  /** Forgets up to `most` entries whose time is over, and the oldest ones beyond the bound. */
  #forget(most: number): void {
    const { wheel, maxBytes } = this.#options;
    let left = most;
    for (const [key, entry] of this.#entries) {
      const isOver = left-- > 0 && entry.expires <= wheel.now;
      if (!isOver && this.#bytes <= maxBytes) return;
      const stay = this.#bytes > maxBytes ? 0 : this.#stay(key);
      this.#delete(key);
      if (stay === 0) continue;
      entry.expires = wheel.now + stay;
      this.#entries.set(key, entry);
      this.#bytes += entry.cost;
    }
  }

  #delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.cost;
  }
}
