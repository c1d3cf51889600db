import { type AtTurnEnd, attempt, fault, type Guarded, TurnQueue } from '../clock/index.ts';
import type { PublishItem } from '../codec/grip/index.ts';
import { reportFault } from '../exchange/index.ts';
import { Admission } from './admission.ts';
import type { Channel, Membership, Receiver } from './channel.ts';
import { ChannelHistory } from './channel-history.ts';
import { type ChannelPage, type ChannelQuery, channelPage } from './channel-page.ts';
import { Channels, type ChannelWatcher } from './channels.ts';
import { CountsSum } from './counts-sum.ts';
import { FromNodes } from './from-nodes.ts';
import type { HubOptions } from './hub-options.ts';
import { Intake, type Publication } from './intake.ts';
import { type ItemTap, ItemTaps } from './item-taps.ts';
import { KnownReceivers } from './known-receivers.ts';
import type { PresenceEvent } from './presence-event.ts';
import { presenceItems } from './presence-items.ts';
import type { KeyTable } from './repeat-keys.ts';
import { type Sequence, Sequencer } from './sequencer.ts';

/** Another hub, which has the clients. */
export interface RoutedHub extends Guarded {
  /** Bytes on their way to it, on account of which publishers wait. */
  readonly underway: number;
  /** Takes one item, as `RouterOptions.encode` has written it. */
  take(item: Buffer): void;
  /** As `FromNodes.lost`. */
  lost(channel: string, from: number): void;
  /** There are no further items in this turn of the event loop. */
  endTurn(): void;
}

/** What a router needs from outside. */
export interface RouterOptions extends Pick<HubOptions, 'wheel' | 'counters' | 'log' | 'limits' | 'presence'> {
  /** Writes an item, once for all hubs. */
  readonly encode: (item: PublishItem) => Buffer;
}

/** The channels of one hub, as the router knows them. */
export class HubChannels implements Receiver {
  /** One for all: the hub finds out which of its clients take which format. */
  readonly format = 'http-stream';
  readonly route = '';
  readonly hub: RoutedHub;
  /** Whether the hub gets the items of all channels, as clients of any may come to it. */
  takesAll = false;
  readonly #channels: Channels;
  readonly #memberships = new Map<string, Membership>();

  constructor(hub: RoutedHub, channels: Channels) {
    this.hub = hub;
    this.#channels = channels;
  }

  get size(): number {
    return this.#memberships.size;
  }

  /**
   * The hub has a client of the channel with this name, or of the pattern with this key.
   * @returns the id of the channel's last item, if that is known
   */
  add(key: string): string | null {
    let membership = this.#memberships.get(key);
    if (membership === undefined) {
      membership = this.#channels.join(this, key);
      this.#memberships.set(key, membership);
    }
    return membership.channel.lastId;
  }

  /** The hub has forgotten the channel. It has remembered it for a while already. */
  remove(key: string): void {
    const membership = this.#memberships.get(key);
    if (membership === undefined) return;
    this.#memberships.delete(key);
    this.#channels.leave(membership, false);
  }

  /** The hub is gone. The last ids stay known for a while: the clients come back to another hub. */
  clear(): void {
    for (const membership of this.#memberships.values()) this.#channels.leave(membership);
    this.#memberships.clear();
  }

  receive(): number {
    return 0;
  }

  onBroken(channel: string, from: number): void {
    this.hub.lost(channel, from);
  }

  onFault(thrown: unknown): void {
    this.hub.onFault(thrown);
  }
}

/**
 * Takes what is published as a hub does, but has no clients: it gives each item to the hubs that have its channel. It finds repeated items and
 * brings items into order for all of them, since a client may come back to any.
 *
 * Which hubs get an item is decided at the end of the turn. A hub tells of a channel before its client can know of the hold, so what a
 * publisher sends for that client comes later in the same turn, or after it.
 */
export class ItemRouter implements AtTurnEnd {
  readonly #options: RouterOptions;
  readonly #turns = new TurnQueue();
  readonly #channels: Channels;
  readonly #admission: Admission;
  readonly #sequencer: Sequencer;
  readonly #intake: Intake;
  /** Called when no publisher waits any more. */
  onIdle: () => void = () => undefined;
  readonly #hubs = new Set<HubChannels>();
  /** The connections of the clients of all hubs. */
  readonly counts = new CountsSum();
  readonly #taps = new ItemTaps(this);
  /** The channels that are kept. */
  readonly history = new ChannelHistory(this, {
    note: (items) => this.#sequencer.note(items),
    lose: (items) => {
      this.#sequencer.forget(items);
      this.#admission.forget(items);
    },
    pass: (items) => this.#route(items),
    onRoom: () => this.#intake.pump(),
  });
  /** As `Hub.fromNodes`. */
  readonly fromNodes: FromNodes;
  readonly receivers: KnownReceivers;
  /** Accepted in this turn. */
  #accepted: PublishItem[] = [];
  /** Calls that wait until all that was accepted so far has its order. */
  #asked: (() => void)[] = [];
  /** Brought into order by another in this turn, and who waits for all that came before. */
  #ordered: (PublishItem | (() => void))[] = [];

