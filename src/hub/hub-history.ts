import { type AwaitsTurn, type Guarded, guarded, TurnQueue, turnBudget } from '../clock/index.ts';
import { idTest, matchesPattern, type PublishItem } from '../codec/grip/index.ts';
import { hasExpired } from '../exchange/index.ts';
import type { Cursor, Place, ReadableStore, ReadResult } from '../history/index.ts';
import type { ChannelRules } from './channel-rules.ts';
import { itemCost } from './item-cost.ts';
import { readKept } from './read-kept.ts';
import { SharedAnswers } from './shared-answers.ts';
import { patternKey } from './subscription-key.ts';

/** A channel, and the publisher's id of an item of it. */
export type NamedPlace = readonly [channel: string, id: string];

/** Where a client has begun that is new, or was not continued: behind all items up to `from`, but on some channels further back. */
export interface StartPlaces {
  readonly from: number;
  readonly places: readonly Place[];
}

/** That of a client whose cursor was continued. */
export const NO_START: StartPlaces = { from: 0, places: [] };

/** What a hold asks of the items that are kept. */
export interface HistoryQuestion {
  /** Names of channels, each once. */
  readonly channels: readonly string[];
  /** Patterns: the channels that they match count as if they were named. */
  readonly patterns?: readonly string[];
  /** Where the client is; null for a new one. */
  readonly after: Cursor | null;
  /** Where it began, from the answer before. */
  readonly start?: StartPlaces;
  /** The publisher's id of the last item that the client has, of its only channel, in place of `after`. */
  readonly id?: string | null;
  /** The last items that its origin knew, of some of the channels: where a client begins that is new, or cannot be continued from `after`. */
  readonly ids?: readonly NamedPlace[];
  /** Bytes of items that are wanted at most, but one item at least. */
  readonly limitBytes: number;
}

/**
 * Bytes of items that are read for one client at a time, as the log has them, each costing at least 256, but always one item. The next ones follow once it has taken these. It is
 * 16,384 bytes while half of what may wait for all clients (hub-client-queues) does.
 * @bound history-page
 */
export const PAGE_BYTES = 65_536;

/**
 * Items of a channel among which one is looked for by its id, the newest first. No more than their beginnings are looked at.
 * @bound history-ids
 */
const MAX_LOOKED_AT = 1_000;

/**
 * Channels that patterns match and that have items for a client. Beyond it the client is told of a gap.
 * @bound history-pattern-channels
 */
export const MAX_MATCHED = 1_000;

/** The answer to it. */
export interface HistoryAnswer {
  /** Channels, and keys of patterns, of which the client has missed something that it does not get. If there are any it goes on as a new one. */
  readonly gaps: readonly string[];
  /** Channels whose `ids` are not known here. */
  readonly missing: readonly string[];
  /** In the order of their numbers. A new client gets the last one of each channel whose rule retains it. */
  readonly items: readonly PublishItem[];
  /** Where the client began with the first of these items. */
  readonly start: StartPlaces;
  /** Everything up to this number is in the answer, or before where it began; what comes above it is delivered to the hold. */
  readonly head: number;
  /** Whether more follows after `head` that is kept already. */
  readonly more: boolean;
}

/** The items of channels that are kept, as a hub sees them: here, or in another process. */
export interface HubHistory {
  /** What cursors begin with. */
  readonly epoch: string;
  /**
   * Answers at once, or later: then at the place in the order of deliveries at which everything up to `head` has been delivered.
   * @param done guarded by whoever asks
   */
  ask(question: HistoryQuestion, done: (answer: HistoryAnswer) => void): void;
}

/** Those of the channels with an id whose item was found. @param ids as in the question */
export function foundIn({ missing }: HistoryAnswer, ids: readonly NamedPlace[]): ReadonlySet<string> {
  return new Set(ids.map(([channel]) => channel).filter((channel) => !missing.includes(channel)));
}

