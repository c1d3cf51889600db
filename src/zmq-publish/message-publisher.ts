import type { PublishError, PublishItem } from '../codec/grip/index.ts';
import type { ChannelWatcher, Publication } from '../hub/index.ts';

/** Takes what is published over ZeroMQ: the hub, as far as it is needed here. */
export interface MessagePublisher {
  /** Lets `publication.onTurn` be called, at once or when enough of what was published before has been delivered. */
  requestTurn(publication: Publication): void;
  /** Accepts the items, to be delivered in their order. */
  publish(items: readonly PublishItem[]): void;
  /** The first of the items whose idempotency key was used for other content; null if there is none. */
  reusedKey(items: readonly PublishItem[]): PublishItem | null;
  /** Why one of the items cannot be published; null if all can. */
  refusal(items: readonly PublishItem[]): PublishError | null;
  /**
   * Finds out what other nodes of a cluster know of idempotency keys. Returns false if that takes time: the publication gives up its turn, and gets another one then.
   * @param keys with the digests of their items
   */
  learnKeys(keys: ReadonlyMap<string, string>, publication: Publication): boolean;
  /** Items with these keys have been published, or were refused. @param known false where it is not known whether they are published: they may be tried again at any node. Default: true */
  settleKeys(keys: ReadonlyMap<string, string>, known?: boolean): void;
  /** Calls `done`, now or later, when what was just published has its place in the order of all items: what anybody publishes from then on comes after it. */
  ordered(done: (known: boolean) => void): void;
  /** Sends held requests to their origins again, for items that may have been lost. */
  recover(): void;
  /** Tells which channels have subscribers. */
  watchChannels(watcher: ChannelWatcher): void;
  /** Lets the WebSocket over HTTP with this id send its origin an empty request. Calls `done`, now or later, with whether there is one. */
  refresh(id: string, done: (found: boolean) => void): void;
  /** Calls `done`, now or later, with those of the ids that are of clients which are held now. */
  findHeld(ids: ReadonlySet<string>, done: (found: readonly string[]) => void): void;
}
