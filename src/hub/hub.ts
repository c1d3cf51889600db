import { fault, type Guarded, guarded, TurnQueue } from '../clock/index.ts';
import type { Hold, PublishItem } from '../codec/grip/index.ts';
import {
  type ExchangeRecord,
  HeldTotal,
  Histogram,
  type Requester,
  type Responder,
  reportFault,
} from '../exchange/index.ts';
import { Admission } from './admission.ts';
import { CallRate } from './call-rate.ts';
import type { Group } from './channel.ts';
import { ChannelHistory } from './channel-history.ts';
import { type ChannelInfo, type ChannelPage, type ChannelQuery, channelPage, infoOf } from './channel-page.ts';
import { Channels, type ChannelWatcher } from './channels.ts';
import type { ClientCounts } from './client-counts.ts';
import { ClientPresence } from './client-presence.ts';
import { Delivery } from './delivery.ts';
import { FilterErrors } from './filter-errors.ts';
import { FirstSubscriptions } from './first-subscriptions.ts';
import { FromNodes } from './from-nodes.ts';
import { GapReplay } from './gap-replay.ts';
import { Held } from './held.ts';
import { HoldMaker } from './hold-maker.ts';
import type { HoldOptions } from './hold-options.ts';
import { HoldSweep } from './hold-sweep.ts';
import type { HubObserver } from './hub-observer.ts';
import type { HubOptions } from './hub-options.ts';
import type { HubRoom } from './hub-room.ts';
import { Intake, type Publication } from './intake.ts';
import { ItemTaps } from './item-taps.ts';
import { KeptItems } from './kept-items.ts';
import { KnownReceivers } from './known-receivers.ts';
import { learnLastId } from './learn-last-id.ts';
import { movedHold, type NamesOf } from './make-moved-hold.ts';
import type { HoldParts, ResponseHoldState, StreamHoldState } from './moved-hold.ts';
import type { PresenceEvent } from './presence-event.ts';
import { presenceItems } from './presence-items.ts';
import type { PresenceTable } from './presence-table.ts';
import { QueueBudget } from './queue-budget.ts';
import { type ReceivedFormats, receiversOf } from './receivers-of.ts';
import type { KeyTable } from './repeat-keys.ts';
import { ReplayPacer } from './replay-pacer.ts';
import { ResponseHold } from './response-hold.ts';
import { type Sequence, Sequencer } from './sequencer.ts';
import { StagedItems } from './staged-items.ts';
import { StreamHold } from './stream-hold.ts';
import type { Subscriber } from './subscriber.ts';
import { WebSocketHold } from './websocket-hold.ts';
import { MAX_RELAYED } from './websocket-outlet.ts';
import type { WebSocketHoldOptions } from './websocket-owner.ts';

/** Sizes of a hub. */
export interface HubStats {
  /** Clients held. */
  readonly holds: number;
  /** Channels and patterns with a client. */
  readonly channels: number;
}

/** What waits in a hub. */
export interface HubQueues {
  /** Bytes charged for items that were accepted and are not delivered yet. */
  readonly undelivered: number;
  /** Bytes that wait for slow clients. */
  readonly backlogs: number;
  /** Publishers that wait for their turn. */
  readonly publishers: number;
}

/**
 * Holds clients' exchanges and passes them what is published to their channels.
 *
 * Publishing has two steps. Items are *accepted* in one order over all channels, and then *delivered* in that order, in slices from the
 * end of the event loop's turn on. A client that is held before an item's delivery begins gets the item.
 */
export class Hub implements Guarded {
  /** How long items took from being accepted until their delivery was done. */
  readonly latency = new Histogram();
  /** The channels that are kept. */
  readonly history = new ChannelHistory(this, {
    note: (items) => this.#sequencer.note(items),
    lose: (items) => {
      this.#sequencer.forget(items);
      this.#admission.forget(items);
    },
    pass: (items) => {
      this.#taps.pass(items);
      this.#delivery.add(items);
    },
    onRoom: () => this.#intake.pump(),
  });
  /** Takes what other nodes of a cluster send. */
  readonly fromNodes: FromNodes;
  readonly receivers: KnownReceivers;
  /** The connections of the clients, by channel and user. */
  readonly counts: ClientCounts;
  readonly #presence: PresenceTable | null;
  readonly #room: HubRoom;
  readonly #maker: HoldMaker;
  readonly #taps = new ItemTaps(this);
  readonly #delivery: Delivery;
  readonly #admission: Admission;
  readonly #sequencer: Sequencer;
  readonly #staged: StagedItems;
  readonly #intake: Intake;
  readonly #recovery: HoldSweep;
  readonly #catchUp: HoldSweep;
  readonly #drain: HoldSweep;
  /** Holds that come from now on are not visited by the drain. */
  #drainBegun = false;

