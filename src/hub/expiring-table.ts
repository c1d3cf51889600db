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

/** Entries are a list, since finding the first one of a Map takes long after many were deleted. */
interface Entry<V> {
  readonly key: string;
  readonly value: V;
  cost: number;
  /** Wheel time at which it is forgotten. */
  readonly expires: number;
  before: Entry<V> | null;
  /** Stays what it is when the entry is deleted: a walk goes on from there. */
  next: Entry<V> | null;
}

/** Values by key, each kept for a while, within a bound in bytes. */
export class ExpiringTable<V> {
  readonly #options: ExpiringTableOptions;
  readonly #expiry: Expiry;
  readonly #entries = new Map<string, Entry<V>>();
  #oldest: Entry<V> | null = null;
  #newest: Entry<V> | null = null;
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
    if (entry === undefined) return undefined;
    return entry.expires > this.#options.wheel.now || this.#stay(key) > 0 ? entry.value : undefined;
  }

  /** Sets a value for so many milliseconds, as the newest one. @param cost bytes that it is charged */
  set(key: string, value: V, cost: number, milliseconds: number): void {
    const { wheel } = this.#options;
    const former = this.#entries.get(key);
    if (former !== undefined) this.#delete(former);
    this.#add(key, value, cost, wheel.now + milliseconds);
    this.#forget(FORGOTTEN_AT_ONCE);
    if (!this.#expiry.waiting) wheel.schedule(this.#expiry, milliseconds);
  }

  /** There is no value of a key any more. */
  remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#delete(entry);
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
    for (let entry = this.#oldest; entry !== null; entry = entry.next) {
      const left = entry.expires > now ? entry.expires - now : this.#stay(entry.key);
      if (left > 0) yield [entry.key, entry.value, left];
    }
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
    for (let entry = this.#oldest; entry !== null; entry = this.#oldest) {
      const isTooMuch = this.#bytes > maxBytes;
      if (!isTooMuch && (left-- <= 0 || entry.expires > wheel.now)) return;
      const stay = isTooMuch ? 0 : this.#stay(entry.key);
      this.#delete(entry);
      if (stay > 0) this.#add(entry.key, entry.value, entry.cost, wheel.now + stay);
    }
  }

  #add(key: string, value: V, cost: number, expires: number): void {
    const entry: Entry<V> = { key, value, cost, expires, before: this.#newest, next: null };
    if (this.#newest === null) this.#oldest = entry;
    else this.#newest.next = entry;
    this.#newest = entry;
    this.#entries.set(key, entry);
    this.#bytes += cost;
  }

  #delete({ key, cost, before, next }: Entry<V>): void {
    if (before === null) this.#oldest = next;
    else before.next = next;
    if (next === null) this.#newest = before;
    else next.before = before;
    this.#entries.delete(key);
    this.#bytes -= cost;
  }
}
