import { guarded } from '../clock/index.ts';
import { matchesPattern, type PublishItem } from '../codec/grip/index.ts';
import { formatCursor, LOST_CURSOR } from '../history/index.ts';
import { boundedSince } from './client-cursor.ts';
import { HistoryPlace } from './history-place.ts';
import type { HistoryRun, HistoryStream } from './history-stream.ts';
import { type HistoryAnswer, type HubHistory, PAGE_BYTES, type StartPlaces } from './hub-history.ts';
import type { HubRoom } from './hub-room.ts';
import { isKept, type KeptChannels, keptOf, replaysGap, toldGaps } from './kept-channels.ts';
import { LaterChannels, type LaterGroup, namesAmong, patternsAmong } from './later-channels.ts';
import { LeftKeys } from './left-keys.ts';
import type { MovedPlace } from './moved-hold.ts';
import type { PlaceOptions } from './place-options.ts';
import { patternOf } from './subscription-key.ts';

/**
 * Channels that a client is told of by their names when items of them got lost. Beyond it the client is told of its patterns.
 * @bound lost-channels
 */
export const MAX_LOST = 1_000;

/**
 * Where the client of an event stream or WebSocket is in the log of its channels. It *reads* when it has come back, or has fallen behind: then it gets items from the
 * log, as fast as it takes them, and what comes live is left to the log. Otherwise it gets what comes live. Either way it gets items in the order of their numbers.
 */
export class StreamHistory<Run extends HistoryRun<Run>> extends HistoryPlace<HistoryStream<Run>> {
  readonly #since: string | null;
  /** Those that it was subscribed to since it has begun, until it has what it has missed of them. */
  readonly #later = new LaterChannels();
  /** New channels of which it is not known yet where they begin, each with its question: one that is left and subscribed to again has another. */
  readonly #unknown = new Map<string, object>();
  /** Those that it has left since it has asked: the answer may have items of them. */
  #left: LeftKeys | null = null;
  /** Whether it was subscribed since then to something of which the answer has nothing. */
  #widened = false;
  /** The first item that came before it was known where the client begins, and was left to the log. */
  #firstLeft = Number.POSITIVE_INFINITY;
  /** Channels of which items got lost, until the client is told so. */
  #lost: Set<string> | null = null;
  /** Whether the client is to be told where it is once it has caught up. */
  #cursorDue = true;
  /** Whether it may read: what the client takes of its initial body begins nothing. */
  #started = false;

  constructor(room: HubRoom, source: HubHistory, stream: HistoryStream<Run>, options: PlaceOptions) {
    super(room, source, stream, options);
    const { since } = options;
    this.#since = since === null ? null : boundedSince(since);
  }

  /** The client has its initial body. */
  start(): void {
    this.#started = true;
    this.readOn();
  }

  override startLater(): void {
    this.#started = true;
    super.startLater();
  }

  /** From what another process makes it again; null while it reads. */
  get place(): MovedPlace | null {
    if (this.reading) return null;
    return { cursor: formatCursor(this.epoch, this.position), prefix: this.prefix, join: 'none' };
  }

  /** Goes on where one of another process has stopped. */
  goOn(): void {
    this.#cursorDue = false;
    this.moved = true;
    this.startLater();
  }

  /** The stream is subscribed to others from now on. */
  replace(keys: readonly string[]): void {
    const former = keysOf(this.kept);
    const kept = keptOf(this.room, keys);
    const next = keysOf(kept);
    for (const key of former) if (!next.has(key)) this.part(key);
    this.kept = kept;
    for (const key of next) {
      if (former.has(key)) continue;
      this.#widened ||= this.isAsking;
      this.#sinceAsked?.join(key);
    }
    this.hasAll = keys.every((key) => isKept(this.room, key));
  }

