import type { Cursor } from './cursor.ts';
import type { HistoryCounters } from './history-counters.ts';

/**
 * How much of a channel is kept. What exceeds one of these goes, oldest first.
 * @bound history-channel
 */
export interface ChannelLimits {
  /** Items; at least 1. */
  readonly items: number;
  /** Seconds; `Infinity` for no bound. */
  readonly age: number;
  /** Bytes of the records: each item costs 36 bytes and the name of its channel besides its own bytes. `Infinity` for no bound. */
  readonly bytes: number;
}

/** Those of a channel whose rule is not known yet. */
export const UNLIMITED: ChannelLimits = {
  items: Number.POSITIVE_INFINITY,
  age: Number.POSITIVE_INFINITY,
  bytes: Number.POSITIVE_INFINITY,
};

/** An item that is to be kept. */
export interface NewItem {
  readonly channel: string;
  /** The item as `encodeItem` writes it; the store does not look inside, and copies it. */
  readonly bytes: Buffer;
  /** The limits of the channel from now on. */
  readonly keep: ChannelLimits;
}

/** An item that is kept. */
export interface KeptItem {
  readonly number: number;
  /** When it was appended, in milliseconds since 1970. */
  readonly time: number;
  readonly channel: string;
  /** A view of the store's memory: whoever keeps it for longer than the call copies it. */
  readonly bytes: Buffer;
}

/** A channel, and a number of which its items are wanted that are higher. */
export type Place = readonly [channel: string, number: number];

/** What is asked of a store. */
export interface ReadQuery {
  /** Channels that are kept, each once. Those without history are left out: they do not count for a cursor. */
  readonly channels: readonly string[];
  /** Items with higher numbers are wanted. null: all that is kept, whatever was let go before it. */
  readonly after: Cursor | null;
  /** Some of the channels, each once, with the numbers above which items of them are wanted: in place of `after`, and of this epoch. */
  readonly places?: readonly Place[];
  /** Items with lower numbers are wanted: for pages with `reverse`. Default: all. */
  readonly before?: number;
  /** How many items at most. Default: all. */
  readonly limit?: number;
  /** How many bytes of items at most, each costing at least 256, but always one item. Default: any. */
  readonly limitBytes?: number;
  /** The newest come first, and those beyond a limit are the oldest. */
  readonly reverse?: boolean;
}

/** The answer to a query. */
export interface ReadResult {
  /** Whether the items are all that come after the cursor. If not there are none: a client never gets a part. */
  readonly recovered: boolean;
  /**
   * Channels that the cursor cannot continue; if there are any, also those of which items come after it, since the answer has none of these either. All channels,
   * when the cursor is of another epoch or of the future.
   */
  readonly gaps: readonly string[];
  /** In the order of their numbers. */
  readonly items: readonly KeptItem[];
  /**
   * Everything up to this number is in the answer, or before the cursor; what is live and above it follows. With `more` it is the number of the last
   * item, from which a next query goes on.
   */
  readonly head: number;
  /** Whether a limit has left items out. */
  readonly more: boolean;
}

/** What is kept of a channel. */
export interface ChannelSpan {
  /** The number of the oldest item; 0 without items. */
  readonly first: number;
  /** The number of the newest item; 0 without items. */
  readonly last: number;
  readonly items: number;
  /** As in `ChannelLimits`. */
  readonly bytes: number;
  /** When the oldest item was appended, in milliseconds since 1970; null without items. */
  readonly oldest: number | null;
}

/**
 * Keeps the last items of channels, and numbers them: one counter for all channels. The numbers belong to an epoch, which changes when what was kept
 * before cannot be continued. A client that has a cursor gets what it has missed, all of it, or is told that this is not possible.
 *
 * Every call but `stop` answers through a callback, at once or later, so that a broker can be behind it. With NATS JetStream `append` publishes and
 * `stored` waits for the acknowledgement, whose stream sequence is the number; `read` is an ordered consumer with the subjects of the channels
 * as its filter, from a sequence on, up to the last sequence when it began; the first sequence of the stream is the floor of all channels;
 * `matching` and `names` ask for the subjects of the stream; the epoch is a name that is written with the stream when it is made; `clear` purges a subject, also up to a sequence; and the
 * limits of channels are limits for each subject.
 */
