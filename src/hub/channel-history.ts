import type { Guarded } from '../clock/index.ts';
import type { Hold, PublishItem } from '../codec/grip/index.ts';
import { lastEventId } from '../codec/http1/index.ts';
import { formatCursor, type HistoryStore, type SharedStore } from '../history/index.ts';
import { type ChannelRules, NO_RULES } from './channel-rules.ts';
import { clientCursor } from './client-cursor.ts';
import type { HoldOptions } from './hold-options.ts';
import { emptyAnswer, type HistoryAnswer, type HistoryQuestion, type HubHistory, OwnHistory } from './hub-history.ts';
import type { HubRoom } from './hub-room.ts';
import { ItemKeeper, type ItemsOutlet } from './item-keeper.ts';
import { haveCursors, keptOf, namedPlaces, replaysGap } from './kept-channels.ts';
import { patternsAmong } from './later-channels.ts';
import type { ResponseHoldState, StreamHoldState } from './moved-hold.ts';
import type { PlaceOptions } from './place-options.ts';
import { ResponseHistory } from './response-history.ts';
import { ResponseHold } from './response-hold.ts';
import { type OtherNodes, SharedKeeper } from './shared-keeper.ts';
import { StreamHistory } from './stream-history.ts';
import { isEventStream, type StreamHold } from './stream-hold.ts';

/** What a hub knows of the channels that are kept, and who keeps their items: itself, or the process that orders them. */
export class ChannelHistory implements HubHistory {
  /** Answers what clients have missed; null where nobody does. */
  source: HubHistory | null = null;
  /** Is told of other rules. */
  onRules: (rules: ChannelRules) => void = () => {};
  readonly #owner: Guarded;
  readonly #outlet: ItemsOutlet;
  #rules = NO_RULES;
  /** Null where items are not kept here. */
  #keeper: ItemKeeper | SharedKeeper | null = null;

  /** @param owner handles exceptions of timers, and of those who wait until items are stored @param outlet takes the items in their order, once they are stored */
  constructor(owner: Guarded, outlet: ItemsOutlet) {
    this.#owner = owner;
    this.#outlet = outlet;
  }

  get rules(): ChannelRules {
    return this.#rules;
  }

