import { type AwaitsTurn, type Guarded, guarded, turnBudget } from '../clock/index.ts';
import { type Cursor, LOST_CURSOR } from '../history/index.ts';
import { clientCursor } from './client-cursor.ts';
import {
  askForId,
  foundIn,
  type HistoryAnswer,
  type HistoryQuestion,
  type HubHistory,
  type NamedPlace,
  NO_START,
  PAGE_BYTES,
} from './hub-history.ts';
import type { HubRoom } from './hub-room.ts';
import { isKept, type KeptChannels, keptOf, NO_NAMES } from './kept-channels.ts';
import { patternsAmong } from './later-channels.ts';
import type { PlaceOptions } from './place-options.ts';

/** The hold or WebSocket whose client has a place in the log. */
export interface HistoryClient extends Guarded {
  /** Whether the client can get more now. */
  readonly ready: boolean;
  /**
   * It is known where the client begins.
   * @param whole channels of which it gets all that comes after what it has
   * @param begun those of which items follow that come before the one that its origin knew last
   */
  onPlaced?(whole: ReadonlySet<string>, begun: ReadonlySet<string>): void;
}

/** Where a client is in the log of its channels. It reads the log a page at a time, as fast as it takes the items, and what comes live meanwhile is left to the log. */
export abstract class HistoryPlace<Client extends HistoryClient> implements AwaitsTurn {
  /** Every item up to this number is behind the client: it has it, or it waits for it, or does not get it. */
  position = 0;
  /** That of the numbers so far. */
  epoch = '';
  /** Whether all channels and patterns of the client are kept. */
  hasAll: boolean;
  protected readonly room: HubRoom;
  protected readonly source: HubHistory;
  protected readonly client: Client;
  protected readonly prefix: string;
  /** Those of its channels and patterns that are kept. */
  protected kept: KeptChannels;
  /** Where it begins: null for a new client. */
  protected after: Cursor | null;
  /** What its origin says that it has. */
  protected ids: readonly NamedPlace[];
  /** Whether its first answer has not come. */
  protected first = true;
  protected reading = true;
  /** What was left to the log is not there yet: it is looked for again when more comes. */
  protected waits = false;
  /** The highest number that was left to the log. */
  protected skipped = 0;
  /** How often items may have been lost for all clients, as far as it has looked for them. */
  #losses: number;
  /** Whether its client was held by another process. */
  protected moved = false;
  /** What it says that is no cursor: the id of an item, perhaps. */
  readonly #id: string | null;
  /** Where it began, until it has caught up. */
  #start = NO_START;
  #asking = false;
  /** Whether it reads, or waits for its turn to go on with that. */
  #pumping = false;

  constructor(
    room: HubRoom,
    source: HubHistory,
    client: Client,
    { keys, since, ids = [], prefix }: Omit<PlaceOptions, 'join'>,
  ) {
    this.room = room;
    this.#losses = room.losses;
    this.source = source;
    this.client = client;
    this.prefix = prefix;
    this.kept = keptOf(room, keys);
    this.hasAll = keys.every((key) => isKept(room, key));
    this.ids = ids;
    const { after, id } = clientCursor(since);
    this.after = after;
    this.#id = id;
  }

  /** Whether it gets what comes live: it is known where the client is, and nothing is to be read. */
  get isLive(): boolean {
    return !this.reading;
  }

  get cursor(): Cursor {
    return { epoch: this.epoch, number: this.position };
  }

  /** Items may have been lost on their way: looks for them in the log. */
  recover(): void {
    this.#losses = this.room.losses;
    if (this.first) return;
    this.reading = true;
    this.pump();
  }

  /** Whether it has had items of other channels behind this one, so that it does not find in the log what of a channel got lost there, whether it reads now or not. */
  isBeyond(number: number): boolean {
    return !this.first && this.position > number;
  }

  /** Whether something may have been lost before what comes now, which is left to the log then. */
  protected get hasLost(): boolean {
    if (this.#losses === this.room.losses) return false;
    this.#losses = this.room.losses;
    this.reading = true;
    return true;
  }

  /** Whether an item of a channel with this id of its publisher is in the log. */
  hasId(channel: string, id: string, done: (found: boolean) => void): void {
    askForId(this.source, channel, id, guarded(this, done));
  }

  /** The client may be ready for more. */
  abstract pump(): void;

  /** Whether the client could take what is read now. */
  protected abstract get takesItems(): boolean;

  /** Asks for what comes next, by `askNext` mostly. */
  protected abstract ask(): void;

  protected abstract onAnswer(answer: HistoryAnswer): void;

  /** Reads the next page, if there is a reason to. */
  protected readOn(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.waits = false;
    if (this.#mayAsk) this.ask();
    // A page may have nothing for it, and thousands may follow one another.
    if (this.#mayAsk) turnBudget.wait(this);
    else this.#pumping = false;
  }

  /** Begins in its turn: other channels may come first, with the same cursor. */
  startLater(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    turnBudget.wait(this);
  }

  get #mayAsk(): boolean {
    return this.reading && !this.#asking && !this.waits && this.takesItems;
  }

  onTurn(): void {
    this.#pumping = false;
    this.pump();
  }

  onFault(thrown: unknown): void {
    this.client.onFault(thrown);
  }

  /** Asks for what comes next of these channels, and keys of patterns. */
  protected askNext(names: Iterable<string>, keys: Iterable<string>): void {
    const { first } = this;
    const after = first ? this.after : this.cursor;
    this.askLog(
      {
        channels: [...names],
        patterns: patternsAmong(keys),
        after,
        start: this.#start,
        id: first && after === LOST_CURSOR ? this.#id : null,
        ids: first ? this.ids : [],
      },
      (answer) => this.onAnswer(answer),
    );
  }

  protected askLog(question: Omit<HistoryQuestion, 'limitBytes'>, onAnswer: (answer: HistoryAnswer) => void): void {
    this.#asking = true;
    const done = guarded(this, (answer: HistoryAnswer) => {
      onAnswer(answer);
      // Not before: what the client takes meanwhile must not have the same items read again.
      this.#asking = false;
      if (!this.waits) this.readOn();
    });
    this.source.ask({ ...question, limitBytes: this.room.budget.pageOf(PAGE_BYTES) }, done);
  }

  /** Whether an answer is on its way. */
  protected get isAsking(): boolean {
    return this.#asking;
  }

  /** Whether it asks, or has been answered. */
  protected get hasAsked(): boolean {
    return this.#asking || !this.first;
  }

  /** It is known where the client is. What is read from now on is of the epoch of this answer. */
  protected begin(answer: HistoryAnswer): void {
    const isNew = this.after === null || answer.gaps.length > 0;
    const isFirst = this.first && !this.moved;
    // What was before does not count.
    if (answer.gaps.length > 0) [this.position, this.skipped] = [0, 0];
    this.first = false;
    this.epoch = this.source.epoch;
    this.#start = answer.start;
    if (!isFirst) return;
    if (isNew) {
      this.client.onPlaced?.(foundIn(answer, this.ids), NO_NAMES);
    } else {
      this.room.counters.historyResumed++;
      this.client.onPlaced?.(this.kept.names, this.begunIn(answer));
    }
  }

  /** Channels of which items follow that come before the one that its origin knew last. */
  protected abstract begunIn(answer: HistoryAnswer): ReadonlySet<string>;

  /** The client has what there is up to the head of the answer. */
  protected passPage({ head, more }: HistoryAnswer): void {
    this.position = Math.max(this.position, head);
    this.reading = more || head < this.skipped;
    this.waits = !more;
    if (!more) this.#start = NO_START;
  }
}