export interface HistoryStore {
  /** Letters and digits. */
  readonly epoch: string;
  /** The highest number given so far. */
  readonly last: number;
  /** Items up to this number are stored: they may be delivered, and are in answers. */
  readonly head: number;
  /** Bytes of items that were appended and are not stored yet, each at least 256. Publishers wait while this is too much. */
  readonly waiting: number;
  readonly counters: HistoryCounters;
  /** Why items are kept less well than they should be, for people; null as long as all is well. */
  readonly degraded: string | null;

  /**
   * Gives the items consecutive numbers in their order, and keeps them.
   * @param stored called once the items may be delivered, with the number of the first one. Calls come one by one, in the order of the appends
   */
  append(items: readonly NewItem[], stored: (first: number) => void): void;

  /** Answers a query. What was appended and is not stored yet is not in the answer, and above its `head`. */
  read(query: ReadQuery, done: (result: ReadResult) => void): void;

  /**
   * The channels whose names match one of these patterns, which are valid, and that have had items with higher numbers than `after`, each once. null if
   * there are more than `limit`, or too many names to look at, or one that is forgotten may have been among them.
   * @param after null for all channels that are known now
   */
  matching(
    patterns: readonly string[],
    after: number | null,
    limit: number,
    done: (names: readonly string[] | null) => void,
  ): void;

  /**
   * The newest stored item of a channel, for subscribers that get it at once, with the head as `read` gives it.
   * @param done gets null where there is none, and undefined where that is not known, as too many wait
   */
  lastOf(channel: string, done: (item: KeptItem | null | undefined, head: number) => void): void;

  /** What is kept of a channel. */
  span(channel: string, done: (span: ChannelSpan) => void): void;

  /** The names of the channels that have items, in any order. @param prefix only those that begin with it */
  names(prefix: string, done: (names: readonly string[]) => void): void;

  /** A channel has other limits from now on. */
  trim(channel: string, keep: ChannelLimits): void;

  /** Lets the items of a channel go up to this number. Default: all. */
  clear(channel: string, upTo?: number): void;

  /**
   * Tells which channels are kept: at the start, and when that changes.
   * @param rules a text that stands for all rules. When it is another one than before, channels without items may have had some that were not kept, so
   *   no cursor from before this call continues them. Items that are not kept are delivered after an append of none that was made after this call is
   *   stored: until then a crash may bring the rules of before back, which know nothing of them
   * @param limitsOf the limits of a channel; null for one that is not kept, whose items go
   */
  setRules(rules: string, limitsOf: (channel: string) => ChannelLimits | null): void;

  /** Nothing is appended any more. Resolves when all is stored. */
  stop(): Promise<void>;
}

/** A store, for those that read from it. */
export type ReadableStore = Omit<HistoryStore, 'append'> & Partial<Pick<SharedStore, 'cover' | 'reject'>>;

/** The items of several nodes, which all append to it. Between those of one append there may be others. */
export interface SharedStore extends Omit<HistoryStore, 'append'> {
  /** Whether nothing can be kept or read now: calls wait until that is over. */
  readonly isAway: boolean;
  /**
   * Is called with all items of the channels that this node is subscribed to, from all nodes, in the order of their numbers. It has got everything up to `head`.
   */
  onItems: (items: readonly KeptItem[]) => void;
  /** Is called when items of a channel after the one with this number may have been lost on their way here. They can be read. */
  onLost: (channel: string, from: number) => void;

  /** As `HistoryStore.append`. @param stored gets the numbers of all items, in their order; 0 for one that was not kept */
  append(items: readonly SharedItem[], stored: (numbers: readonly number[]) => void): void;

  /**
   * Calls `done` when everything that is appended from now on to these channels, and to those that patterns match, comes by `onItems`, and `head` is where they are now.
   * @param keys names of channels, and keys of patterns
   * @param done gets where a client that asks for nothing before begins: at this head, or where the stream was, as far as that was known here, when it was asked long ago. null where too many wait
   */
  cover(keys: readonly string[], done: (from: Cursor | null) => void): void;

  /** Counts and logs an item from this store that no node can have written. */
  reject(item: KeptItem): void;

  /** Calls `onItem` whenever an item is appended to a channel, by whichever node, unless the broker is away. Looking what has been appended is dear. @returns what ends that */
  watch(channel: string, onItem: () => void): () => void;
}

/** An item for a shared store. */
export interface SharedItem extends NewItem {
  /** The id that its publisher has given it: one with the same id is kept once. Default: none. */
  readonly id?: string | null;
}

/** A store that may have others that append to it. */
export type AppendableStore = (HistoryStore & Partial<Pick<SharedStore, 'reject' | 'watch'>>) | SharedStore;
