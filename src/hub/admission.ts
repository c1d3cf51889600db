import type { TimerWheel } from '../clock/index.ts';
import type { ItemExtras, PublishItem, RepeatKey } from '../codec/grip/index.ts';
import { type Counters, LineRate, type Log } from '../exchange/index.ts';
import { type KeptVersion, LastVersions, type VersionsRoom } from './last-versions.ts';
import { type KeptKey, type KeyTable, RepeatKeys } from './repeat-keys.ts';

/** What it is made of. */
export interface AdmissionRoom extends VersionsRoom {
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
}

/** What another process needs to admit items as this one did. */
export interface Admitted {
  readonly keys: Iterable<KeptKey>;
  readonly versions: Iterable<KeptVersion>;
}

/** An item, as far as its receivers are asked for. */
export type AskedExtras = Pick<PublishItem, 'channel' | 'extras'>;

/**
 * Decides which of the items that publishers give are accepted: not those that repeat one before by their idempotency key, nor those that are not newer
 * than the last version of their channel. It notes when a `ttl` ends. An accepted item has neither key nor version any more.
 */
export class Admission {
  readonly #room: AdmissionRoom;
  readonly #keys: RepeatKeys;
  readonly #versions: LastVersions;
  readonly #lines = new LineRate();
  /** What became of items with extras. */
  readonly #accepted = new WeakMap<PublishItem, PublishItem>();
  /** The keys that accepted items had. */
  readonly #keyOf = new WeakMap<PublishItem, RepeatKey>();

  /** @param onFault handles an exception while something expires */
  constructor(room: AdmissionRoom, onFault: (thrown: unknown) => void) {
    this.#room = room;
    this.#keys = new RepeatKeys(room.wheel, onFault);
    this.#versions = new LastVersions(room, onFault);
  }

  /** Those of the items that are accepted; the list itself where no item has extras. */
  admit(items: readonly PublishItem[]): readonly PublishItem[] {
    let admitted: PublishItem[] | null = null;
    for (let i = 0; i < items.length; i++) {
      const item = items[i] as PublishItem;
      const { extras = null } = item;
      if (extras === null) {
        admitted?.push(item);
        continue;
      }
      admitted ??= items.slice(0, i);
      if (!this.#admits(item, extras)) continue;
      const { repeatKey } = extras;
      const accepted = {
        ...item,
        extras: restOf(extras),
        ...(repeatKey !== null && { onceId: `${repeatKey.digest} ${repeatKey.index} ${repeatKey.key}` }),
      };
      this.#accepted.set(item, accepted);
      if (repeatKey !== null) this.#keyOf.set(accepted, repeatKey);
      admitted.push(accepted);
    }
    return admitted ?? items;
  }

  /** These items were accepted, but not published after all: others with their keys are no repeats. */
  forget(items: readonly PublishItem[]): void {
    for (const item of items) {
      const key = this.#keyOf.get(item);
      if (key !== undefined) this.#keys.forget(key);
    }
  }

  /** The first of the items whose key was used for other content; null if there is none. */
  reusedKey(items: readonly PublishItem[]): PublishItem | null {
    return items.find(({ extras }) => extras?.repeatKey && this.#keys.isReused(extras.repeatKey)) ?? null;
  }

  /** How many receivers the item has: as the first time if it is a repeat, and none if it is outdated. Null: as many as there are now. */
  receiversOf({ channel, extras }: AskedExtras): number | null {
    if (!extras) return null;
    const { repeatKey, version } = extras;
    if (repeatKey !== null && this.#keys.isRepeat(repeatKey)) return this.#keys.receiversOf(repeatKey);
    return version === null || this.#versions.isNewer(channel, version) ? null : 0;
  }

  /** Notes how many receivers the item has, for repeats. Returns the count. */
  noteReceivers({ extras }: AskedExtras, count: number): number {
    if (extras?.repeatKey) this.#keys.noteReceivers(extras.repeatKey, count);
    return count;
  }

  /** The number of an item that was given to `admit`, once it is stored: that of the first time if it is a repeat. Null where it has none. Notes it for repeats. */
  numberOf(item: PublishItem): number | null {
    const { extras } = item;
    if (!extras) return item.number || null;
    const number = this.#accepted.get(item)?.number || null;
    const { repeatKey } = extras;
    if (repeatKey === null) return number;
    if (number !== null) this.#keys.noteNumber(repeatKey, number);
    return number ?? this.#keys.numberOf(repeatKey);
  }

  /** The keys that are known here. */
  get keys(): KeyTable {
    return this.#keys;
  }

  /** What another needs to go on. */
  get admitted(): Admitted {
    return { keys: this.#keys.kept(), versions: this.#versions.kept() };
  }

  /** Goes on where another has stopped. */
  goOn({ keys, versions }: Admitted): void {
    this.#keys.goOn(keys);
    this.#versions.goOn(versions);
  }

  #admits({ channel }: PublishItem, { repeatKey, version }: ItemExtras): boolean {
    const { counters, log } = this.#room;
    const outcome = repeatKey === null ? 'new' : this.#keys.take(repeatKey);
    if (outcome !== 'new') counters.itemsRepeated++;
    // Its publisher was told, unless it has no reply, or another process has asked nobody.
    if (outcome === 'reused')
      this.#lines.write(log, 'info', { channel }, 'item dropped: its idempotency key was used for other content');
    if (outcome !== 'new') return false;
    if (version === null || this.#versions.take(channel, version)) return true;
    counters.itemsOutdated++;
    return false;
  }
}

/** What is left of the extras of an accepted item. */
function restOf({ ttl, expires, retain }: ItemExtras): ItemExtras | null {
  if (ttl === null && retain === undefined) return null;
  const end = ttl === null || expires > 0 ? expires : Date.now() + ttl * 1_000;
  return { repeatKey: null, version: null, ttl, expires: end, ...(retain === false && { retain }) };
}
