/** An item that waits to be sent. */
export interface WaitingItem {
  /** The item as JSON. */
  readonly json: string;
  /** Bytes of it. */
  readonly size: number;
  /** Whether it has an id or a key, so that servers take it only once. */
  readonly isRepeatable: boolean;
  /** @param cursor of the item in the history of its channel; null where that is not known */
  readonly resolve: (cursor: string | null) => void;
  readonly reject: (error: Error) => void;
}

/** What each item costs at least, in bytes. */
export const ITEM_COST = 256;

/** The items of one server, in the order in which they were published. */
export class Batches {
  #items: WaitingItem[] = [];
  /** Bytes of what waits. */
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get empty(): boolean {
    return this.#items.length === 0;
  }

  add(item: WaitingItem): void {
    this.#items.push(item);
    this.#bytes += cost(item);
  }

  /** Takes the first items, at least one, with at most `maxBytes` in all. */
  take(maxBytes: number): WaitingItem[] {
    let count = 0;
    let size = 0;
    for (const item of this.#items) {
      // Each is followed by a comma.
      size += item.size + 1;
      if (count > 0 && size > maxBytes) break;
      count++;
    }
    const taken = this.#items.slice(0, count);
    this.#items = this.#items.slice(count);
    for (const item of taken) this.#bytes -= cost(item);
    return taken;
  }
}

function cost({ size }: WaitingItem): number {
  return Math.max(size, ITEM_COST);
}
