import type { Guarded } from '../clock/index.ts';
import type { Hold } from '../codec/grip/index.ts';
import type { PartState } from '../exchange/index.ts';

/** The last item that a client has of a channel. */
export interface ChannelPosition {
  /** The full name of the channel. */
  readonly name: string;
  readonly id: string;
}

/** Where the response of a held stream continues (GRIP). */
export interface NextLink {
  /** From what another process makes it again. Absent: it cannot move there. */
  readonly state?: PartState;
  /** Names the target: a bounded number of requests is at each target at once. */
  readonly target: string;
  /** Seconds after which it is followed where nothing else leads to it. */
  readonly timeout: number;
  /**
   * Makes the request that tells the origin what the client has. Nothing is sent before `start`.
   * @param since how much had been delivered (`HubRoom.moment`) when the client came to need it: a request that others began before that
   * does not do
   * @param alone whether the client needs a request of its own
   */
  open(positions: readonly ChannelPosition[], client: LinkClient, since: number, alone: boolean): LinkFetch;
}

/** The request of a link on its way. */
export interface LinkFetch {
  /** Begins. Returns whether the request of another client serves this one too. */
  start(): boolean;
  /** The client has taken what it got so far. */
  taken(): void;
  /** The response is not wanted any more. Harmless when it is over. */
  abort(): void;
}

/** Gets the response to a link. */
export interface LinkClient extends Guarded {
  onLinkData(chunk: Buffer): void;
  /** The response has come whole. */
  onLinkDone(update: LinkUpdate): void;
  /** There is no response, or it broke off, or it cannot be followed. */
  onLinkFailed(detail: string): void;
  /** The response that it was to share is too large for that: it has to ask again, alone. */
  onLinkUnshared(): void;
}

/** How a stream goes on after the response to its link. */
export interface LinkUpdate {
  /** Null: it is held on no channel. */
  readonly hold: Hold | null;
  readonly next: NextLink | null;
}

/** Hears which items the client of a session gets (GRIP). */
export interface SessionNotes {
  /** As `NextLink.state`. */
  readonly state?: PartState;
  /** An item with an id has come to the client's channel with this full name. */
  onItem(channel: string, id: string): void;
}

/** Tells the origin that a client is no longer held (GRIP). */
export interface GoneLink {
  /** As `NextLink.state`. */
  readonly state?: PartState;
  /** Sends the request, once; its response does not matter. */
  send(): void;
}
