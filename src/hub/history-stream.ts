import type { PublishItem } from '../codec/grip/index.ts';
import type { HistoryClient } from './history-place.ts';

/** Items of one channel that a client gets together. */
export interface HistoryRun<Run> {
  readonly channel: string;
  /** The number of the first item, and that of the last; 0 where the channel is not kept. */
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly items: readonly { readonly number: number }[];
  part(from: number, to: number): Run;
}

/** The event stream or WebSocket whose client has a place in the log. */
export interface HistoryStream<Run> extends HistoryClient {
  /** Whether the client has taken all that it was sent, and nothing is waited for before it can get more. */
  readonly ready: boolean;
  /** Whether nothing is found out, or fetched, before the client can get more. */
  readonly isIdle: boolean;
  /** Whether it has ended. */
  readonly ended: boolean;
  /**
   * Items from the log as runs, without those that have nothing for it.
   * @param cap the highest number that a cursor may have: that of an item may be beyond where the client is in other channels
   */
  runsOf(items: readonly PublishItem[], cap: number): readonly Run[];
  /** Passes the items of a run, however many wait for the client. */
  give(run: Run): void;
  /** The client is told that it does not get items of these channels or patterns. @param cursor where it goes on; null where that is not known */
  tellGap(channels: readonly string[], cursor: string | null): void;
  /**
   * The client has missed something for good that its origin is to be asked for (`on_gap`): sees to that.
   * @returns false where it cannot: then the client is told
   */
  askForGap?(): boolean;
  /** The client is told where it is. */
  tellCursor(cursor: string): void;
}
