import { type AwaitsTurn, type Guarded, turnBudget } from '../clock/index.ts';
import { withoutFields } from '../codec/fields/index.ts';
import type { ResponseHead } from '../exchange/index.ts';
import { type Cursor, formatCursor, LOST_CURSOR } from '../history/index.ts';
import { clientCursor } from './client-cursor.ts';
import type { HistoryAnswer, HubHistory } from './hub-history.ts';
import type { HubRoom } from './hub-room.ts';
import { type JoinMode, joinedResponses, shaped } from './joined-responses.ts';
import { keptOf, toldGaps } from './kept-channels.ts';
import type { MovedPlace } from './moved-hold.ts';
import type { PlaceOptions } from './place-options.ts';
import type { PublishedResponse } from './published-response.ts';
import { PAGE_BYTES } from './stream-history.ts';

/** The held request whose client has a cursor. */
export interface HistoryPoll extends Guarded {
  /** Whether the client still waits, and an item can be its response now. */
  readonly ready: boolean;
  /** Takes an item from the log. Returns false if a filter keeps it from the client. */
  takeKept(published: PublishedResponse): boolean;
  /** The client could not get all that it has missed, and is to be told so: responds with what there is. */
  onGap(): void;
}

/**
 * Where the client of a held request is in the log of its channels: items that it has missed are its response at once. Until it is known whether there
 * are any, what comes live is left to the log.
 */
export class ResponseHistory implements AwaitsTurn {
  readonly #room: HubRoom;
  readonly #source: HubHistory;
  readonly #poll: HistoryPoll;
  readonly #prefix: string;
  readonly #join: JoinMode;
  readonly #names: readonly string[];
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

  constructor(room: HubRoom, source: HubHistory, poll: HistoryPoll, { keys, since, prefix, join }: PlaceOptions) {
    this.#room = room;
    this.#source = source;
    this.#poll = poll;
    this.#prefix = prefix;
    this.#join = join;
    const { names, patterns } = keptOf(room, keys);
    this.#names = [...names];
    const { after, id } = clientCursor(since);
    this.#after = after;
    this.#id = id;
    if (this.#after !== null && patterns.length > 0) {
      // What they matched in the past is not known.
      this.#note([...names, ...patterns]);
      this.#after = null;
    }
  }

  /** Begins, behind what a hold before it has had. */
  start(former: ResponseHistory | null): void {
    if (former?.isKnown === true) this.#after = former.cursor;
    this.pump();
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
    this.#source.ask({ channels: this.#names, after, id, limitBytes: PAGE_BYTES }, (answer) => {
      this.#onAnswer(answer);
      this.#asking = false;
      if (!this.#waits) this.pump();
    });
  }

  /** The head of a response with an item, with the cursor. */
  headOf(head: ResponseHead, number: number): ResponseHead {
    return { ...head, headers: this.fields(head.headers, number) };
  }

  /** The fields of the response, with the cursor. @param number of the item that is the response; 0 for none */
  fields(headers: readonly string[], number: number): readonly string[] {
    const cursor = number > 0 ? { ...this.cursor, number } : this.#reading ? this.#after : this.cursor;
    const gap = this.#gaps.length === 0 ? [] : ['Event-Gap', asciiJson(this.#gaps)];
    const own =
      cursor === null || cursor === LOST_CURSOR ? [] : ['Last-Event-ID', formatCursor(cursor.epoch, cursor.number)];
    return own.length + gap.length === 0 ? headers : [...withoutFields(headers, isOurs), ...own, ...gap];
  }

  #onAnswer({ gaps, items, head, more }: HistoryAnswer): void {
    if (gaps.length > 0) this.#note(gaps);
    else if (this.#first && this.#after !== null && !this.#moved) this.#room.counters.historyResumed++;
    this.#first = false;
    for (const published of joinedResponses(items, this.#join)) {
      if (!this.#poll.ready) return;
      if (this.#poll.takeKept(published)) return;
      this.passOver(published.number);
    }
    if (!this.#poll.ready) return;
    this.passOver(head);
    this.#reading = more || head < this.#skipped;
    // What was left to the log is not there yet: it is looked for again when more comes.
    this.#waits = !more;
    if (!this.#reading && this.#gaps.length > 0) this.#poll.onGap();
  }

  #note(keys: readonly string[]): void {
    this.#room.counters.historyGaps++;
    this.#gaps = toldGaps(this.#room, keys, this.#prefix);
  }
}

/** Whether a field is written here. */
function isOurs(lowerName: string): boolean {
  return lowerName === 'last-event-id' || lowerName === 'event-gap';
}

/** A list as JSON that may be the value of a field. */
function asciiJson(list: readonly string[]): string {
  return JSON.stringify(list).replaceAll(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