  /** It is subscribed to another channel or pattern. @param since as `PlaceOptions.since` */
  join(key: string, since: string | null): void {
    const { names, patterns } = this.kept;
    this.hasAll &&= isKept(this.room, key);
    if (!isKept(this.room, key) || names.has(key) || patterns.includes(key)) return;
    if (patternOf(key) === null) names.add(key);
    else patterns.push(key);
    this.#sinceAsked?.join(key);
    if (since === null) {
      this.#joinNew(key);
      return;
    }
    const bounded = boundedSince(since);
    // It begins with the others, where it comes before they have begun.
    if (this.hasAsked || bounded !== this.#since) this.#later.add(key, bounded);
    this.reading = true;
    this.#cursorDue = true;
    this.startLater();
  }

  /** It is not subscribed to a channel or pattern any more. */
  part(key: string): void {
    const { names, patterns } = this.kept;
    const at = patterns.indexOf(key);
    if (at >= 0) patterns.splice(at, 1);
    else if (!names.delete(key)) return;
    this.#later.delete(key);
    this.#unknown.delete(key);
    this.#sinceAsked?.part(key);
  }

  /** What it leaves now may be in the answer that is on its way; null where there is none. */
  get #sinceAsked(): LeftKeys | null {
    if (!this.isAsking) return null;
    this.#left ??= new LeftKeys();
    return this.#left;
  }

