import type { TimerWheel } from '../clock/index.ts';
import { Expiry } from './expiry.ts';

/**
 * Bytes of the ids of items that are remembered, so that an item is not delivered twice. Beyond it the oldest are forgotten.
 * @bound hub-seen-ids
 */
export const MAX_SEEN_BYTES = 33_554_432;

/** What one id costs besides its text and that of its channel, in bytes. */
const ENTRY_COST = 128;

/** Ids that are forgotten for each one that comes: more than one, so that those that are too old go first. */
const FORGOTTEN_AT_ONCE = 8;

/** Ids that one call of the timer forgets. */
const SWEEP = 4_096;

/** Milliseconds between two sweeps. */
const SWEEP_INTERVAL = 1_000;

/** The ids of the items that were published to each channel in the last while (GRIP dedupe). */
export class SeenIds {
  /** Wheel time at which each id is forgotten, oldest first. */
  readonly #expires = new Map<string, number>();
  readonly #wheel: TimerWheel;
  readonly #expiry: Expiry;
  #bytes = 0;

  /** @param onFault handles an exception while ids expire */
  constructor(wheel: TimerWheel, onFault: (thrown: unknown) => void) {
    this.#wheel = wheel;
    this.#expiry = new Expiry(() => this.#sweep(), onFault);
  }

  get size(): number {
    return this.#expires.size;
  }

  /**
   * Notes an id for `seconds`.
   * @returns whether it was noted already
   */
  note(channel: string, id: string, seconds: number): boolean {
    if (seconds === 0) return false;
    return this.noteKey(keyOf(channel, id), seconds * 1_000);
  }

  /** Notes the key of an id, as `entries` gives it, for so many milliseconds. Returns whether it was noted already. */
  noteKey(key: string, milliseconds: number): boolean {
    const { now } = this.#wheel;
    this.#forget(FORGOTTEN_AT_ONCE, now);
    const expires = this.#expires.get(key);
    if (expires !== undefined && expires > now) return true;
    if (expires === undefined) this.#bytes += costOf(key);
    else this.#expires.delete(key);
    this.#expires.set(key, now + milliseconds);
    if (!this.#expiry.waiting) this.#wheel.schedule(this.#expiry, milliseconds);
    return false;
  }

  /** The keys of the ids that are noted, oldest first, each with the milliseconds for which it still is. */
  *entries(): Generator<readonly [string, number], void> {
    const { now } = this.#wheel;
    for (const [key, expires] of this.#expires) if (expires > now) yield [key, expires - now];
  }

  /** Whether the id is noted. */
  has(channel: string, id: string): boolean {
    const expires = this.#expires.get(keyOf(channel, id));
    return expires !== undefined && expires > this.#wheel.now;
  }

  #sweep(): void {
    this.#forget(SWEEP, this.#wheel.now);
    if (this.#expires.size > 0) this.#wheel.schedule(this.#expiry, SWEEP_INTERVAL);
  }

  #forget(most: number, now: number): void {
    let left = most;
    for (const [key, expires] of this.#expires) {
      if (left-- === 0 || (expires > now && this.#bytes <= MAX_SEEN_BYTES)) return;
      this.#expires.delete(key);
      this.#bytes -= costOf(key);
    }
  }
}

/** The length tells where the channel ends. */
function keyOf(channel: string, id: string): string {
  return `${channel.length} ${channel}${id}`;
}

function costOf(key: string): number {
  return ENTRY_COST + 2 * key.length;
}
