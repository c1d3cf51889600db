import type { PublishedResponse } from './published-response.ts';

/**
 * Bytes of items that held requests keep until their replay has its outcome. Beyond it an item is forgotten, and the origin is asked again.
 * @bound hub-kept-items
 */
export const MAX_KEPT_BYTES = 67_108_864;

/** What an item costs in each hold that keeps it, besides its bytes. */
const ENTRY_COST = 64;

/** Counts the items that held requests keep: one that many keep has its bytes once. */
export class KeptItems {
  used = 0;
  readonly #keepers = new Map<PublishedResponse, number>();

  /** Counts an item for one more hold. Returns false, and counts nothing, if it is too much. */
  take(published: PublishedResponse): boolean {
    const keepers = this.#keepers.get(published) ?? 0;
    const cost = ENTRY_COST + (keepers === 0 ? published.cost : 0);
    if (this.used + cost > MAX_KEPT_BYTES) return false;
    this.used += cost;
    this.#keepers.set(published, keepers + 1);
    return true;
  }

  /** A hold keeps the item no longer. */
  release(published: PublishedResponse): void {
    const keepers = (this.#keepers.get(published) ?? 0) - 1;
    this.used -= ENTRY_COST;
    if (keepers > 0) {
      this.#keepers.set(published, keepers);
      return;
    }
    this.#keepers.delete(published);
    this.used -= published.cost;
  }
}
