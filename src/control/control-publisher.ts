import type { PublishError, PublishItem } from '../codec/grip/index.ts';
import type { Publication, Reach } from '../hub/index.ts';
import type { Scope } from './scope-schema.ts';

/** Takes what is published: the hub, as far as it is needed here. */
export interface Publisher {
  /** Lets `publication.onTurn` be called, at once or when enough of what was published before has been delivered. */
  requestTurn(publication: Publication): void;
  /** The publisher has left before its turn. */
  cancelTurn(publication: Publication): void;
  /** Accepts the items, to be delivered in their order. */
  publish(items: readonly PublishItem[]): void;
  /** The first of the items whose idempotency key was used for other content; null if there is none. */
  reusedKey(items: readonly PublishItem[]): PublishItem | null;
  /**
   * Finds out what other nodes of a cluster know of idempotency keys. Returns false if that takes time: the publication gives up its turn, and gets another one then.
   * @param keys with the digests of their items
   */
  learnKeys(keys: ReadonlyMap<string, string>, publication: Publication): boolean;
  /**
   * Items with these keys have been published, and it is known what their publisher is told; or they were refused.
   * @param known false where it is not known whether they are published: they may be tried again at any node. Default: true
   */
  settleKeys(keys: ReadonlyMap<string, string>, known?: boolean): void;
  /** Why one of the items cannot be published; null if all can. */
  refusal(items: readonly PublishItem[]): PublishError | null;
  /** Calls `done`, now or later, with how many clients would get each item if it were published now, and with the names of the nodes of a cluster that have not answered. */
  countReceivers(
    items: readonly PublishItem[],
    done: (counts: readonly number[], missing?: readonly string[]) => void,
  ): void;
  /**
   * Calls `done`, now or later, with the cursors of items that were just published, once they are stored. Null for items of channels without history, and those that
   * are not stored: dropped, or waiting for the item before.
   */
  tellCursors(items: readonly PublishItem[], done: (cursors: readonly (string | null)[]) => void): void;
  /** Calls `done`, now or later, when what was just published has its place in the order of all items: what anybody publishes from then on comes after it. False: it is not known whether it will have one. */
  ordered(done: (known: boolean) => void): void;
  /** Whom what is published now reaches. */
  readonly reach: Reach;
  /** Sends held requests to their origins again, for items that may have been lost. @param scope at which nodes of a cluster. Default: at all */
  recover(scope?: Scope): void;
}

/** Stands where there is no hub. No request gets as far. */
export const NO_PUBLISHER: Publisher = {
  requestTurn() {},
  cancelTurn() {},
  publish() {},
  reusedKey: () => null,
  refusal: () => null,
  learnKeys: () => true,
  settleKeys() {},
  countReceivers() {},
  tellCursors() {},
  ordered() {},
  reach: 'all',
  recover() {},
};
