import { decodeItems } from '../codec/grip/index.ts';
import type { Hub, Publication } from '../hub/index.ts';

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
  readonly #hub: Hub;
  readonly #owner: BatchOwner;

  /** @param packet of the kind `items` */
  constructor(packet: Buffer, hub: Hub, owner: BatchOwner) {
    this.bytes = packet.readUInt32BE(1);
    this.#items = packet.subarray(5);
    this.#hub = hub;
    this.#owner = owner;
  }

  onTurn(): boolean {
    try {
      this.#hub.deliver(decodeItems(this.#items));
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
