import { type Guarded, guarded } from '../clock/index.ts';
import { PublishError, type PublishItem, PublishItemsReader, ReusedKeyError } from '../codec/grip/index.ts';
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
  /** The first of these items whose idempotency key was used for other content; null if there is none. */
  reusedKey(items: readonly PublishItem[]): PublishItem | null;
  /**
   * Finds out what other nodes of a cluster know of the idempotency keys of the request. Returns false if that takes time: the publication gives up its turn, and gets another one.
   * @param keys with the digests of their items
   */
  learnKeys(keys: ReadonlyMap<string, string>, publication: Publication): boolean;
  /** Why one of these items cannot be published; null if all can. */
  refusal(items: readonly PublishItem[]): PublishError | null;
  /** Gives these items to the hub: they are the next ones. All items of the request are valid. */
  publishItems(items: readonly PublishItem[]): void;
  /** Calls `done`, which never throws, now or later, when what was just published has its place in the order of all items. With false: that is not known. */
  ordered(done: (known: boolean) => void): void;
  /** All items have been published, and have their place in the order of all items. @param known false where that is not known of some of them */
  onPublished(known: boolean): void;
  /** The request is not valid, and nothing is published. */
  onRefused(error: PublishError): void;
  /** Nothing is published, since the broker of the cluster is away. Default: the request waits until it is back. */
  onGivenUp?(): void;
}

/** The items of one request, a share in each turn of the event loop. All are read before the first is published: they are accepted or none is. */
export class ItemsPublication implements Publication {
  readonly bytes: number;
  readonly #owner: ItemsOwner;
  readonly #key: string | null;
  /** Digests of the items with keys, by these. */
  readonly #digests = new Map<string, string>();
  #reader: PublishItemsReader | null = null;
  #complete = false;
  /** Items whose keys have been looked at again since other nodes were asked for these. */
  #checked = Number.POSITIVE_INFINITY;
  #published = 0;
  /** Shares that have been published, and whose place is not known yet. */
  #unordered = 0;
  #isKnown = true;
  #dropped = false;

  /** @param bytes of the request @param key idempotency key of the request; null for none */
  constructor(owner: ItemsOwner, bytes: number, key: string | null = null) {
    this.#owner = owner;
    this.#key = key;
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
      this.#reader ??= new PublishItemsReader(owner.itemsRequest(), this.#key);
      items = this.#reader.items;
      if (!this.#complete) {
        this.#complete = this.#read(this.#reader);
        if (!this.#complete) return false;
        if (this.#digests.size > 0 && !owner.learnKeys(this.#digests, this)) {
          this.#checked = 0;
          return true;
        }
      }
      if (this.#checked < items.length && !this.#check(items)) return false;
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      owner.onRefused(error);
      return true;
    }
    const part = items.slice(this.#published, this.#published + TURN_ITEMS);
    this.#published += part.length;
    const isLast = this.#published >= items.length;
    owner.publishItems(part);
    this.#unordered++;
    // Each share is asked for: between two turns the broker of a cluster may have gone away, and come back.
    owner.ordered(guarded(this, (known: boolean) => this.#onOrdered(known, items.length)));
    return isLast;
  }

  /** A share has its place. @param total items of the request */
  #onOrdered(known: boolean, total: number): void {
    // The owner has told of an exception already.
    if (this.#dropped) return;
    this.#isKnown &&= known;
    this.#unordered--;
    if (this.#unordered === 0 && this.#published >= total) this.#owner.onPublished(this.#isKnown);
  }

  onAway(): boolean {
    if (this.#dropped) return true;
    if (this.begun || this.#owner.onGivenUp === undefined) return false;
    this.drop();
    this.#owner.onGivenUp();
    return true;
  }

  /**
   * Reads and checks further items. Nobody else publishes until all have been published, so what holds for the keys now holds then. Returns whether
   * these were the last.
   */
  #read(reader: PublishItemsReader): boolean {
    const from = reader.items.length;
    const complete = reader.read(TURN_ITEMS);
    const items = reader.items.slice(from);
    const refusal = this.#owner.refusal(items);
    if (refusal !== null) throw refusal;
    this.#refuse(items.find((item) => this.#isReused(item)) ?? this.#owner.reusedKey(items));
    return complete;
  }

  /** Looks at further keys again: others have published while other nodes were asked. Returns whether these were the last. */
  #check(items: readonly PublishItem[]): boolean {
    const from = this.#checked;
    this.#checked += TURN_ITEMS;
    this.#refuse(this.#owner.reusedKey(items.slice(from, this.#checked)));
    return this.#checked >= items.length;
  }

  #refuse(reused: PublishItem | null): void {
    if (reused !== null) throw new ReusedKeyError(reused.channel);
  }

  /** Whether another item of this request has the same key and other content. */
  #isReused({ extras }: PublishItem): boolean {
    const repeatKey = extras?.repeatKey ?? null;
    if (repeatKey === null) return false;
    const { key, digest } = repeatKey;
    const known = this.#digests.get(key);
    if (known === undefined) this.#digests.set(key, digest);
    return known !== undefined && known !== digest;
  }

  onFault(thrown: unknown): void {
    this.drop();
    this.#owner.onFault(thrown);
  }
}
