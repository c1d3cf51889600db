import { type ClientNames, clientNames, type Requester, type Suspended } from '../exchange/index.ts';
import { AskedItems, type AskedOwner } from './asked-items.ts';
import type { FilterService } from './filter-service.ts';
import { type FilterSet, matchesContentFilters } from './filter-set.ts';
import { FilterError } from './filter-template.ts';
import type { HubRoom } from './hub-room.ts';
import type { HoldParts, ResponseHoldState } from './moved-hold.ts';
import type { ChannelPosition } from './next-link.ts';
import type { OrderCheck } from './order-check.ts';
import { type PublishedResponse, patchProblem } from './published-response.ts';
import { ReplayedHold, type ReplayedOptions } from './replayed-hold.ts';
import type { HistoryPoll, ResponseHistory } from './response-history.ts';
import type { Step } from './step.ts';

const EMPTY = Buffer.alloc(0);

/** Work of applying a patch: it ends the slice of a delivery. */
const PATCH_WORK = 1_024;

/** What the hold of a request is made of. */
export interface ResponseOptions extends ReplayedOptions {
  readonly order: OrderCheck;
  readonly filters: FilterSet | null;
  /** For filters that ask a service; null for none. */
  readonly service: FilterService | null;
}

/**
 * A client that gets its response from an item of its channels, or at the timeout, and no byte before that.
 *
 * That is so during a replay too: an item or the timeout is the response, and aborts the replay. The exception is an item that would leave
 * a gap: the client continues from the id of what it gets, and would never get the items in between. So where the origin named an id for
 * the channel, an item with another prev-id leads to a replay (GRIP's order check), and waits if one is under way. If
 * the new response is a hold, the item follows where it fits; where it does not, and the origin did not know it, the request is
 * replayed once more.
 */
export class ResponseHold extends ReplayedHold implements AskedOwner, HistoryPoll {
  override readonly format = 'http-response';
  readonly #order: OrderCheck;
  readonly #filters: FilterSet | null;
  /** The first waiting item of each channel, oldest first. */
  #kept: Map<string, PublishedResponse> | null = null;
  readonly #service: FilterService | null;
  /** What services of filters are asked about; null before the first item of which one is. */
  #asked: AskedItems | null = null;
  /** Where it is in the log of its channels, if they are kept; null where they are not. */
  #history: ResponseHistory | null = null;
  /** The log is being asked whether it has the item before one that is kept. */
  #asksLog = false;
  /** The request is sent again because the client has missed something for good. */
  #asksForGap = false;
  /** The hub has drained, and the item is waited for. */
  #drainLater = false;

  constructor(room: HubRoom, names: ClientNames, requester: Requester, credits: number, options: ResponseOptions) {
    super(room, names, requester, credits, options);
    this.#order = options.order;
    this.#filters = options.filters;
    this.#service = options.service;
  }

  /** Its channels are kept: its response has a cursor, and what it has missed is its response at once. */
  followLog(history: ResponseHistory): void {
    this.#history = history;
    this.#order.whole = history.named;
  }

