import type { TimerWheel } from '../clock/index.ts';
import type { RepeatKey } from '../codec/grip/index.ts';
import { ExpiringTable } from './expiring-table.ts';

/**
 * Bytes of the idempotency keys that are remembered. Beyond it the oldest are forgotten.
 * @bound hub-idempotency-keys
 */
export const MAX_KEYS_BYTES = 33_554_432;

/** Milliseconds for which an idempotency key is remembered. */
export const KEY_LIFE = 300_000;

/** What a key costs besides its text and that of its channel, in bytes. */
const ENTRY_COST = 256;

/** What is kept of the receivers of one item. */
const COUNT_COST = 16;

/** What is known of a key. */
interface Remembered {
  readonly digest: string;
  /** Items of its request that were accepted: the first ones. */
  taken: number;
  /** How many receivers each of them had, by its place, where that was asked. */
  readonly receivers: (number | undefined)[];
  /** The numbers that they have in the history, likewise. */
  readonly numbers: (number | undefined)[];
}

/** What is remembered of a key, for another process. */
export interface KnownKey {
  readonly digest: string;
  readonly taken: number;
  readonly receivers: readonly (number | null)[];
  readonly numbers: readonly (number | null)[];
}

/** The same, with the key. */
export interface KeptKey extends KnownKey {
  readonly key: string;
  /** Milliseconds for which it still is. */
  readonly left: number;
}

/** The keys of one process, for those who compare them with the keys of others. */
export type KeyTable = Pick<RepeatKeys, 'known' | 'goOn'>;

/** The idempotency keys of the last minutes, and how the items that had them were answered. */
export class RepeatKeys {
  readonly #table: ExpiringTable<Remembered>;

  /** @param onFault handles an exception while keys expire */
  constructor(wheel: TimerWheel, onFault: (thrown: unknown) => void) {
    this.#table = new ExpiringTable({ wheel, maxBytes: MAX_KEYS_BYTES, onFault });
  }

  get size(): number {
    return this.#table.size;
  }

  get bytes(): number {
    return this.#table.bytes;
  }

  /** Notes that an item is accepted, unless it is a repeat, or its key was used for other content. */
  take({ key, digest, index }: RepeatKey): 'new' | 'repeat' | 'reused' {
    const known = this.#table.get(key);
    if (known !== undefined && known.digest !== digest) return 'reused';
    if (known !== undefined && index < known.taken) return 'repeat';
    (known ?? this.#add(key, digest)).taken = index + 1;
    return 'new';
  }

  /** Whether an item with this key would be dropped as a repeat. */
  isRepeat({ key, digest, index }: RepeatKey): boolean {
    const known = this.#table.get(key);
    return known !== undefined && known.digest === digest && index < known.taken;
  }

  /** Whether the key was used for other content. */
  isReused({ key, digest }: RepeatKey): boolean {
    const known = this.#table.get(key);
    return known !== undefined && known.digest !== digest;
  }

  /** A key is known no more, unless it was used for other content. */
  forget({ key, digest }: RepeatKey): void {
    if (this.#table.get(key)?.digest === digest) this.#table.remove(key);
  }

  /** How many receivers the item had the first time; null if that is not known. */
  receiversOf({ key, digest, index }: RepeatKey): number | null {
    const known = this.#table.get(key);
    return known?.digest === digest ? (known.receivers[index] ?? null) : null;
  }

  /** Notes how many receivers the item has, the first time. It may not be accepted yet. */
  noteReceivers({ key, digest, index }: RepeatKey, count: number): void {
    const known = this.#table.get(key) ?? this.#add(key, digest);
    if (known.digest !== digest || known.receivers[index] !== undefined) return;
    const { length } = known.receivers;
    known.receivers[index] = count;
    // Also for places that are left out: items of the request that have keys of their own.
    this.#table.charge(key, COUNT_COST * Math.max(0, index + 1 - length));
  }

  /** The number that the item got the first time; null if that is not known. */
  numberOf({ key, digest, index }: RepeatKey): number | null {
    const known = this.#table.get(key);
    return known?.digest === digest ? (known.numbers[index] ?? null) : null;
  }

  /** Notes the number of an item. */
  noteNumber({ key, digest, index }: RepeatKey, number: number): void {
    const known = this.#table.get(key);
    if (known?.digest !== digest || known.numbers[index] !== undefined) return;
    const { length } = known.numbers;
    known.numbers[index] = number;
    this.#table.charge(key, COUNT_COST * Math.max(0, index + 1 - length));
  }

  /** What is remembered of a key; null for nothing. */
  known(key: string): KnownKey | null {
    const known = this.#table.get(key);
    return known === undefined ? null : knownOf(known);
  }

  /** All that is remembered, oldest first. */
  *kept(): Generator<KeptKey, void> {
    for (const [key, known, left] of this.#table.entries()) yield { key, ...knownOf(known), left };
  }

  /** Remembers what another process did. */
  goOn(kept: Iterable<KeptKey>): void {
    for (const { key, digest, taken, receivers, numbers, left } of kept) {
      const known = this.#table.get(key) ?? this.#add(key, digest, left);
      if (known.digest === digest) known.taken = Math.max(known.taken, taken);
      receivers.forEach((count, index) => {
        if (count !== null) this.noteReceivers({ key, digest, index }, count);
      });
      numbers.forEach((number, index) => {
        if (number !== null) this.noteNumber({ key, digest, index }, number);
      });
    }
  }

  #add(key: string, digest: string, left = KEY_LIFE): Remembered {
    const added: Remembered = { digest, taken: 0, receivers: [], numbers: [] };
    this.#table.set(key, added, ENTRY_COST + 2 * key.length, left);
    return added;
  }
}

function knownOf({ digest, taken, receivers, numbers }: Remembered): KnownKey {
  return { digest, taken, receivers: receivers.map(orNull), numbers: numbers.map(orNull) };
}

/** JSON makes null of what is left out. */
function orNull(value: number | undefined): number | null {
  return value ?? null;
}
