import { withoutFields } from '../codec/fields/index.ts';
import type { ResponseHead } from '../exchange/index.ts';
import { type Cursor, formatCursor, LOST_CURSOR } from '../history/index.ts';
import { eventGap } from './event-gap.ts';
import { type HistoryClient, HistoryPlace } from './history-place.ts';
import type { HistoryAnswer, HubHistory } from './hub-history.ts';
import type { HubRoom } from './hub-room.ts';
import { type JoinMode, joinedResponses, shaped } from './joined-responses.ts';
import { NO_NAMES, replaysGap, toldGaps } from './kept-channels.ts';
import type { MovedPlace } from './moved-hold.ts';
import type { PlaceOptions } from './place-options.ts';
import type { PublishedResponse } from './published-response.ts';

/** The held request whose client has a cursor. */
export interface HistoryPoll extends HistoryClient {
  /** Whether the client still waits, and an item can be its response now. */
  readonly ready: boolean;
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
export class ResponseHistory extends HistoryPlace<HistoryPoll> {
  readonly #join: JoinMode;
  /** Where it was before its request was replayed. */
  #before: Cursor | null = null;
  /** Where it, or the hold before it, has caught up last; null before that. While it reads on, a filter's service may be asked about an item before its place. */
  #known: Cursor | null = null;
  /** Channels that the client is to hear of. */
  #gaps: readonly string[] = [];
  /** Whether one of them is to be asked of the origin. */
  #replaysGap = false;

  constructor(room: HubRoom, source: HubHistory, poll: HistoryPoll, options: PlaceOptions) {
    super(room, source, poll, options);
    this.#join = options.join;
  }

  /** Begins, behind what a hold before it has had. */
  start(former: ResponseHistory | null): void {
    this.#before = former?.safe ?? null;
    this.#known = this.#before;
    if (this.#before !== null) {
      const { names, patterns } = this.kept;
      // The origin has just been told where the client is: what it says of all channels counts.
      if (patterns.length === 0 && this.ids.length === names.size) this.after = null;
      else this.#goBack();
    }
    this.pump();
  }

  /** Where nothing before it is left for the client; null where that is not known. */
  get safe(): Cursor | null {
    return this.reading ? this.#known : this.cursor;
  }

  /** Where the client was before the replay is where it is. */
  #goBack(): void {
    this.after = this.#before;
    this.ids = [];
  }

  /** Channels of which the log may have what the client has missed. */
  get named(): ReadonlySet<string> {
    return new Set(this.ids.map(([channel]) => channel));
  }

  /** From what another process makes it again; null while it reads. */
  get place(): MovedPlace | null {
    if (this.reading || this.#gaps.length > 0) return null;
    const { epoch, number } = this.cursor;
    return { cursor: formatCursor(epoch, number), prefix: this.prefix, join: this.#join };
  }

  /** Goes on where one of another process has stopped. */
  goOn(): void {
    this.moved = true;
    this.pump();
  }

  /** Channels that the client is to hear of, since it has missed something for good. */
  get gaps(): readonly string[] {
    return this.#gaps;
  }

  /** Whether a live item is for the client now. What is not is in the log. */
  takes(number: number): boolean {
    if (!this.hasLost && !this.reading && this.client.ready && number > this.position) return true;
    if (number > this.position) {
      this.skipped = Math.max(this.skipped, number);
      this.reading = true;
      if (this.waits) this.pump();
    }
    return false;
  }

  /** A live item as the route says. */
  shape(published: PublishedResponse): PublishedResponse {
    return shaped(published, this.#join);
  }

  /** The client does not get the item with this number. */
  passOver(number: number): void {
    this.position = Math.max(this.position, number);
  }

  override pump(): void {
    this.readOn();
  }

  protected override get takesItems(): boolean {
    return this.client.ready;
  }

  protected override ask(): void {
    const { names, patterns } = this.kept;
    this.askNext(names, patterns);
  }

  /** The head of a response with an item, with the cursor. */
  headOf(head: ResponseHead, number: number): ResponseHead {
    return { ...head, headers: this.fields(head.headers, number) };
  }

  /** The fields of the response, with the cursor. @param number of the item that is the response; 0 for none */
  fields(headers: readonly string[], number: number): readonly string[] {
    const cursor = number > 0 ? { ...this.cursor, number } : (this.safe ?? this.after);
    const gap = this.#gaps.length === 0 ? [] : ['Event-Gap', eventGap(this.#gaps)];
    const own =
      cursor === null || cursor === LOST_CURSOR ? [] : ['Last-Event-ID', formatCursor(cursor.epoch, cursor.number)];
    return own.length + gap.length === 0 ? headers : [...withoutFields(headers, isOurs), ...own, ...gap];
  }

  protected override onAnswer(answer: HistoryAnswer): void {
    const { gaps, missing, items } = answer;
    if (this.first && missing.length > 0 && this.after === null && this.#before !== null) {
      this.#goBack();
      return;
    }
    if (gaps.length > 0) this.#note(gaps);
    this.begin(answer);
    for (const published of joinedResponses(items, this.#join)) {
      if (!this.client.ready) return;
      if (this.client.takeKept(published)) return;
      this.passOver(published.number);
      // Something is found out about it. What follows is read again.
      if (!this.client.ready) return;
    }
    if (!this.client.ready) return;
    this.passPage(answer);
    if (!this.reading) this.#known = this.cursor;
    if (!this.reading && this.#gaps.length > 0) this.client.onGap(this.#replaysGap);
  }

  protected override begunIn({ items }: HistoryAnswer): ReadonlySet<string> {
    return this.#before === null ? new Set(items.map(({ channel }) => channel)) : NO_NAMES;
  }

  #note(keys: readonly string[]): void {
    this.room.counters.historyGaps++;
    this.#gaps = toldGaps(this.room, keys, this.prefix);
    this.#replaysGap = replaysGap(this.room, keys);
  }
}

/** Whether a field is written here. */
function isOurs(lowerName: string): boolean {
  return lowerName === 'last-event-id' || lowerName === 'event-gap';
}