  /** A channel of which the client has nothing: finds out where it begins, unless it gets what comes live anyway. */
  #joinNew(key: string): void {
    this.#widened ||= patternOf(key) !== null && this.isAsking;
    if (patternOf(key) !== null || (this.isLive && this.room.history.rules.of(key)?.retain !== true)) return;
    this.reading = true;
    const question = { channels: [key], after: null, limitBytes: this.room.budget.pageOf(PAGE_BYTES) };
    this.#unknown.set(key, question);
    this.source.ask(
      question,
      guarded(this, ({ gaps, items: [item], head }: HistoryAnswer) => {
        // It may have left it meanwhile.
        if (this.#unknown.get(key) === question) {
          this.#unknown.delete(key);
          if (gaps.length > 0 && !this.client.ended) this.tellGap(gaps);
          const start = item === undefined ? head : (item.number ?? 1) - 1;
          // An answer that is on its way, or has come, may go beyond this head without the channel.
          if (item === undefined && head >= this.position && !this.isAsking) this.#later.skipTo(key, head);
          else this.#later.beginAt(key, { epoch: this.source.epoch, number: start });
        }
        this.pump();
      }),
    );
  }

  /** What the client gets of a run now; null for nothing. */
  next(run: Run): Run | null {
    const { first, last } = run;
    if (last === 0) return run;
    if (this.hasLost || this.reading) {
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
  missed(number: number): void {
    this.drop(number);
    this.pump();
  }

  /** The same where others follow, before the last of which it is not looked for. */
  drop(number: number): void {
    this.skipped = Math.max(this.skipped, this.position, number);
    this.position = Math.min(this.position, number - 1);
    this.reading = true;
  }

  /** Whether the client gets the item with this number from the log, later. */
  leaves(number: number): boolean {
    return number > this.position;
  }

  override hasId(channel: string, id: string, done: (found: boolean) => void): void {
    super.hasId(channel, id, (found) => {
      if (!this.client.ended) done(found);
    });
  }

  /** Items of a channel after the one with this number may have been lost: some that it has gone beyond, and others that it finds in the log. */
  onBroken(channel: string, from: number): void {
    if (this.isBeyond(from)) this.onLost(channel);
    this.recover();
  }

  /** An item of a channel has got lost for good. */
  onLost(channel: string): void {
    if (!isKept(this.room, channel)) return;
    this.#lost ??= new Set();
    if (this.#lost.size < MAX_LOST) this.#lost.add(channel);
    else for (const key of this.kept.patterns) this.#lost.add(key);
    this.#tellLost();
  }

  /** Not while something waits for the client: much may get lost meanwhile. */
  #tellLost(): void {
    if (this.#lost === null || !this.client.ready || this.client.ended) return;
    const lost = [...this.#lost];
    this.#lost = null;
    this.tellGap(lost, this.first ? null : this.#here);
  }

  override pump(): void {
    if (!this.#started) return;
    this.#tellLost();
    if (this.reading) this.readOn();
    else this.#tellCursor();
  }

  /** The client does not get items of these channels or patterns. @param cursor where it goes on; null where that is not known */
  tellGap(keys: readonly string[], cursor: string | null = null): void {
    this.room.counters.historyGaps++;
    const channels = toldGaps(this.room, keys, this.prefix);
    if (channels.length === 0) return;
    this.client.tellGap(channels, cursor);
  }

  #leave({ first, last }: Run): void {
    if (this.first) this.#firstLeft = Math.min(this.#firstLeft, first);
    this.skipped = Math.max(this.skipped, last);
    if (this.waits) this.readOn();
  }

  protected override get takesItems(): boolean {
    // It begins now, whatever waits for it.
    return this.#unknown.size === 0 && !this.client.ended && (this.client.ready || this.first);
  }

  protected override ask(): void {
    this.#left = null;
    this.#widened = false;
    // Not before it has a place that counts.
    const later = this.first || this.source.epoch !== this.epoch ? null : this.#later.first;
    const { names, patterns } = this.kept;
    if (later === null) this.askNext(this.#later.without(names), this.#later.without(patterns));
    else this.#askLater(later);
  }

  protected override onAnswer(given: HistoryAnswer): void {
    if (this.client.ended) return;
    const isFirst = this.first;
    const answer = isFirst && this.after === null ? this.#withLeft(given) : given;
    const { gaps, items, start } = answer;
    const isLacking = this.#widened || answer !== given;
    if (gaps.length > 0) this.#onGaps(answer);
    if (this.epoch !== this.source.epoch) this.#later.passed();
    this.begin(answer);
    if (this.client.ended) return;
    if (gaps.length > 0 || (isFirst && isEmpty(answer))) this.#tellBeginning(answer, isLacking);
    if (isLacking || (items.length > 0 && (this.#unknown.size > 0 || (isFirst && !this.client.ready)))) {
      // They are read again when the client takes something, and it is known where its new channels begin: no cursor may be beyond that.
      if (isFirst || gaps.length > 0) this.position = lowestOf(start);
      this.reading = true;
      return;
    }
    if (!this.#give(this.#notLeft(items, null))) return;
    this.passPage(answer);
    if (this.#hasLater) [this.reading, this.waits] = [true, false];
    if (this.reading) return;
    this.#later.passed();
    this.#tellCursor();
  }

  /** A new client begins no later than with what has come for it: an answer that begins behind that lacks it. */
  #withLeft(answer: HistoryAnswer): HistoryAnswer {
    const { gaps, start } = answer;
    if (gaps.length > 0 || start.from < this.#firstLeft) return answer;
    return { ...answer, start: { ...start, from: this.#firstLeft - 1 } };
  }

  #onGaps(answer: HistoryAnswer): void {
    const { gaps } = answer;
    this.#cursorDue = true;
    const hasBegun = !this.first || this.moved;
    if (hasBegun && replaysGap(this.room, gaps) && this.client.askForGap?.() === true) {
      this.room.counters.historyGaps++;
      return;
    }
    this.tellGap(gaps, formatCursor(this.source.epoch, beginningOf(answer)));
  }

  protected override begunIn({ items, more }: HistoryAnswer): ReadonlySet<string> {
    return more ? this.kept.names : new Set(items.map(({ channel }) => channel));
  }

  /** Returns false where one of the items has to be read again. */
  #give(items: readonly PublishItem[]): boolean {
    const cap = this.#later.lowest(Infinity, this.epoch);
    for (const run of this.client.runsOf(this.#later.wanted(items), cap)) {
      this.position = run.last;
      this.client.give(run);
      if (this.position < run.last || this.client.ended) return false;
    }
    return true;
  }

  /** Those of the items of an answer that are of channels which it has not left since it has asked for them. @param group that was asked for; null for the others */
  #notLeft(items: readonly PublishItem[], group: LaterGroup | null): readonly PublishItem[] {
    const left = this.#left;
    if (left === null) return items;
    const keys = group?.keys ?? this.#later.without(keysOf(this.kept));
    const asked = [...keys].filter((key) => !left.has(key));
    const [names, patterns] = [new Set(namesAmong(asked)), patternsAmong(asked)];
    return items.filter(({ channel }) => names.has(channel) || patterns.some((each) => matchesPattern(each, channel)));
  }

  get #hasLater(): boolean {
    return this.#later.first !== null || this.#unknown.size > 0;
  }

  /** Nothing numbered is on its way: what waits for the client does not matter. Behind what it gets now it is told again. */
  #tellBeginning(answer: HistoryAnswer, isLacking: boolean): void {
    if (!this.#cursorDue || !this.client.isIdle || this.#hasLater) return;
    this.#cursorDue = isLacking || !isEmpty(answer);
    this.client.tellCursor(formatCursor(this.epoch, isLacking ? lowestOf(answer.start) : beginningOf(answer)));
  }

  /** Not while something waits for the client that it may have to read again. */
  #tellCursor(): void {
    if (!this.#cursorDue || !this.client.ready) return;
    this.#cursorDue = false;
    this.client.tellCursor(this.#here);
  }

  get #here(): string {
    return this.cursorAt(this.position);
  }

  /** The cursor of a client that has all up to this number. */
  cursorAt(number: number): string {
    return formatCursor(this.epoch, this.#later.lowest(number, this.epoch));
  }

  // ---- what it has missed of channels that it was subscribed to later

  #askLater(group: LaterGroup): void {
    const { since, keys } = group;
    const [channels, patterns] = [namesAmong(keys), patternsAmong(keys)];
    if (!group.asked && since !== null && patterns.length > 0 && (group.after?.number ?? 0) > this.position) {
      // Which of the next items the client has already is not known.
      this.tellGap([...keys], this.#here);
      group.after = null;
    }
    group.asked = true;
    const id = group.after === LOST_CURSOR ? group.id : null;
    this.askLog({ channels, patterns, after: group.after, id }, (answer) => this.#onLater(group, answer));
  }

  /** What is beyond the place of the others comes with them. */
  #onLater(group: LaterGroup, { gaps, items, head, more }: HistoryAnswer): void {
    if (this.client.ended || this.source.epoch !== this.epoch) return;
    const { position } = this;
    const { after, since, keys } = group;
    const begins = gaps.length > 0 || after === null;
    if (gaps.length > 0 && since !== null) this.tellGap(gaps, this.#here);
    for (const channel of namesAmong(keys)) {
      const first = items.find((item) => item.channel === channel)?.number;
      const start = begins ? (first === undefined ? head : first - 1) : after.number;
      if (start > position) this.#later.skipTo(channel, start);
    }
    if (!begins && more && head < position) {
      group.after = { epoch: this.source.epoch, number: head };
    } else {
      if (!begins && since !== null) this.room.counters.historyResumed++;
      this.#later.finish(group);
    }
    const missed = this.#notLeft(items, group).filter(({ number = 0 }) => number <= position);
    const cap = this.#later.lowest(position, this.epoch);
    for (const run of this.client.runsOf(missed, cap)) {
      if (!this.client.ended) this.client.give(run);
    }
  }
}

function keysOf({ names, patterns }: KeptChannels): ReadonlySet<string> {
  return new Set([...names, ...patterns]);
}

/** The number behind which a client begins that gets this answer. */
function beginningOf({ items, head }: HistoryAnswer): number {
  return (items[0]?.number ?? head + 1) - 1;
}

/** The number behind which the items come that are read from where a client began. */
function lowestOf({ from, places }: StartPlaces): number {
  return places.reduce((lowest, [, number]) => Math.min(lowest, number), from);
}

function isEmpty({ items, more }: HistoryAnswer): boolean {
  return items.length === 0 && !more;
}
