import type { TimerWheel } from '../clock/index.ts';
import { ExpiringTable } from './expiring-table.ts';

/**
 * Bytes of the ids of items that are remembered, so that an item is not delivered twice. Beyond it the oldest are forgotten.
 * @bound hub-seen-ids
 */
export const MAX_SEEN_BYTES = 33_554_432;

/** What one id costs besides its text and that of its channel, in bytes. */
const ENTRY_COST = 160;

/** The ids of the items that were published to each channel in the last while (GRIP dedupe). */
export class SeenIds {
  readonly #table: ExpiringTable<null>;

  /** @param onFault handles an exception while ids expire */
  constructor(wheel: TimerWheel, onFault: (thrown: unknown) => void) {
    this.#table = new ExpiringTable({ wheel, maxBytes: MAX_SEEN_BYTES, onFault });
  }

  get size(): number {
    return this.#table.size;
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
    if (this.#table.get(key) !== undefined) return true;
    this.#table.set(key, null, ENTRY_COST + 2 * key.length, milliseconds);
    return false;
  }

  /** The keys of the ids that are noted, oldest first, each with the milliseconds for which it still is. */
  *entries(): Generator<readonly [string, number], void> {
    for (const [key, , left] of this.#table.entries()) yield [key, left];
  }

  /** The id is noted no more. */
  forget(channel: string, id: string): void {
    this.#table.remove(keyOf(channel, id));
  }

  /** Whether the id is noted. */
  has(channel: string, id: string): boolean {
    return this.#table.get(keyOf(channel, id)) !== undefined;
  }
}

/** The length tells where the channel ends. */
function keyOf(channel: string, id: string): string {
  return `${channel.length} ${channel}${id}`;
}
