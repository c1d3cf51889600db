import { type AwaitsTurn, type Guarded, turnBudget } from '../clock/index.ts';
import type { PublishItem } from '../codec/grip/index.ts';
import { type Cursor, formatCursor, LOST_CURSOR } from '../history/index.ts';
import { clientCursor } from './client-cursor.ts';
import type { HistoryAnswer, HubHistory } from './hub-history.ts';
import type { HubRoom } from './hub-room.ts';
import { isKept, type KeptChannels, keptOf, toldGaps } from './kept-channels.ts';
import type { MovedPlace } from './moved-hold.ts';
import type { PlaceOptions } from './place-options.ts';

/**
 * Bytes of items that are read for one client at a time, as the log has them, each costing at least 256, but always one item. The next ones follow once it has taken these. It is
 * 16,384 bytes while half of what may wait for all clients (hub-client-queues) does.
 * @bound history-page
 */
export const PAGE_BYTES = 65_536;

/** Channels besides its own that a client by pattern has missed items of. Beyond it it is told of a gap. */
const MAX_OTHERS = 1_000;

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
export interface HistoryStream<Run> extends Guarded {
  /** Whether the client has taken all that it was sent, and nothing is waited for before it can get more. */
  readonly ready: boolean;
  /** Whether it has ended. */
  readonly ended: boolean;
  /** Items from the log as runs, without those that have nothing for it. */
  runsOf(items: readonly PublishItem[]): readonly Run[];
  /** Passes the items of a run, however many wait for the client. */
  give(run: Run): void;
  /** The client is told that it does not get items of these channels or patterns. */
  tellGap(channels: readonly string[]): void;
  /** The client is told where it is. */
  tellCursor(cursor: string): void;
}

/**
 * Where the client of an event stream or WebSocket is in the log of its channels. It *reads* when it has come back, or has fallen behind: then it gets items from the
 * log, as fast as it takes them, and what comes live is left to the log. Otherwise it gets what comes live. Either way it gets items in the order of their numbers.
 */
export class StreamHistory<Run extends HistoryRun<Run>> implements AwaitsTurn {
  /** Every item up to this number has gone to the client, or waits for it. */
  position = 0;
  #epoch = '';
  readonly #room: HubRoom;
  readonly #source: HubHistory;
  readonly #stream: HistoryStream<Run>;
  readonly #prefix: string;
  /** Its own channels and patterns. */
  #kept: KeptChannels;
  /** Channels that its patterns match, of which items were left to the log. */
  readonly #others = new Set<string>();
  #reading = true;
  /** Where it begins: null for a new client. */
  #after: Cursor | null;
  /** What it says that is no cursor: the id of an item, perhaps. */
  readonly #id: string | null;
  /** Whether its first answer has not come. */
  #first = true;
  #asking = false;
  /** Whether it reads, or waits for its turn to go on with that. */
  #pumping = false;
  /** What was left to the log is not there yet: it is looked for again when more comes. */
  #waits = false;
  /** The highest number that was left to the log. */
  #skipped = 0;
  /** Whether the client is to be told where it is once it has caught up. */
  #cursorDue = true;
  /** Whether its client was held by another process. */
  #moved = false;

  constructor(room: HubRoom, source: HubHistory, stream: HistoryStream<Run>, { keys, since, prefix }: PlaceOptions) {
    this.#prefix = prefix;
    this.#room = room;
    this.#source = source;
    this.#stream = stream;
    this.#kept = keptOf(room, keys);
    const { after, id } = clientCursor(since);
    this.#after = after;
    this.#id = id;
  }

  /** That of the numbers so far. */
  get epoch(): string {
    return this.#epoch;
  }

  /** Whether it gets what comes live. */
  get isLive(): boolean {
    return !this.#reading;
  }

