import type { TimerWheel } from '../clock/index.ts';
import type { PublishItem } from '../codec/grip/index.ts';
import type { Counters, Current, Log } from '../exchange/index.ts';
import type { PresenceTable } from './presence-table.ts';

/** Bounds of what one held client may cost. */
export interface HubLimits {
  /**
   * Channels that one hold is subscribed to. Further ones that an origin names are ignored. 20 by default.
   * @bound hub-subscriptions
   */
  readonly connectionSubscriptionMax: number;
  /** Items that wait for a client that is slower than its channels. 100 by default. */
  readonly queueItems: number;
  /**
   * Bytes of those items, and of those that wait for a WebSocket's compression. An item larger than this and the client's credits together never
   * reaches the client.
   * @bound hub-client-queue
   */
  readonly queueBytes: number;
  /** Seconds that an item waits for the one before it, by their ids. 5 by default. */
  readonly messageWait: number;
  /** Seconds for which an item with the same id as one before it is dropped; 0 for never. 60 by default. */
  readonly idCacheTtl: number;
  /** Deliveries a second that the clients of one route get; 0 for no limit. 0 by default. */
  readonly messageRate: number;
  /** Deliveries of one route that may wait because of `messageRate`. Further ones are dropped; 0: publishers wait instead. 0 by default. */
  readonly messageHwm: number;
  /** Bytes of an item that count as one delivery, towards both; 0: each item counts as one. 0 by default. */
  readonly messageBlockSize: number;
  /** Whether clients are updated a second after the first subscription to one of their channels. False by default. */
  readonly updateOnFirstSubscription: boolean;
  /** Seconds for which a channel is remembered after its last client; 0 for none. 60 by default. */
  readonly subscriptionLinger: number;
}

/**
 * Applies an RFC 6902 patch to a JSON text and returns the changed text. Null when either is invalid, the document is neither an
 * object nor an array, an operation fails, or it takes too much work. Must not throw, and must not change `patch`.
 */
export type PatchBody = (document: string, patch: readonly unknown[]) => string | null;

/**
 * Where a store of items or a broker stands: between what a publisher or an origin asks for and what the hub does. Each method calls
 * `proceed` once, now or later. Where `publish` throws, its items go on without it.
 */
export interface HubStages {
  /** `items` were accepted. They are delivered after `proceed`, and so are all that are accepted later: there is one order. */
  publish(items: readonly PublishItem[], proceed: () => void): void;
  /** A client joins `channels`. What is published meanwhile waits for it, within the bounds of its queue, until `proceed`. */
  join(channels: readonly string[], proceed: () => void): void;
}

/** What a hub needs from outside. */
export interface HubOptions {
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  readonly limits: Current<HubLimits>;
  /** For published items that carry a `body-patch`. */
  readonly patchBody: PatchBody;
  /** Who is there, while this hub orders the items. Absent: nobody counts that. */
  readonly presence?: PresenceTable;
  /** Absent: nothing stands in between. */
  readonly stages?: HubStages;
}