/** The answer where nothing is kept, or nothing is known of it. */
export function emptyAnswer(question: HistoryQuestion): HistoryAnswer {
  const { after, ids = [] } = question;
  const gaps = after === null ? [] : keysOf(question);
  return { gaps, missing: ids.map(([channel]) => channel), items: [], start: NO_START, head: 0, more: false };
}

/** Asks whether an item of a channel with this id of its publisher is in the log. */
export function askForId(source: HubHistory, channel: string, id: string, done: (found: boolean) => void): void {
  const ids = [[channel, id]] as const;
  source.ask({ channels: [channel], after: null, ids, limitBytes: 0 }, ({ missing }) => done(missing.length === 0));
}

/** Items, and channels that are looked at, for all who ask in one turn of the event loop: ten milliseconds or so. */
const STEPS_PER_TURN = 2_048;

/** What to look for the channels of a pattern counts, where there are many. */
const PATTERN_STEPS = 256;

/** Items that are looked at for an id and together count as one step. */
const LOOKED_AT_PER_STEP = 32;

/** A question that waits for its turn. */
class WaitingQuestion implements AwaitsTurn {
  readonly onTurn: () => void;
  readonly #owner: Guarded;

  constructor(onTurn: () => void, owner: Guarded) {
    this.onTurn = onTurn;
    this.#owner = owner;
  }

  onFault(thrown: unknown): void {
    this.#owner.onFault(thrown);
  }
}

/** The items in a store of this process. */
export class OwnHistory implements HubHistory {
  readonly #store: ReadableStore;
  readonly #rules: () => ChannelRules;
  readonly #shared: SharedAnswers<HistoryAnswer>;
  readonly #owner: Guarded;
  readonly #turns = new TurnQueue();
  /** The turn of the event loop in which it was asked last, and the steps of its answers in that turn. */
  #turn = -1;
  #steps = 0;

  /** @param owner handles exceptions of calls that come later */
  constructor(store: ReadableStore, rules: () => ChannelRules, owner: Guarded) {
    this.#store = store;
    this.#rules = rules;
    this.#shared = new SharedAnswers(store, owner);
    this.#owner = owner;
  }

  get epoch(): string {
    return this.#store.epoch;
  }

  /** Many clients may come back in one turn, and the items of each take time: after so many of them questions wait for later turns. */
  ask(question: HistoryQuestion, done: (answer: HistoryAnswer) => void): void {
    const store = this.#store;
    const ask = (from: Cursor): void => this.#inTurn(() => this.#ask(question, from, done));
    if (store.cover === undefined) {
      ask(this.#end);
      return;
    }
    const keys = keysOf(question);
    const covered = guarded(this.#owner, (from: Cursor | null) => {
      if (from !== null) ask(from);
      else done({ ...emptyAnswer(question), gaps: keys });
    });
    store.cover(keys, covered);
  }

