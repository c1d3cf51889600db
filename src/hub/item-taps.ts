import { attempt, type Guarded } from '../clock/index.ts';
import type { PublishItem } from '../codec/grip/index.ts';

/** Takes the items of one channel in the order of their delivery. */
export type ItemTap = (item: PublishItem) => void;

/** Those who look at the items of channels, whether anybody is held there or not. */
export class ItemTaps {
  readonly #byChannel = new Map<string, Set<ItemTap>>();
  readonly #owner: Guarded;

  /** @param owner handles exceptions of taps */
  constructor(owner: Guarded) {
    this.#owner = owner;
  }

  /** Passes the items of a channel from now on. The result ends that. */
  add(channel: string, tap: ItemTap): () => void {
    const taps = this.#byChannel.get(channel) ?? new Set();
    this.#byChannel.set(channel, taps);
    taps.add(tap);
    return () => {
      taps.delete(tap);
      if (taps.size === 0 && this.#byChannel.get(channel) === taps) this.#byChannel.delete(channel);
    };
  }

  pass(items: readonly PublishItem[]): void {
    if (this.#byChannel.size === 0) return;
    for (const item of items) {
      const taps = this.#byChannel.get(item.channel);
      if (taps !== undefined) for (const tap of taps) attempt(this.#owner, () => tap(item));
    }
  }
}