  constructor(options: RouterOptions) {
    const { wheel, limits } = options;
    const onFault = (thrown: unknown): void => this.onFault(thrown);
    this.#options = options;
    this.#channels = new Channels(wheel, limits, onFault);
    const room = { ...options, channels: this.#channels, history: this.history };
    this.#admission = new Admission(room, onFault);
    this.#sequencer = new Sequencer(room, (items) => this.history.take(items), onFault);
    this.receivers = new KnownReceivers(this.#admission, this.#sequencer);
    this.fromNodes = new FromNodes(this.#channels, this.#sequencer, this.history, () => this.#intake);
    this.#intake = new Intake(
      this.#turns,
      () => this.#underway,
      onFault,
      () => this.onIdle(),
    );
  }

  /** Whether no publisher waits, and none has more to do. */
  get idle(): boolean {
    return this.#intake.idle;
  }

  /** Publishers that wait. */
  get waiting(): number {
    return this.#intake.waiting;
  }

  /** Channels and patterns that some hub has, each once. */
  get channels(): number {
    return this.#channels.size;
  }

  /** Adds a hub, which has no channels yet. */
  add(hub: RoutedHub): HubChannels {
    const channels = new HubChannels(hub, this.#channels);
    this.#hubs.add(channels);
    return channels;
  }

  /** A hub is gone. */
  remove(channels: HubChannels): void {
    this.#hubs.delete(channels);
    channels.clear();
    this.#intake.pump();
  }

  /** As `Hub.requestTurn`. */
  requestTurn(publication: Publication): void {
    if (!this.history.isClosed || publication.onAway?.() !== true) this.#intake.request(publication);
  }

  /** As `Hub.cancelTurn`. */
  cancelTurn(publication: Publication): void {
    this.#intake.cancel(publication);
  }

  /** As `Hub.publish`. */
  publish(items: readonly PublishItem[]): void {
    if (items.length === 0) return;
    this.#options.counters.itemsPublished += items.length;
    const admitted = this.#admission.admit(items);
    if (admitted.length === 0) return;
    if (this.#accepted.length === 0) this.#turns.add(this);
    for (const item of admitted) this.#accepted.push(item);
  }

  /** Gives the hubs items that another router has brought into order, at the end of the turn as those of `publish`. */
  deliver(items: readonly PublishItem[]): void {
    if (this.#ordered.length === 0) this.#turns.add(this);
    for (const item of items) this.#ordered.push(item);
  }

  /** Calls `reached` when the hubs have been given all items that came by `deliver`, before any that comes later. */
  barrier(reached: () => void): void {
    if (this.#ordered.length === 0) reached();
    else this.#ordered.push(reached);
  }

  /** Notes the last id of a channel whose last id is not known. Returns whether that is so. */
  learnLastId(name: string, id: string): boolean {
    const channel = this.#channels.get(name);
    if (channel === undefined || channel.lastId !== null) return false;
    this.#channels.setLastId(name, id);
    return true;
  }

  /** As `Hub.tellCursors`. */
  tellCursors(items: readonly PublishItem[], done: (cursors: readonly (string | null)[]) => void): void {
    if (this.#accepted.length === 0) this.#turns.add(this);
    const tell = (): void => done(items.map((item) => this.history.cursorOf(this.#admission.numberOf(item))));
    this.#asked.push(() => this.history.settle(tell));
  }

  /** As `Hub.ordered`. */
  ordered(done: (known: boolean) => void): void {
    if (!this.history.isShared) {
      done(true);
      return;
    }
    if (this.#accepted.length === 0) this.#turns.add(this);
    this.#asked.push(() => this.history.confirm(done));
  }

  /** As `Hub.keys`. */
  get keys(): KeyTable {
    return this.#admission.keys;
  }

  /** As `Hub.reusedKey`. */
  reusedKey(items: readonly PublishItem[]): PublishItem | null {
    return this.#admission.reusedKey(items);
  }

  /** As `Hub.watchChannels`. */
  watchChannels(watcher: ChannelWatcher): void {
    this.#channels.watch(watcher);
  }

  /** As `Hub.unwatchChannels`. */
  unwatchChannels(watcher: ChannelWatcher): void {
    this.#channels.unwatch(watcher);
  }

  /** Lists channels that some hub has, or remembers: the subscribers are these hubs. */
  channelPage(query: ChannelQuery): Promise<ChannelPage> {
    return channelPage(this.#channels, query);
  }

  /** The id of the last item of a channel; null if it is not known. */
  lastIdOf(name: string): string | null {
    return this.#channels.get(name)?.lastId ?? null;
  }

  /** As `Hub.tap`. */
  tap(key: string, tap: ItemTap): () => void {
    return this.#taps.add(key, tap);
  }

  /** The hubs that have a channel, or a pattern that matches it. */
  hubsOf(channel: string): HubChannels[] {
    const hubs = hubsIn(this.#channels.get(channel));
    for (const pattern of this.#channels.matching(channel)) {
      for (const hub of hubsIn(pattern)) if (!hubs.includes(hub)) hubs.push(hub);
    }
    return hubs;
  }

  /** Hubs have taken items. */
  pump(): void {
    this.#intake.pump();
  }

  /** Orders nothing any more, after what was accepted so far. Returns what another takes to go on. */
  release(): Sequence {
    const stays = this.#options.presence?.release() ?? [];
    this.onTurnEnd();
    return { stays, ...this.#sequencer.release(), ...this.#admission.admitted, lastIds: this.#channels.lastIds };
  }

  /** Publishers wait until `goOn`: another orders the items. */
  hold(): void {
    this.#intake.hold();
  }

  /** Goes on where another has stopped that ordered the items. */
  goOn(sequence: Sequence): void {
    const { seen, early, lastIds, stays } = sequence;
    for (const [name, id] of lastIds) this.#channels.setLastId(name, id);
    this.#admission.goOn(sequence);
    this.#sequencer.goOn(seen, early);
    if (stays !== null) this.#options.presence?.lead(this, stays);
    this.#intake.release();
  }

  /** As `Hub.tell`. */
  tell(events: readonly PresenceEvent[]): void {
    this.publish(presenceItems(events, this.history.rules));
  }

  /** Gives the hubs all that was accepted. */
  flush(): void {
    this.onTurnEnd();
    this.#sequencer.flush();
  }

  onTurnEnd(): void {
    if (this.#ordered.length > 0) this.#passOrdered();
    const items = this.#accepted;
    this.#accepted = [];
    if (items.length > 0) this.#sequencer.add(items);
    for (const asked of this.#asked.splice(0)) attempt(this, asked);
  }

  #passOrdered(): void {
    const ordered = this.#ordered;
    this.#ordered = [];
    let items: PublishItem[] = [];
    for (const each of ordered) {
      if (typeof each !== 'function') {
        if (!each.noSeq) this.#channels.setLastId(each.channel, each.id);
        items.push(each);
        continue;
      }
      this.#route(items);
      items = [];
      attempt(this, each);
    }
    this.#route(items);
  }

  onFault(thrown: unknown): void {
    reportFault(this.#options, thrown);
  }

  get #underway(): number {
    let most = this.history.isClosed ? Number.POSITIVE_INFINITY : this.history.pending;
    for (const { hub } of this.#hubs) most = Math.max(most, hub.underway);
    return most;
  }

  /** Those that get an item. */
  #receivers(channel: string): readonly HubChannels[] {
    const receivers = this.hubsOf(channel);
    for (const channels of this.#hubs) {
      if (channels.takesAll && !receivers.includes(channels)) receivers.push(channels);
    }
    return receivers;
  }

  #route(items: readonly PublishItem[]): void {
    this.#taps.pass(items);
    const { encode } = this.#options;
    const reached = new Set<RoutedHub>();
    for (const item of items) {
      let bytes: Buffer | null = null;
      for (const { hub } of this.#receivers(item.channel)) {
        try {
          bytes ??= encode(item);
          hub.take(bytes);
          reached.add(hub);
        } catch (thrown) {
          fault(hub, thrown);
        }
      }
    }
    for (const hub of reached) {
      try {
        hub.endTurn();
      } catch (thrown) {
        fault(hub, thrown);
      }
    }
  }
}

function hubsIn(channel: Channel | undefined): HubChannels[] {
  return channel?.groupOf('http-stream')?.members.map(({ receiver }) => receiver as HubChannels) ?? [];
}
