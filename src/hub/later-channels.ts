import type { Cursor } from '../history/index.ts';
import { clientCursor } from './client-cursor.ts';
import { patternOf } from './subscription-key.ts';

/** Channels of which a client has the same, and gets what it has missed. */
export interface LaterGroup {
  readonly keys: Set<string>;
  /** What the client says that it has. */
  readonly since: string | null;
  /** Where it is; null where that is not known, and it begins as a new one. */
  after: Cursor | null;
  /** What it says that is no cursor: the id of an item, perhaps. */
  readonly id: string | null;
  /** Whether it has been asked about. */
  asked: boolean;
}

const NONE: readonly LaterGroup[] = [];

/**
 * Channels that a client was subscribed to when it had its place in the log already: what it has missed of them comes before the others go on. Of those that
 * are ahead of the place, items are left out until the place has reached them.
 */
export class LaterChannels {
  #groups: readonly LaterGroup[] = NONE;
  /** Numbers up to which the client has, or does not get, the items of a channel. */
  #starts: Map<string, number> | null = null;

  /** Adds a channel or pattern. @param since what the client says that it has */
  add(key: string, since: string): void {
    const last = this.#groups.at(-1);
    if (last?.asked === false && last.since === since) last.keys.add(key);
    else this.#push({ keys: new Set([key]), since, ...clientCursor(since), asked: false });
  }

  /** Adds a new channel that is to begin with the item after this cursor. */
  beginAt(channel: string, after: Cursor): void {
    this.#push({ keys: new Set([channel]), since: null, after, id: null, asked: false });
  }

  #push(group: LaterGroup): void {
    this.#groups = [...this.#groups, group];
  }

  /** The client has, or does not get, the items of a channel up to this number. */
  skipTo(channel: string, number: number): void {
    this.#starts ??= new Map();
    this.#starts.set(channel, number);
  }

  /** The client is not subscribed to it any more. */
  delete(key: string): void {
    this.#starts?.delete(key);
    for (const group of this.#groups) {
      if (group.keys.delete(key) && group.keys.size === 0) this.finish(group);
    }
  }

  /** The group that is read first; null for none. */
  get first(): LaterGroup | null {
    return this.#groups[0] ?? null;
  }

  /** Those of the keys that are not read here first. */
  without(keys: Iterable<string>): Iterable<string> {
    if (this.#groups.length === 0) return keys;
    return [...keys].filter((key) => !this.#groups.some((group) => group.keys.has(key)));
  }

  /** The client has what it has missed of a group. Harmless where it has left all its channels meanwhile. */
  finish(group: LaterGroup): void {
    if (this.#groups.length > 0) this.#groups = this.#groups.filter((each) => each !== group);
  }

  /** The place has passed all channels. */
  passed(): void {
    this.#starts = null;
  }

  /** Those of the items that are for the client. */
  wanted<Item extends { readonly channel: string; number?: number }>(items: readonly Item[]): readonly Item[] {
    const starts = this.#starts;
    if (starts === null) return items;
    return items.filter(({ channel, number = 0 }) => number > (starts.get(channel) ?? 0));
  }

  /** The highest number that the client has of each of its channels. @param position that of those that are not here */
  lowest(position: number, epoch: string): number {
    let lowest = position;
    for (const { after } of this.#groups) {
      if (after?.epoch === epoch) lowest = Math.min(lowest, after.number);
    }
    return lowest;
  }
}

/** Those of the keys that are names of channels. */
export function namesAmong(keys: Iterable<string>): string[] {
  return [...keys].filter((key) => patternOf(key) === null);
}

/** The patterns of those of the keys that have one. */
export function patternsAmong(keys: Iterable<string>): string[] {
  return [...keys].map(patternOf).filter((pattern) => pattern !== null);
}
