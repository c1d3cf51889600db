import type { TimerWheel } from '../clock/index.ts';
import type { Counters, Log } from '../exchange/index.ts';

/** Bounds of what one held client may cost. */
export interface HubLimits {
  /** Channels that one hold is subscribed to; what an origin names beyond them is ignored. 20 by default. */
  readonly connectionSubscriptionMax: number;
  /** Items that wait for a client that is slower than its channels. 100 by default. */
  readonly queueItems: number;
  /** Bytes of those items; an item larger than this and the client's credits together never reaches the client. */
  readonly queueBytes: number;
}

/**
 * Applies an RFC 6902 patch to a JSON text and returns the changed text; null when either is invalid, the document is neither an
 * object nor an array, or an operation fails. Must not throw.
 */
export type PatchBody = (document: string, patch: readonly unknown[]) => string | null;

/** What a hub needs from outside. */
export interface HubOptions {
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: Log;
  readonly limits: HubLimits;
  /** For published items that carry a `body-patch`. */
  readonly patchBody: PatchBody;
}
