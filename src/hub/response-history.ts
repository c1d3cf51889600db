import { type AwaitsTurn, type Guarded, guarded, turnBudget } from '../clock/index.ts';
import { withoutFields } from '../codec/fields/index.ts';
import type { ResponseHead } from '../exchange/index.ts';
import { type Cursor, formatCursor, LOST_CURSOR } from '../history/index.ts';
import { clientCursor } from './client-cursor.ts';
import { eventGap } from './event-gap.ts';
import {
  askForId,
  foundIn,
  type HistoryAnswer,
  type HubHistory,
  type NamedPlace,
  NO_START,
  PAGE_BYTES,
} from './hub-history.ts';
import type { HubRoom } from './hub-room.ts';
import { type JoinMode, joinedResponses, shaped } from './joined-responses.ts';
import { isKept, type KeptChannels, keptOf, NO_NAMES, replaysGap, toldGaps } from './kept-channels.ts';
import { patternsAmong } from './later-channels.ts';
import type { MovedPlace } from './moved-hold.ts';
import type { PlaceOptions } from './place-options.ts';
import type { PublishedResponse } from './published-response.ts';

/** The held request whose client has a cursor. */
export interface HistoryPoll extends Guarded {
  /** Whether the client still waits, and an item can be its response now. */
  readonly ready: boolean;
  /**
   * It is known where the client begins.
   * @param whole channels of which it gets all that comes after what it has
   * @param begun those of which items follow that come before the one that its origin knew last
   */
  onPlaced(whole: ReadonlySet<string>, begun: ReadonlySet<string>): void;
  /** Takes an item from the log. Returns false if it is not the response: a filter keeps it from the client, or something is found out first. */
  takeKept(published: PublishedResponse): boolean;
  /**
   * The client could not get all that it has missed, and is to be told so: responds with what there is.
   * @param isReplayed whether the request is sent to its origin again instead, where that is possible
   */
  onGap(isReplayed: boolean): void;
}

/**
 * Where the client of a held request is in the log of its channels: items that it has missed are its response at once. Until it is known whether there
 * are any, what comes live is left to the log.
 */
export class ResponseHistory implements AwaitsTurn {
  /** Whether all channels and patterns of the client are kept. */
  readonly hasAll: boolean;
  readonly #room: HubRoom;
  readonly #source: HubHistory;
  readonly #poll: HistoryPoll;
  readonly #prefix: string;
  readonly #join: JoinMode;
  readonly #kept: KeptChannels;
  /** What its origin says that the client has. */
  #ids: readonly NamedPlace[];
  /** Where it was before its request was replayed. */
  #before: Cursor | null = null;
  /** Where it began, until it has caught up. */
  #start = NO_START;
  /** Every item up to this number is behind the client, once that is known. */
  #position = 0;
  #after: Cursor | null;
  /** What it says that is no cursor: the id of an item, perhaps. */
  readonly #id: string | null;
  #first = true;
  #reading = true;
  #asking = false;
  /** Whether it reads, or waits for its turn to go on with that. */
  #pumping = false;
  #skipped = 0;
  #moved = false;
  #waits = false;
  /** Channels that the client is to hear of. */
  #gaps: readonly string[] = [];
  /** Whether one of them is to be asked of the origin. */
  #replaysGap = false;

  constructor(
    room: HubRoom,
    source: HubHistory,
    poll: HistoryPoll,
    { keys, since, ids = [], prefix, join }: PlaceOptions,
  ) {
    this.#room = room;
    this.#source = source;
    this.#poll = poll;
    this.#prefix = prefix;
    this.#join = join;
    this.#kept = keptOf(room, keys);
    this.hasAll = keys.every((key) => isKept(room, key));
    this.#ids = ids;
    const { after, id } = clientCursor(since);
    this.#after = after;
    this.#id = id;
  }

  /** Begins, behind what a hold before it has had. */
  start(former: ResponseHistory | null): void {
    if (former?.isKnown === true) {
      this.#before = former.cursor;
      const { names, patterns } = this.#kept;
      // The origin has just been told where the client is: what it says of all channels counts.
      if (patterns.length === 0 && this.#ids.length === names.size) this.#after = null;
      else this.#goBack();
    }
    this.pump();
  }

  /** Where the client was before the replay is where it is. */
  #goBack(): void {
    this.#after = this.#before;
    this.#ids = [];
  }

