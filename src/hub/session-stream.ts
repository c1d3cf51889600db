import type { Hold } from '../codec/grip/index.ts';
import type { ClientNames, Payload } from '../exchange/index.ts';
import type { FilterService } from './filter-service.ts';
import type { NextLink, SessionNotes } from './next-link.ts';
import type { StreamItem } from './stream-run.ts';

/** The stream that a session belongs to. */
export interface SessionStream extends ClientNames {
  /** The session of the state service that it belongs to; null for none. */
  readonly session: SessionNotes | null;
  /** Whether the client has taken all that it was sent. */
  readonly taken: boolean;
  /** Puts the session between the channels and the client, or takes it out. */
  intercept(on: boolean): void;
  isMember(channel: string): boolean;
  /** Replaces the channels of the stream; none for null. Returns their full names. */
  replaceHold(hold: Hold | null): readonly string[];
  /** Passes bytes of the origin. */
  append(bytes: Buffer): void;
  /**
   * Passes one item. Returns false if the client's queue has no room for it.
   * @param payload what the client gets of it
   */
  deliver(item: StreamItem, payload: Payload): boolean;
  /** The client does not get an item, since too much waits; a client with a cursor gets it from the log. Returns whether this is one. */
  onDropped(item: StreamItem): boolean;
  /** Whether the client gets a numbered item from the log, later. */
  leaves(item: StreamItem): boolean;
  /** Whether an item of a channel with this id of its publisher is in the log. Called where the client has a place there. */
  hasId(channel: string, id: string, done: (found: boolean) => void): void;
  /** The client has missed items of a channel for good. */
  onGap(channel: string): void;
  /** Nothing is waited for any more before the client can get further items. */
  onSettled(): void;
  /** Ends the stream. `problem` is for the origin's developer; null if there is none. */
  end(problem: string | null): void;
  onFault(thrown: unknown): void;
}

/** How a session begins. */
export interface SessionOptions {
  readonly hold: Hold | null;
  readonly link: NextLink | null;
  /** Put in front of the names of the channels. */
  readonly prefix: string;
  /** For filters that ask a service; null for none. */
  readonly filterService: FilterService | null;
}
