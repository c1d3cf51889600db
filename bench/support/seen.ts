/** What the clients of a load saw of the items that were published for them. */
export interface Seen {
  /** Clients that have not got each item once. */
  readonly incomplete: number;
  /** Streams that the server has ended. */
  readonly closed: number;
  /** Until the last client had its items. */
  readonly seconds: number;
  readonly bytes: number;
  /** Times until clients had their items, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
}