  /** Channels of which the log may have what the client has missed. */
  get named(): ReadonlySet<string> {
    return new Set(this.#ids.map(([channel]) => channel));
  }

  /** Items may have been lost on their way: looks for them in the log. */
  recover(): void {
    if (this.#first) return;
    this.#reading = true;
    this.pump();
  }

  /** Whether an item of a channel with this id of its publisher is in the log. */
  hasId(channel: string, id: string, done: (found: boolean) => void): void {
    askForId(this.#source, channel, id, guarded(this, done));
  }

  /** From what another process makes it again; null while it reads. */
  get place(): MovedPlace | null {
    if (this.#reading || this.#gaps.length > 0) return null;
    const { epoch, number } = this.cursor;
    return { cursor: formatCursor(epoch, number), prefix: this.#prefix, join: this.#join };
  }

  /** Goes on where one of another process has stopped. */
  goOn(): void {
    this.#moved = true;
    this.pump();
  }

  /** Channels that the client is to hear of, since it has missed something for good. */
  get gaps(): readonly string[] {
    return this.#gaps;
  }

  /** Whether it is known where the client is, and nothing is to be read. */
  get isKnown(): boolean {
    return !this.#reading;
  }

  get cursor(): Cursor {
    return { epoch: this.#source.epoch, number: this.#position };
  }

  /** Whether a live item is for the client now. What is not is in the log. */
  takes(number: number): boolean {
    if (!this.#reading && this.#poll.ready && number > this.#position) return true;
    if (number > this.#position) {
      this.#skipped = Math.max(this.#skipped, number);
      this.#reading = true;
      if (this.#waits) this.pump();
    }
    return false;
  }

  /** A live item as the route says. */
  shape(published: PublishedResponse): PublishedResponse {
    return shaped(published, this.#join);
  }

  /** The client does not get the item with this number. */
  passOver(number: number): void {
    this.#position = Math.max(this.#position, number);
  }

  /** Looks into the log, if there is a reason to. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const mayAsk = this.#mayAsk;
    if (mayAsk) this.#ask();
    if (mayAsk && !this.#waits && this.#mayAsk) turnBudget.wait(this);
    else this.#pumping = false;
  }

  get #mayAsk(): boolean {
    return this.#reading && !this.#asking && this.#poll.ready;
  }

  onTurn(): void {
    this.#pumping = false;
    this.pump();
  }

  onFault(thrown: unknown): void {
    this.#poll.onFault(thrown);
  }

  #ask(): void {
    const after = this.#first ? this.#after : this.cursor;
    this.#asking = true;
    const id = this.#first && after === LOST_CURSOR ? this.#id : null;
    const { names, patterns: keys } = this.#kept;
    const [start, ids] = [this.#start, this.#first ? this.#ids : []];
    const patterns = patternsAmong(keys);
    const limitBytes = this.#room.budget.pageOf(PAGE_BYTES);
    const question = { channels: [...names], patterns, after, start, id, ids, limitBytes };
    const done = guarded(this, (answer: HistoryAnswer) => {
      this.#onAnswer(answer);
      this.#asking = false;
      if (!this.#waits) this.pump();
    });
    this.#source.ask(question, done);
  }

  /** The head of a response with an item, with the cursor. */
  headOf(head: ResponseHead, number: number): ResponseHead {
    return { ...head, headers: this.fields(head.headers, number) };
  }

  /** The fields of the response, with the cursor. @param number of the item that is the response; 0 for none */
  fields(headers: readonly string[], number: number): readonly string[] {
    const cursor = number > 0 ? { ...this.cursor, number } : this.#reading ? this.#after : this.cursor;
    const gap = this.#gaps.length === 0 ? [] : ['Event-Gap', eventGap(this.#gaps)];
    const own =
      cursor === null || cursor === LOST_CURSOR ? [] : ['Last-Event-ID', formatCursor(cursor.epoch, cursor.number)];
    return own.length + gap.length === 0 ? headers : [...withoutFields(headers, isOurs), ...own, ...gap];
  }

  #onAnswer(answer: HistoryAnswer): void {
    const { gaps, missing, items, head, more, start } = answer;
    if (this.#first && missing.length > 0 && this.#after === null && this.#before !== null) {
      this.#goBack();
      return;
    }
    const isFirst = this.#first;
    if (gaps.length > 0) this.#note(gaps);
    else if (isFirst && this.#after !== null && !this.#moved) this.#room.counters.historyResumed++;
    this.#first = false;
    this.#start = start;
    if (isFirst && !this.#moved) this.#tellPlaced(answer);
    for (const published of joinedResponses(items, this.#join)) {
      if (!this.#poll.ready) return;
      if (this.#poll.takeKept(published)) return;
      this.passOver(published.number);
      // Something is found out about it. What follows is read again.
      if (!this.#poll.ready) return;
    }
    if (!this.#poll.ready) return;
    this.passOver(head);
    this.#reading = more || head < this.#skipped;
    // What was left to the log is not there yet: it is looked for again when more comes.
    this.#waits = !more;
    if (!more) this.#start = NO_START;
    if (!this.#reading && this.#gaps.length > 0) this.#poll.onGap(this.#replaysGap);
  }

  #tellPlaced(answer: HistoryAnswer): void {
    const { gaps, items } = answer;
    const { names } = this.#kept;
    if (this.#after === null || gaps.length > 0) {
      this.#poll.onPlaced(foundIn(answer, this.#ids), NO_NAMES);
    } else {
      const begun = this.#before === null ? items.map(({ channel }) => channel) : [];
      this.#poll.onPlaced(names, new Set(begun));
    }
  }

  #note(keys: readonly string[]): void {
    this.#room.counters.historyGaps++;
    this.#gaps = toldGaps(this.#room, keys, this.#prefix);
    this.#replaysGap = replaysGap(this.#room, keys);
  }
}

/** Whether a field is written here. */
function isOurs(lowerName: string): boolean {
  return lowerName === 'last-event-id' || lowerName === 'event-gap';
}