  /**
   * Takes care of what was published before this hold and after the response of its origin.
   * @param former the hold whose replay led to this one; null without a replay
   */
  catchUp(former: ResponseHold | null): void {
    let again = false;
    const undecided = former === null ? [] : (former.#asked?.undecided ?? []);
    if (former !== null) {
      again = former.again;
      this.#kept = former.#kept;
      former.#kept = null;
      former.done();
    }
    if (this.#history !== null) {
      // These are in the log, in their order.
      for (const published of this.#kept?.values() ?? []) if (published.number > 0) this.#forget(published);
      this.#history.start(former === null ? null : former.#history);
      if (!this.isHeld) return;
    }
    if (this.#takeKept()) return;
    // What comes from the log may have had it replayed already.
    if (!this.isReplaying) {
      again = this.#missed() || again;
      if (this.#order.isOutdated(this.channels) || again) this.recover();
    }
    for (const published of undecided) if (this.isHeld) this.receive(published);
  }

  override receive(step: Step): number {
    const published = step as PublishedResponse;
    if (published.hint) {
      this.recover();
      return 1;
    }
    const { number } = published;
    if (number > 0 && this.#history?.takes(number) === false) return 1;
    if (this.#asked?.busy === true) {
      this.#asked.wait(published);
      return 1;
    }
    if (this.#order.isKnown(published)) return 1;
    const next = this.#isNext(published);
    if (next && !this.joining) return this.#take(this.#history?.shape(published) ?? published) || 1;
    this.#keep(published);
    if (!next && !this.isReplaying && !this.joining) this.#bridge(published);
    return 1;
  }

  /** Looks for the item before this one in the log, where the log has all that the client has missed. Otherwise the origin is asked. */
  #bridge(published: PublishedResponse): void {
    const { channel, number, prevId } = published;
    if (this.#asksLog) return;
    if (this.#history === null || number === 0 || prevId === null || !this.#order.whole.has(channel)) {
      this.recover();
      return;
    }
    this.#asksLog = true;
    this.#history.hasId(channel, prevId, (found) => {
      this.#asksLog = false;
      if (!this.isHeld) return;
      if (found && this.#kept?.get(channel) === published) this.#order.skipTo(published);
      if (!(found && this.#takeKept()) && !this.isReplaying && !this.joining) this.recover();
      this.#history?.pump();
    });
  }

  override endJoin(): void {
    super.endJoin();
    this.#history?.pump();
    if (!this.isHeld || this.#takeKept()) return;
    if (this.isReplaying) return;
    const again = this.again;
    this.again = false;
    if (this.#missed() || again) this.recover();
  }

  override onLastId(): void {
    if (this.isHeld && this.#order.isOutdated(this.channels)) this.recover();
  }

  /** Items may have been lost on their way to this process: they are in the log, or the origin is asked. */
  override onMissed(): void {
    if (this.#history?.hasAll === true) this.#history.recover();
    else this.recover();
  }

  onBroken(_channel: string, from: number): void {
    if (this.#history?.isBeyond(from) === true) this.recover();
    else this.#history?.recover();
  }

  override get cursor(): string | null {
    return this.#history?.place?.cursor ?? null;
  }

  override disconnect(): boolean {
    return !this.isAway && this.#asked?.busy !== true && super.disconnect();
  }

  override drain(): void {
    // A replay is a request in flight: its response is waited for, as long as the client is held.
    if (this.#asked?.busy === true) this.#drainLater = true;
    else if (!this.isAway) this.#respondAsTold();
  }

  protected override onTimeout(): void {
    this.room.counters.holdsTimedOut++;
    this.#respondAsTold();
  }

  protected override onTooMuch(): void {
    this.drain();
  }

  /** Sends the response that the origin gave for the timeout. */
  #respondAsTold(): void {
    this.takeBack();
    const { status, reason, headers } = this.response;
    const body = this.#initialBody();
    this.leave();
    this.sendHead({ status, reason, headers: this.#history?.fields(headers, 0) ?? headers, bodyLength: body.length });
    if (!this.over) this.finish(body);
  }

  // ---- the move to another process

  suspend(): Suspended<ResponseHoldState> | null {
    if (this.#drainLater) return null;
    if ((this.#kept?.size ?? 0) > 0 || this.#asked?.busy === true) return null;
    const held = this.heldState(this.#service);
    const place = this.#history?.place ?? null;
    if (this.#history !== null && place === null) return null;
    const replay = this.replayState;
    if (held === null || replay === null) return null;
    const [prevIds, whole] = [this.#order.state, [...this.#order.whole]];
    const own = { response: this.response, prevIds, whole, prefix: this.#filters?.prefix ?? '' };
    const filters = this.#filters?.state ?? null;
    const state = { kind: 'response-hold' as const, ...held, place, ...own, filters, ...replay };
    return this.suspendWith(state, () => undefined);
  }

  /** Goes on where a hold of another process has stopped. */
  goOn(state: ResponseHoldState, parts: HoldParts): void {
    this.#order.whole = new Set(state.whole);
    this.goOnWaiting(state);
    this.goOnAs({ ...state, left: state.left ?? 0 }, parts);
    this.#history?.goOn();
  }

  protected override leave(): void {
    super.leave();
    this.#dropKept();
    this.#asked?.drop();
  }

  /** The body of the held response as its filters change it; empty where they cannot. */
  #initialBody(): Buffer {
    const { body } = this.response;
    if (this.#filters === null) return body;
    try {
      return this.#filters.initialBody(body, this);
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      this.room.filterErrors.note(this, undefined, error.message, 'held response without its body');
      return EMPTY;
    }
  }

  /** The body for this client; null if it does not get the item. */
  #filtered(published: PublishedResponse, body: Buffer): Buffer | null {
    if (this.#filters === null) return matchesContentFilters(published, []) ? body : null;
    try {
      return this.#filters.apply(published, body, this);
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      this.room.filterErrors.note(this, published.channel, error.message);
      return null;
    }
  }

  positionOf(channel: string): string | null | undefined {
    return this.#order.positionOf(channel);
  }

  /** Whether the client gets this item without a gap before it. Without a replay nothing fills a gap. */
  #isNext(published: PublishedResponse): boolean {
    return !this.canReplay || this.#order.isNext(published, this.isReplaying);
  }

  /** Keeps the first item of each channel. Where all holds keep too much, the origin is asked for it instead. */
  #keep(published: PublishedResponse): void {
    this.#kept ??= new Map();
    if (this.#kept.has(published.channel)) return;
    if (this.room.kept.take(published)) this.#kept.set(published.channel, published);
    else this.again = true;
  }

  #forget(published: PublishedResponse): void {
    this.#kept?.delete(published.channel);
    this.room.kept.release(published);
  }

  #dropKept(): void {
    for (const published of this.#kept?.values() ?? []) this.room.kept.release(published);
    this.#kept = null;
  }

  /** Responds with the first item that was kept and is the client's next one. Returns false if there is none. */
  #takeKept(): boolean {
    for (const published of this.#kept?.values() ?? []) {
      if (!this.isMember(published.channel) || this.#order.isKnown(published) || !this.#isNext(published)) continue;
      // A filter's service may be asked first: the item waits with it then.
      if (this.#filters?.asks(published.channel)) this.#forget(published);
      if (this.#take(published) > 0) return true;
    }
    return false;
  }

  /** Forgets the kept items. Returns whether the origin did not know one of them: a replay has to fetch it. */
  #missed(): boolean {
    let missed = false;
    for (const published of this.#kept?.values() ?? []) {
      missed ||= this.isMember(published.channel) && !this.#order.isKnown(published);
    }
    this.#dropKept();
    return missed;
  }

  /** Responds with an item. Returns the work that this was; 0 if a filter keeps the item from the client. */
  #take(published: PublishedResponse): number {
    const { log, patchBody } = this.room;
    let work = 1 + ((this.response.headers.length + published.fields) >>> 5);
    let body = published.body(this.response, patchBody, () => {
      work += PATCH_WORK;
    });
    if (body === null) {
      // GRIP: a patch that cannot be applied leaves an empty body.
      const problem = patchProblem(this.response.body);
      log.info({ ...clientNames(this), channel: published.channel }, `${problem}; the response has no body`);
      body = EMPTY;
    }
    if (
      this.#filters?.asks(published.channel) &&
      matchesContentFilters(published, this.#filters.filtersOf(published.channel))
    ) {
      this.#asked ??= new AskedItems(this.room, this, this.#service);
      this.#asked.ask(published, body, this.#filters);
      return work;
    }
    body = this.#filtered(published, body);
    if (body === null) {
      this.onDropped(published);
      return 0;
    }
    this.onPassed(published, body);
    return work + (body.length >>> 14);
  }

  #noteItem({ channel, id }: PublishedResponse): void {
    if (id !== null) this.session?.onItem(channel, id);
  }

  onPassed(published: PublishedResponse, body: Buffer): void {
    this.#noteItem(published);
    this.room.counters.itemsDelivered++;
    if (this.record !== null) this.record.items++;
    this.takeBack();
    this.leave();
    const head = published.head(this.response, body.length);
    this.sendHead(this.#history?.headOf(head, published.number) ?? head, published.channel);
    if (!this.over) this.finish(body);
  }

  // ---- for its place in the log (HistoryPoll)

  get ready(): boolean {
    return this.isHeld && !this.joining && this.#asked?.busy !== true && !this.#asksLog;
  }

  onPlaced(whole: ReadonlySet<string>, begun: ReadonlySet<string>): void {
    this.#order.whole = whole;
    this.#order.begun = begun;
    if (this.#order.isOutdated(this.channels)) this.recover();
  }

  takeKept(published: PublishedResponse): boolean {
    if (this.#isNext(published)) return this.#take(published) > 0;
    this.#keep(published);
    if (!this.isReplaying) this.#bridge(published);
    return false;
  }

  onGap(isReplayed: boolean): void {
    // Once: the response to it may have come from before the gap.
    if (!isReplayed || !this.canReplay || this.#asksForGap) {
      this.#respondAsTold();
      return;
    }
    this.#asksForGap = true;
    this.room.counters.historyReplays++;
    this.recover();
  }

  protected override get missed(): readonly string[] | null {
    return this.#asksForGap ? (this.#history?.gaps ?? null) : null;
  }

  // ---- for items that a service is asked about (AskedOwner)

  get positions(): readonly ChannelPosition[] {
    return this.#order.positions;
  }

  /** The client does not get the item, which was its next one. */
  onDropped(published: PublishedResponse): void {
    this.#noteItem(published);
    this.#order.passOver(published);
    this.#history?.passOver(published.number);
  }

  onAllDropped(): void {
    this.#history?.pump();
    if (!this.isHeld) return;
    if (this.#takeKept()) return;
    if (!this.isReplaying && !this.joining && this.#missed()) this.recover();
    if (this.#drainLater) this.drain();
  }
}
