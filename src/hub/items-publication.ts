import type { Guarded } from '../clock/index.ts';
import { PublishError, type PublishItem, PublishItemsReader } from '../codec/grip/index.ts';
import type { Publication } from './intake.ts';

/** Items of one request that are read, and that are published, in one turn of the event loop. The others follow in the next turns. */
export const TURN_ITEMS = 512;

/** Whose request with items it is. */
export interface ItemsOwner extends Guarded {
  /**
   * What lists the items, as `PublishItemsReader` takes it. Wanted once, in the first turn.
   * @throws PublishError
   */
  itemsRequest(): Buffer | object;
  /** Gives these items to the hub: they are the next ones. All items of the request are valid. */
  publishItems(items: readonly PublishItem[]): void;
  /** All items have been published. */
  onPublished(): void;
  /** The request is not valid, and nothing is published. */
  onRefused(error: PublishError): void;
}

/** The items of one request, a share in each turn of the event loop. All are read before the first is published: they are accepted or none is. */
export class ItemsPublication implements Publication {
  readonly bytes: number;
  readonly #owner: ItemsOwner;
  #reader: PublishItemsReader | null = null;
  #published = 0;
  #dropped = false;

  /** @param bytes of the request */
  constructor(owner: ItemsOwner, bytes: number) {
    this.#owner = owner;
    this.bytes = bytes;
  }

  /** Whether items have been published. The others follow, even if the owner has no use for the outcome. */
  get begun(): boolean {
    return this.#published > 0;
  }

  /** Nothing is published any more. */
  drop(): void {
    this.#dropped = true;
    this.#reader = null;
  }

  onTurn(): boolean {
    if (this.#dropped) return true;
    const owner = this.#owner;
    let items: readonly PublishItem[];
    try {
      this.#reader ??= new PublishItemsReader(owner.itemsRequest());
      if (!this.#reader.read(TURN_ITEMS)) return false;
      items = this.#reader.items;
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      owner.onRefused(error);
      return true;
    }
    const part = items.slice(this.#published, this.#published + TURN_ITEMS);
    this.#published += part.length;
    owner.publishItems(part);
    if (this.#published < items.length) return false;
    owner.onPublished();
    return true;
  }

  onFault(thrown: unknown): void {
    this.#owner.onFault(thrown);
  }
}
