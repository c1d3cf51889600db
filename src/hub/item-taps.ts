import { attempt, type Guarded } from '../clock/index.ts';
import type { PublishItem } from '../codec/grip/index.ts';
import { PatternTrie } from './pattern-trie.ts';
import { patternOf } from './subscription-key.ts';

/** Takes the items of one channel, or of those that a pattern matches, in the order of their delivery. */
export type ItemTap = (item: PublishItem) => void;

/** Those who look at the items of channels, whether anybody is held there or not. */
export class ItemTaps {
  readonly #byChannel = new Map<string, Set<ItemTap>>();
  readonly #byPattern = new PatternTrie<Set<ItemTap>>();
  readonly #owner: Guarded;

  /** @param owner handles exceptions of taps */
  constructor(owner: Guarded) {
    this.#owner = owner;
  }

  /** Passes the items of a channel, or of those that a pattern matches, from now on. The result ends that. */
  add(key: string, tap: ItemTap): () => void {
    const pattern = patternOf(key);
    const [name, all] = pattern === null ? [key, this.#byChannel] : [pattern, this.#byPattern];
    const taps = all.get(name) ?? new Set();
    all.set(name, taps);
    taps.add(tap);
    return () => {
      taps.delete(tap);
      if (taps.size === 0 && all.get(name) === taps) all.delete(name);
    };
  }

  pass(items: readonly PublishItem[]): void {
    if (this.#byChannel.size === 0 && this.#byPattern.size === 0) return;
    for (const item of items) {
      this.#pass(item, this.#byChannel.get(item.channel));
      for (const taps of this.#byPattern.match(item.channel)) this.#pass(item, taps);
    }
  }

  #pass(item: PublishItem, taps: ReadonlySet<ItemTap> | undefined): void {
    if (taps !== undefined) for (const tap of taps) attempt(this.#owner, () => tap(item));
  }
}