  /** Which channels are kept from now on. */
  set rules(rules: ChannelRules) {
    this.#rules = rules;
    if (this.#keeper !== null) this.#keeper.rules = rules;
    this.onRules(rules);
  }

  /** Whether items are kept here. */
  get hasStore(): boolean {
    return this.#keeper !== null;
  }

  /** Items are kept here from now on. */
  keepIn(store: HistoryStore): void {
    this.#keeper = new ItemKeeper(store, this.#rules, this.#outlet);
    this.source = new OwnHistory(store, () => this.#rules, this.#owner);
  }

  /** Items are kept from now on where other nodes keep theirs, and others are sent to these nodes. */
  shareWith(others: OtherNodes, store: SharedStore): void {
    this.#keeper = new SharedKeeper(store, others, this.#rules, this.#outlet);
    this.source = new OwnHistory(store, () => this.#rules, this.#owner);
  }

  /** Items that have their order go on, once those of channels that are kept are stored. */
  take(items: readonly PublishItem[]): void {
    if (this.#keeper === null) this.#outlet.pass(items);
    else this.#keeper.take(items);
  }

  /** Bytes that wait to be stored. */
  get pending(): number {
    return this.#keeper?.pending ?? 0;
  }

  /** As `SharedKeeper.isClosed`. */
  get isClosed(): boolean {
    return this.#keeper instanceof SharedKeeper && this.#keeper.isClosed;
  }

  /** Whether nothing waits to be stored. */
  get idle(): boolean {
    return this.#keeper?.idle !== false;
  }

  /** Resolves when all that has been taken so far has gone on. */
  settled(): Promise<void> {
    return new Promise((resolve) => this.settle(resolve));
  }

  /** Calls `done` when all that has been taken so far has gone on. */
  settle(done: () => void): void {
    if (this.#keeper === null) done();
    else this.#keeper.settle(done);
  }

  /** The cursor of a client that has everything up to an item. @param number of the item; null for none */
  cursorOf(number: number | null): string | null {
    return number === null ? null : formatCursor(this.epoch, number);
  }

  /** Whether items are kept where other nodes keep theirs. */
  get isShared(): boolean {
    return this.#keeper instanceof SharedKeeper;
  }

  /** As `SharedKeeper.confirm`: where this process stores items itself they are taken for stored. */
  confirm(done: (stored: boolean) => void): void {
    if (this.#keeper instanceof SharedKeeper) this.#keeper.confirm(done);
    else done(true);
  }

  /** As `SharedKeeper.giveUp`. */
  giveUp(): void {
    if (this.#keeper instanceof SharedKeeper) this.#keeper.giveUp(this.#owner);
  }

  get epoch(): string {
    return this.source?.epoch ?? '';
  }

  ask(question: HistoryQuestion, done: (answer: HistoryAnswer) => void): void {
    if (this.source !== null) this.source.ask(question, done);
    else done(emptyAnswer(question));
  }

  /** Gives a held request, or an event stream, its place in the log, if it is subscribed to what is kept. @param keys names of channels, and keys of patterns */
  follow(room: HubRoom, held: StreamHold | ResponseHold, keys: readonly string[], options: HoldOptions): void {
    const { instruct, request, channelPrefix: prefix = '' } = options;
    const ids = namedPlaces(room, instruct.hold, prefix);
    // Other streams have no place for a cursor: only what their origin names is looked for.
    const hasCursors = held instanceof ResponseHold || isEventStream(instruct.response.headers);
    if (!hasCursors && ids.length === 0) return;
    // Filters look at each item by itself.
    const alone = instruct.hold?.channels.some(({ filters }) => filters.length > 0) === true;
    const join = alone ? 'none' : (options.join ?? 'none');
    const since = hasCursors ? (lastEventId(request.headers, request.target) ?? sinceOf(instruct.hold)) : null;
    this.#place(room, held, { keys, since, ids, prefix, join });
  }

  /** Gives a hold that another process had its place again. */
  goOn(room: HubRoom, held: StreamHold | ResponseHold, { channels, place }: StreamHoldState | ResponseHoldState): void {
    if (place !== null) this.#place(room, held, { ...place, keys: channels, since: place.cursor });
  }

  /**
   * What is asked before a client is held whose request is to be sent again if it has missed too much (`on_gap`). Null for most.
   * A request is sent again once: it does not say then where the client was.
   */
  gapQuestion(room: HubRoom, keys: readonly string[], options: HoldOptions): HistoryQuestion | null {
    const { instruct, request, replay, former = null, responseStarted = false } = options;
    if (replay === null || former !== null || responseStarted || !replaysGap(room, keys)) return null;
    if (instruct.hold?.mode !== 'response' && !isEventStream(instruct.response.headers)) return null;
    const since = lastEventId(request.headers, request.target);
    const { names, patterns } = keptOf(room, keys);
    if (since === null || names.size + patterns.length === 0) return null;
    const { after, id } = clientCursor(since);
    return { channels: [...names], patterns: patternsAmong(patterns), after, id, limitBytes: 0 };
  }

  #place(room: HubRoom, held: StreamHold | ResponseHold, options: PlaceOptions): void {
    if (!haveCursors(room, options.keys)) return;
    if (held instanceof ResponseHold) held.followLog(new ResponseHistory(room, this, held, options));
    else held.followLog(new StreamHistory(room, this, held, options));
  }
}

/** What the origin says that the client has: the client itself knows it better, since it may have come back by itself. */
function sinceOf(hold: Hold | null): string | null {
  return hold?.channels.find(({ since }) => since != null)?.since ?? null;
}
