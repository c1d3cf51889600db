import { decodeItems, type PublishItem } from '../codec/grip/index.ts';
import type { Publication } from '../hub/index.ts';

/** Whom a batch tells that it was taken. */
export interface BatchOwner {
  onTaken(bytes: number): void;
  onFault(thrown: unknown): void;
}

/** Items that the main process sent together. They wait for their turn, as those of a publisher do, so a hub that falls behind holds publishers back. */
export class ItemBatch implements Publication {
  /** What the items count as. */
  readonly bytes: number;
  readonly #items: Buffer;
  readonly #take: (items: readonly PublishItem[]) => void;
  readonly #owner: BatchOwner;

  /** @param packet of the kind `items` or `publish` @param take gets the items */
  constructor(packet: Buffer, take: (items: readonly PublishItem[]) => void, owner: BatchOwner) {
    this.bytes = packet.readUInt32BE(1);
    this.#items = packet.subarray(5);
    this.#take = take;
    this.#owner = owner;
  }

  onTurn(): boolean {
    try {
      this.#take(decodeItems(this.#items));
    } finally {
      // Even for a batch that cannot be read: it is on its way no longer.
      this.#owner.onTaken(this.bytes);
    }
    return true;
  }

  onFault(thrown: unknown): void {
    this.#owner.onFault(thrown);
  }
}