  /** The client has its initial body. */
  start(): void {
    if (this.#after !== null && this.#kept.patterns.length > 0) {
      // What they matched in the past is not known.
      this.tellGap([...this.#kept.names, ...this.#kept.patterns]);
      this.#after = null;
    }
    this.#pump();
  }

  /** From what another process makes it again; null while it reads. */
  get place(): MovedPlace | null {
    if (this.#reading) return null;
    return { cursor: formatCursor(this.epoch, this.position), prefix: this.#prefix, join: 'none' };
  }

  /** Goes on where one of another process has stopped. */
  goOn(): void {
    this.#cursorDue = false;
    this.#moved = true;
    this.#pump();
  }

  /** The stream is subscribed to others from now on. */
  replace(keys: readonly string[]): void {
    this.#kept = keptOf(this.#room, keys);
  }

  /** What the client gets of a run now; null for nothing. */
  next(run: Run): Run | null {
    const { first, last } = run;
    if (last === 0) return run;
    if (this.#reading) {
      this.#leave(run);
      return null;
    }
    if (first > this.position) {
      this.position = last;
      return run;
    }
    if (last <= this.position) return null;
    const from = run.items.findIndex(({ number }) => number > this.position);
    this.position = last;
    return run.part(from, run.count);
  }

  /** The client did not get an item, and is to get it from the log once it is ready. */
  missed(channel: string, number: number): void {
    this.#noteOther(channel);
    this.#skipped = Math.max(this.#skipped, this.position, number);
    this.position = Math.min(this.position, number - 1);
    this.#reading = true;
    this.pump();
  }

  /** Whether the client gets the item with this number from the log, later. */
  leaves(number: number): boolean {
    return number > this.position;
  }

  /** An item of a channel has got lost for good. */
  onLost(channel: string): void {
    if (isKept(this.#room, channel)) this.tellGap([channel]);
  }

  /** Items may have been lost on their way: looks for them in the log. */
  recover(): void {
    if (this.#first) return;
    if (this.#kept.patterns.length > 0) this.tellGap(this.#kept.patterns);
    this.#reading = true;
    this.pump();
  }

  /** The client may be ready for more. */
  pump(): void {
    if (this.#reading) this.#pump();
  }

  /** The client does not get items of these channels or patterns. */
  tellGap(keys: readonly string[]): void {
    this.#room.counters.historyGaps++;
    const channels = toldGaps(this.#room, keys, this.#prefix);
    if (channels.length === 0) return;
    this.#stream.tellGap(channels);
  }

  #leave({ channel, last }: Run): void {
    this.#skipped = Math.max(this.#skipped, last);
    this.#noteOther(channel);
    if (this.#waits) this.#pump();
  }

  #noteOther(channel: string): void {
    if (!this.#kept.names.has(channel) && this.#others.size <= MAX_OTHERS) this.#others.add(channel);
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#waits = false;
    if (this.#mayAsk) this.#ask();
    // A page may have nothing for it, and thousands may follow one another.
    if (this.#mayAsk) turnBudget.wait(this);
    else this.#pumping = false;
  }

  get #mayAsk(): boolean {
    return this.#reading && !this.#asking && !this.#waits && this.#stream.ready && !this.#stream.ended;
  }

  onTurn(): void {
    this.#pumping = false;
    this.pump();
  }

  onFault(thrown: unknown): void {
    this.#stream.onFault(thrown);
  }

  #ask(): void {
    const after = this.#first ? this.#after : { epoch: this.#epoch, number: this.position };
    const channels = [...this.#kept.names, ...this.#others];
    this.#asking = true;
    const id = this.#first && after === LOST_CURSOR ? this.#id : null;
    this.#source.ask({ channels, after, id, limitBytes: this.#room.budget.pageOf(PAGE_BYTES) }, (answer) => {
      if (this.#stream.ended) return;
      this.#onAnswer(answer);
      // Not before: what the client takes meanwhile must not have the same items read again.
      this.#asking = false;
      if (!this.#waits) this.#pump();
    });
  }

  #onAnswer({ gaps, items, head, more }: HistoryAnswer): void {
    if (gaps.length > 0) {
      this.tellGap(gaps);
      this.#cursorDue = true;
    } else if (this.#first && this.#after !== null && !this.#moved) {
      this.#room.counters.historyResumed++;
    }
    this.#first = false;
    this.#begin(gaps.length > 0);
    if (!this.#give(items)) return;
    this.position = Math.max(this.position, head);
    this.#reading = more || head < this.#skipped;
    this.#waits = !more;
    if (this.#reading) return;
    if (this.#others.size > MAX_OTHERS) this.tellGap(this.#kept.patterns);
    this.#others.clear();
    if (this.#cursorDue) this.#tellCursor();
  }

  /** What is read now is of this epoch. @param afterGap whether what was before does not count */
  #begin(afterGap: boolean): void {
    if (afterGap) [this.position, this.#skipped] = [0, 0];
    this.#epoch = this.#source.epoch;
  }

  /** Returns false where one of the items has to be read again. */
  #give(items: readonly PublishItem[]): boolean {
    for (const run of this.#stream.runsOf(items)) {
      this.position = run.last;
      this.#stream.give(run);
      if (this.position < run.last || this.#stream.ended) return false;
    }
    return true;
  }

  #tellCursor(): void {
    this.#cursorDue = false;
    this.#stream.tellCursor(formatCursor(this.epoch, this.position));
  }
}