  constructor(options: HubOptions) {
    const turns = new TurnQueue();
    const onFault = (thrown: unknown): void => this.onFault(thrown);
    const callPacer = new ReplayPacer(turns, onFault);
    this.#room = {
      ...options,
      holds: new Set<Subscriber>(),
      channels: new Channels(options.wheel, options.limits, onFault),
      budget: new QueueBudget(),
      kept: new KeptItems(),
      pacer: new ReplayPacer(turns, onFault),
      callPacer,
      callRate: new CallRate(options.wheel, callPacer, onFault),
      filterErrors: new FilterErrors(options.counters, options.log),
      relayed: new HeldTotal(
        MAX_RELAYED,
        { ...options, turn: turns },
        'too much of origins waits for WebSocket clients',
      ),
      turns,
      latency: this.latency,
      moment: 0,
      losses: 0,
      observer: null,
      heldBytes: 0,
      draining: false,
      history: this.history,
      phase: 'still',
    };
    const clients = new ClientPresence(this.#room.channels);
    this.counts = clients.counts;
    this.history.onRules = (rules) => clients.use(rules);
    this.#presence = options.presence ?? null;
    this.#maker = new HoldMaker(this.#room);
    const onProgress = (): void => this.#onProgress();
    this.#delivery = new Delivery(this.#room, onProgress);
    this.#room.channels.watch(new FirstSubscriptions(this.#room, this.#delivery, onFault));
    this.#admission = new Admission(this.#room, onFault);
    this.#sequencer = new Sequencer(this.#room, (items) => this.history.take(items), onFault);
    this.receivers = new KnownReceivers(this.#admission, this.#sequencer);
    this.fromNodes = new FromNodes(this.#room.channels, this.#sequencer, this.history, () => this.#intake);
    this.#staged = new StagedItems(this.#sequencer, options.stages ?? null, this, onProgress);
    this.#intake = new Intake(
      turns,
      () => this.#undelivered(),
      onFault,
      () => this.#onIntakeIdle(),
    );
    this.#recovery = new HoldSweep(this.#room, (hold) => hold.recover(), onFault);
    this.#catchUp = new HoldSweep(this.#room, (hold) => hold.onMissed(), onFault);
    this.#drain = new HoldSweep(this.#room, (hold) => hold.drain(), onFault);
  }

  get stats(): HubStats {
    return { holds: this.#room.holds.size, channels: this.#room.channels.size };
  }

  get queues(): HubQueues {
    return {
      undelivered: this.#delivery.pending + this.#staged.pending + this.history.pending,
      backlogs: this.#room.budget.used,
      publishers: this.#intake.waiting,
    };
  }

  /**
   * Takes over the exchange of a client that an origin wants held. What goes wrong after the hand-over ends that exchange here.
   * @throws TypeError for an instruct without a hold and without a link
   */
  hold(options: HoldOptions): void {
    const { instruct, request, requester } = options;
    const { hold } = instruct;
    if (hold === null && !options.link) throw new TypeError('an instruct without a hold');
    const names = hold === null ? [] : this.#maker.namesOf(hold, options, request);
    const question = this.history.gapQuestion(this.#room, names, options);
    // A hub that drains waits for nobody.
    if (question === null || this.#drainBegun) {
      this.#hold(options, names);
      return;
    }
    const replay = new GapReplay(this.#room, options, question, (credits) =>
      this.#hold({ ...options, credits }, names),
    );
    replay.gone = options.gone ?? null;
    requester.handOver(replay);
    try {
      replay.begin();
    } catch (thrown) {
      fault(replay, thrown);
    }
  }

  #hold(options: HoldOptions, names: readonly string[]): void {
    const { instruct, request, requester, former = null } = options;
    const { hold } = instruct;
    const held = this.#maker.make(options);
    held.gone = options.gone ?? null;
    held.comesFrom(request);
    requester.handOver(held);
    try {
      held.enter(names);
      this.history.follow(this.#room, held, names, options);
      if (held instanceof StreamHold) {
        held.start(instruct.response, options.responseStarted === true);
      } else this.#startResponse(held, hold as Hold, options);
      this.#afterEntry(held, names);
    } catch (thrown) {
      fault(held, thrown);
    } finally {
      former?.done();
    }
    // After the hold before it has left, which has the same id.
    if (this.#room.holds.has(held)) this.#room.observer?.onHeld(held);
  }

  /** Goes on with a client that another process held. */
  adopt(
    state: StreamHoldState | ResponseHoldState,
    requester: Requester,
    parts: HoldParts,
    record: ExchangeRecord | null,
  ): Responder {
    const namesOf: NamesOf = (hold, channels, channelPrefix) =>
      this.#maker.namesOf(hold, { channels, channelPrefix }, state);
    const held = movedHold(this.#room, this.#maker.keepAlives, state, requester, parts, namesOf, (moved) =>
      this.history.goOn(this.#room, moved, state),
    );
    held.record = record;
    this.#room.observer?.onHeld(held);
    if (this.#drainBegun) held.drain();
    return held;
  }

  /**
   * Clients move to another process, or come from there. What moves does not wait for the rate of its route, since it could not move then; what comes
   * brings channels that are not new to the world.
   */
  set phase(phase: HubRoom['phase']) {
    this.#room.phase = phase;
    this.#delivery.wake();
  }

  /** Deliveries that wait for the rates of their routes. */
  get shaped(): number {
    return this.#delivery.shaped;
  }

  /** Orders nothing any more, after what was accepted so far. Returns what another takes to go on. */
  release(): Sequence {
    const stays = this.#presence?.release() ?? [];
    return { stays, ...this.#sequencer.release(), ...this.#admission.admitted, lastIds: this.#room.channels.lastIds };
  }

  /** Orders the items again, where another has stopped that did. */
  goOn(sequence: Sequence): void {
    const { seen, early, lastIds, stays } = sequence;
    for (const [name, id] of lastIds) this.#room.channels.setLastId(name, id);
    this.#admission.goOn(sequence);
    this.#sequencer.goOn(seen, early);
    if (stays !== null) this.#presence?.lead(this, stays);
  }

  /** Publishes who has come to channels, and who has left. */
  tell(events: readonly PresenceEvent[]): void {
    this.publish(presenceItems(events, this.history.rules));
  }

  /** As `FromNodes.lost`. */
  lost(channel: string, from: number): void {
    this.fromNodes.lost(channel, from);
  }

  /** As `Channels.lastIdsOf`. */
  lastIdsOf(names: Iterable<string>): readonly string[] {
    return this.#room.channels.lastIdsOf(names);
  }

  /** As `Channels.noteLastIds`. */
  noteLastIds(known: readonly string[]): void {
    this.#room.channels.noteLastIds(known);
  }

  /** Calls `reached` when all that has been accepted so far has been delivered, before anything that comes later. */
  barrier(reached: () => void): void {
    this.#delivery.barrier(reached);
  }

  /** Takes over all that goes to an open WebSocket, and lets it subscribe to channels. */
  holdWebSocket(options: WebSocketHoldOptions): WebSocketHold {
    return new WebSocketHold(this.#room, options);
  }

  /**
   * Has the origin of one WebSocket asked, where it has only HTTP.
   * @param id as the hold's
   * @param done is called with whether there is such a WebSocket
   */
  refresh(id: string, done: (found: boolean) => void): void {
    for (const hold of this.#room.holds) {
      if (!(hold instanceof WebSocketHold) || hold.id !== id) continue;
      hold.refresh();
      done(true);
      return;
    }
    done(false);
  }

  /** Lets a publisher have its turn, now or when the hub has delivered enough of what was accepted before. */
  requestTurn(publication: Publication): void {
    if (!this.history.isClosed || publication.onAway?.() !== true) this.#intake.request(publication);
  }

  /** The publisher has left before its turn. */
  cancelTurn(publication: Publication): void {
    this.#intake.cancel(publication);
  }

  /** Accepts items, which are delivered after those that were accepted before. A publisher with many items asks for a turn first. */
  publish(items: readonly PublishItem[]): void {
    this.#room.counters.itemsPublished += items.length;
    const admitted = this.#admission.admit(items);
    if (admitted.length > 0) this.#staged.accept(admitted);
  }

  /** Delivers items that a router has accepted and brought into order, after those that were given before. */
  deliver(items: readonly PublishItem[]): void {
    for (const { channel, id, noSeq } of items) if (!noSeq) this.#room.channels.setLastId(channel, id);
    this.#taps.pass(items);
    this.#delivery.add(items);
  }

  /** The last id of a channel that is new here, but not to the router. */
  learnLastId(name: string, id: string): void {
    learnLastId(this.#room.channels, name, id);
  }

  /** Tells `watcher` of the channels that have subscribers or had some a moment ago, now and as they change. */
  watchChannels(watcher: ChannelWatcher): void {
    this.#room.channels.watch(watcher);
  }

  /** Tells `watcher` nothing more. */
  unwatchChannels(watcher: ChannelWatcher): void {
    this.#room.channels.unwatch(watcher);
  }

  /** Tells `observer` what happens from now on. */
  observe(observer: HubObserver): void {
    this.#room.observer = observer;
    this.#room.channels.observer = observer;
  }

  /** Lists channels and patterns with subscribers, and others. */
  channelPage(query: ChannelQuery): Promise<ChannelPage> {
    return channelPage(this.#room.channels, query);
  }

  /** How many subscribers channels have, and their last ids. @param keys names of channels, or keys of patterns */
  channelInfos(keys: readonly string[], done: (infos: readonly ChannelInfo[]) => void): void {
    const known = keys.map((key) => this.#room.channels.find(key)).filter((channel) => channel !== undefined);
    done(known.map(infoOf));
  }

  /** Passes the items of a channel, or of those that a pattern matches, from now on, with how many clients they go to. The result ends that. */
  tap(key: string, onItem: (item: PublishItem, receivers: number) => void): () => void {
    return this.#taps.add(key, (item) => onItem(item, receiversOf(this.#room.channels, item)));
  }

  /** The clients that are held. A walk may take several turns: clients that come and go meanwhile may be missed. */
  clients(): ReadonlySet<Subscriber> {
    return this.#room.holds;
  }

  /** The groups of all channels, as `clients` gives the clients. */
  *groups(): Generator<Group, void> {
    for (const channel of this.#room.channels.all()) yield* channel.groups;
  }

  /** Calls `done` with how many clients would get each item if it were published now. */
  countReceivers(items: readonly ReceivedFormats[], done: (counts: readonly number[]) => void): void {
    const { receivers } = this;
    done(items.map((item) => receivers.of(item) ?? receivers.note(item, receiversOf(this.#room.channels, item))));
  }

  /** Calls `done` with the cursors of items that were just published, once they are stored; null for each that is not. */
  tellCursors(items: readonly PublishItem[], done: (cursors: readonly (string | null)[]) => void): void {
    this.history.settle(() => done(items.map((item) => this.history.cursorOf(this.#admission.numberOf(item)))));
  }

  /** Calls `done` when what was just published has its place in the order of all items: mostly it has that at once. False: that is not known. */
  ordered(done: (known: boolean) => void): void {
    this.history.confirm(done);
  }

  /** The idempotency keys that are known here. */
  get keys(): KeyTable {
    return this.#admission.keys;
  }

  /** The first of the items whose idempotency key was used for other content; null if there is none. */
  reusedKey(items: readonly PublishItem[]): PublishItem | null {
    return this.#admission.reusedKey(items);
  }

  /** Calls `done` with those of the ids that are of clients which are held now. */
  findHeld(ids: ReadonlySet<string>, done: (found: readonly string[]) => void): void {
    const found: string[] = [];
    for (const hold of this.#room.holds) {
      if ((hold instanceof Held || hold instanceof WebSocketHold) && ids.has(hold.id)) found.push(hold.id);
    }
    done(found);
  }

  /** Items may have been lost on their way here: sends every held request that can be sent again to its origin, paced. */
  recover(): void {
    this.#room.moment++;
    this.#recovery.begin();
  }

  /** Items may have been lost between the process that orders them and this one: clients read them from the log, and others recover, or are told. */
  catchUp(): void {
    this.#room.moment++;
    this.#room.losses++;
    this.#catchUp.begin();
  }

  /**
   * Delivers what was accepted and what publishers that wait for their turn have, and then ends all streams and responds to all held requests as if they had timed out. New holds
   * end at once.
   */
  drain(): void {
    this.#room.draining = true;
    this.#sequencer.flush();
    this.#delivery.drain();
    this.#beginDrain();
  }

  /** An exception that concerns no single client or item. */
  onFault(thrown: unknown): void {
    reportFault(this.#room, thrown);
  }

  /** Bytes of items on account of which publishers wait. */
  #undelivered(): number {
    return this.#delivery.full || this.history.isClosed ? Number.POSITIVE_INFINITY : this.queues.undelivered;
  }

  #onProgress(): void {
    this.#intake.pump();
    if (this.#room.draining) this.#beginDrain();
  }

  #onIntakeIdle(): void {
    if (this.#room.draining) this.#beginDrain();
  }

  /** Ends all holds once no publisher waits and everything that was accepted has been delivered. */
  #beginDrain(): void {
    if (this.#drainBegun || !this.#intake.idle || !this.#delivery.idle || this.#staged.pending > 0) return;
    if (!this.history.idle) return;
    this.#drainBegun = true;
    this.#drain.begin();
  }

  #startResponse(held: ResponseHold, { timeout }: Hold, { former }: HoldOptions): void {
    held.start(timeout);
    held.catchUp(former instanceof ResponseHold ? former : null);
    held.keepWithinBound();
  }

  #afterEntry(held: Held, names: readonly string[]): void {
    const { holds, stages } = this.#room;
    if (!holds.has(held)) return;
    if (this.#drainBegun) {
      held.drain();
    } else if (stages !== undefined) {
      held.beginJoin();
      stages.join(
        names,
        guarded(held, () => held.endJoin()),
      );
    }
  }
}