  /** Calls at once, or in a later turn if this one has taken its steps. */
  #inTurn(call: () => void): void {
    const { number } = this.#turns;
    if (number !== this.#turn) this.#steps = 0;
    this.#turn = number;
    if (this.#steps >= STEPS_PER_TURN) turnBudget.wait(new WaitingQuestion(call, this.#owner));
    else call();
  }

  /** Behind all that is stored. */
  get #end(): Cursor {
    return { epoch: this.epoch, number: this.#store.head };
  }

  /** @param from where a new client begins */
  #ask(question: HistoryQuestion, from: Cursor, done: (answer: HistoryAnswer) => void): void {
    const key = JSON.stringify(question.after === null ? [question, from] : question);
    const shared = this.#shared.get(key);
    const { channels, patterns = [] } = question;
    this.#steps += 1 + channels.length + patterns.length * PATTERN_STEPS;
    if (shared !== undefined) {
      this.#steps += shared.items.length;
      done(shared);
      return;
    }
    const { last } = this.#store;
    this.#answer(question, from, (answer) => {
      if (this.#store.last === last && answer.items.every(lasts)) this.#shared.set(key, answer, bytesOf(answer));
      this.#steps += answer.items.length;
      done(answer);
    });
  }

  #answer(question: HistoryQuestion, from: Cursor, done: (answer: HistoryAnswer) => void): void {
    const { id = null, channels, patterns = [], after } = question;
    const [channel = ''] = channels;
    if (after === null) {
      this.#begin(question, [], done, from);
    } else if (id !== null && channels.length === 1 && patterns.length === 0) {
      this.#find(channel, id, (number) =>
        this.#continue(question, number === null ? after : { epoch: this.epoch, number }, done),
      );
    } else {
      this.#continue(question, after, done);
    }
  }

  /** What comes after a cursor. */
  #continue(question: HistoryQuestion, after: Cursor, done: (answer: HistoryAnswer) => void): void {
    const { channels, patterns = [], start = NO_START, limitBytes } = question;
    const places = start.places.map(([name, number]): Place => [name, Math.max(number, after.number)]);
    const from = Math.max(after.number, start.from);
    const end = patterns.length === 0 ? Number.POSITIVE_INFINITY : this.#store.head;
    const read = (matched: readonly string[]): void => {
      const all = [...new Set([...channels, ...places.map(([name]) => name), ...matched])];
      const query = { channels: all, after: { ...after, number: from }, places, limitBytes };
      this.#store.read(query, (result) => {
        const { recovered, gaps } = result;
        if (recovered) done({ gaps, missing: [], start: { from, places }, ...this.#passed(result, end) });
        // All of them, where the cursor itself means nothing here.
        else this.#begin(question, gaps.length === all.length ? keysOf(question) : keysAmong(question, gaps), done);
      });
    };
    if (patterns.length === 0) {
      read([]);
    } else if (after.epoch !== this.epoch) {
      this.#begin(question, keysOf(question), done);
    } else {
      this.#store.matching(patterns, from, MAX_MATCHED, (matched) => {
        if (matched === null) this.#begin(question, keysOf(question), done);
        else read(matched);
      });
    }
  }

  /**
   * What a client gets that is new, or cannot be continued: what comes after the items that its origin knew, and the last item of each channel that retains it, and what has been stored since it began.
   * @param from where it began
   */
  #begin(
    question: HistoryQuestion,
    gaps: readonly string[],
    done: (answer: HistoryAnswer) => void,
    from = this.#end,
  ): void {
    const { ids = [], limitBytes } = question;
    const places = new Map<string, number>();
    const missing: string[] = [];
    const lost = new Set(gaps);
    const read = (begun: readonly string[] | null, end: number): void => {
      if (begun === null) for (const key of keysOf(question)) lost.add(key);
      for (const name of begun ?? []) places.set(name, Math.min(places.get(name) ?? from.number, from.number));
      const late = new Set(begun);
      const query = { channels: [...places.keys()], after: null, places: [...places], limitBytes };
      const start = { from: begun === null ? this.#store.head : from.number, places: query.places };
      this.#store.read(query, (result) => {
        if (result.recovered) {
          done({ gaps: [...lost], missing, start, ...this.#passed(result, end) });
          return;
        }
        // It was let go after it was found, or stored.
        const gone = result.gaps.filter((name) => places.delete(name));
        const unread = gone.filter((name) => late.has(name));
        for (const key of keysAmong(question, unread)) lost.add(key);
        missing.push(...gone.filter((name) => !late.has(name)));
        read([], end);
      });
    };
    each(
      ids,
      ([channel, id], next) =>
        this.#find(channel, id, (number) => {
          if (number === null) missing.push(channel);
          else places.set(channel, number);
          next();
        }),
      () => {
        const found = new Set(places.keys());
        const unknown = (name: string): void => {
          for (const key of keysAmong(question, [name])) lost.add(key);
        };
        this.#retained(question, places, unknown, () => this.#since(question, from, read, found));
      },
    );
  }

  /**
   * Finds the channels of which items may have been stored since a client began, besides those of which it is known where it is.
   * @param done gets null where that cannot be told. @param end as in `#passed`
   */
  #since(
    { channels, patterns = [] }: HistoryQuestion,
    from: Cursor,
    done: (names: readonly string[] | null, end: number) => void,
    known: ReadonlySet<string>,
  ): void {
    const { head } = this.#store;
    const give = (matched: readonly string[] | null): void =>
      done(matched && [...new Set([...channels, ...matched])].filter((name) => !known.has(name)), head);
    if (from.epoch !== this.epoch) give(null);
    else if (head <= from.number) done([], head);
    else if (patterns.length === 0) give([]);
    else this.#store.matching(patterns, from.number, MAX_MATCHED, give);
  }

  /** The items of a result up to a number: what was stored since it was known which channels have items for a client is left to its next question. */
  #passed({ items, head, more }: ReadResult, end: number): Pick<HistoryAnswer, 'items' | 'head' | 'more'> {
    const known = head <= end ? items : items.filter(({ number }) => number <= end);
    const passed = readKept(this.#store, known).filter(isOfUse);
    return { items: passed, head: Math.min(head, end), more: more || head > end };
  }

  /** Adds the places before the last items of channels that retain them, where they have no place yet. @param unknown is called with each of which that is not known */
  #retained(
    { channels, patterns = [] }: HistoryQuestion,
    places: Map<string, number>,
    unknown: (name: string) => void,
    done: () => void,
  ): void {
    const rules = this.#rules();
    const add = (names: readonly string[]): void => {
      const retaining = names.filter((name) => !places.has(name) && rules.of(name)?.retain === true);
      each(
        retaining,
        (name, next) =>
          this.#store.lastOf(name, (item) => {
            if (item === undefined) unknown(name);
            else if (item !== null) places.set(name, item.number - 1);
            next();
          }),
        done,
      );
    };
    if (!patterns.some((pattern) => rules.mayRetain(pattern))) {
      add(channels);
      return;
    }
    this.#store.matching(patterns, null, MAX_MATCHED, (matched) =>
      add([...new Set([...channels, ...(matched ?? [])])]),
    );
  }

  /** The number of the item of a channel that has this id; null if it is not known. Each item that is looked at counts towards the steps of a turn. */
  #find(channel: string, id: string, done: (number: number | null) => void): void {
    const hasId = idTest(channel, id);
    const query = { channels: [channel], after: null, reverse: true, limit: MAX_LOOKED_AT };
    this.#inTurn(() =>
      this.#store.read(query, ({ items }) => {
        this.#steps += items.length / LOOKED_AT_PER_STEP;
        done(items.find(({ bytes }) => hasId(bytes))?.number ?? null);
      }),
    );
  }
}

/** Does something with each, one after the other, and then the rest. */
function each<T>(list: readonly T[], act: (value: T, next: () => void) => void, done: () => void): void {
  let waiting = list.length;
  if (waiting === 0) done();
  for (const value of list) {
    act(value, () => {
      if (--waiting === 0) done();
    });
  }
}

/** The names of the channels, and the keys of the patterns. */
function keysOf({ channels, patterns = [] }: HistoryQuestion): readonly string[] {
  return [...channels, ...patterns.map(patternKey)];
}

/** Those of them that stand for some of these channels. */
function keysAmong({ channels, patterns = [] }: HistoryQuestion, names: readonly string[]): readonly string[] {
  const named = new Set(channels);
  return [...names.filter((name) => named.has(name)), ...matchingSome(patterns, names).map(patternKey)];
}

/** Those of the patterns that match some of the names. */
function matchingSome(patterns: readonly string[], names: readonly string[]): readonly string[] {
  return patterns.filter((pattern) => names.some((name) => matchesPattern(pattern, name)));
}

function bytesOf({ items }: HistoryAnswer): number {
  return items.reduce((sum, item) => sum + itemCost(item), 0);
}

/** Whether an item is of use for as long as it is kept. */
function lasts({ extras = null }: PublishItem): boolean {
  return extras === null || extras.expires === 0;
}

/** Whether the time is not over for which an item is of use. */
export function isOfUse({ extras = null }: PublishItem): boolean {
  return extras === null || !hasExpired(extras.expires);
}
