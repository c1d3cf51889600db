import { isUtf8 } from 'node:buffer';
import { closeReason } from '../codec/grip/index.ts';
import { MAX_CONTROL_BYTES } from '../codec/websocket/index.ts';
import { clientNames, MessagePayload, reportFault, type Suspended } from '../exchange/index.ts';
import { FilterLine, type LineOwner } from './filter-line.ts';
import type { FilterService } from './filter-service.ts';
import { FilterSet } from './filter-set.ts';
import type { HubRoom } from './hub-room.ts';
import type { WebSocketHoldState } from './moved-hold.ts';
import type { ChannelPosition } from './next-link.ts';
import type { PublishedMessage } from './published-message.ts';
import { PublishedOutlet } from './published-outlet.ts';
import { shownKey } from './subscription-key.ts';
import { SuspendedReceiver } from './suspended-receiver.ts';
import { userName } from './user-name.ts';
import type { WebSocketHoldOptions } from './websocket-owner.ts';

/** RFC 6455 §7.4.1. */
const [POLICY_VIOLATION, INTERNAL_ERROR] = [1008, 1011];

const NO_FILTERS: readonly string[] = [];
const NO_POSITIONS: readonly ChannelPosition[] = [];

/** A client's WebSocket: its subscriptions, and the filters that stand between what is published and the client. */
export class WebSocketHold extends PublishedOutlet implements LineOwner<PublishedMessage> {
  readonly #debug: boolean;
  readonly #service: FilterService | null;
  /** The user that its token names. */
  readonly #claimed: string | null;
  /** The metadata `user`, while there are no filters that might want it. */
  #said: string | null = null;
  /** Whether the log says that it has as many channels as it may have. */
  #fullNoted = false;

  constructor(room: HubRoom, options: WebSocketHoldOptions) {
    super(room, options);
    const { request, debug = false, filterService = null } = options;
    this.#debug = debug;
    this.#service = filterService;
    this.#claimed = options.user ?? null;
    this.user = userName(this.#claimed, options, room);
    if (request !== undefined) this.comesFrom(request);
    room.holds.add(this);
    room.counters.holdsOpen++;
    if (options.moved === undefined) room.counters.holdsStarted++;
    else this.#goOn(options.moved);
    room.observer?.onHeld(this);
  }

  // ---- the move to another process

  suspend(): Suspended<WebSocketHoldState> | null {
    const { room, id, requestId, route, user, since, peer, encrypted, credits, silence, channelNames } = this;
    const service = this.line === null ? null : this.#service;
    const session = this.session?.state ?? null;
    const asks = service?.state ?? null;
    if (!this.settled || !room.holds.has(this) || this.line?.idle === false) return null;
    if ((this.session !== null && session === null) || (service !== null && asks === null)) return null;
    const shown = this.shownState;
    if (shown === null) return null;
    const own = { id, requestId, route, user, since, peer, encrypted, credits, silence, left: null, gone: null };
    const channels = channelNames;
    const filters = this.line?.filters.state ?? null;
    const stand = new SuspendedReceiver(room, this);
    this.standIn(stand);
    return {
      state: { kind: 'websocket-hold', ...own, channels, session, asks, filters, said: this.#said, ...shown },
      resume: () => {
        this.standIn(this);
        stand.release(Math.floor(room.wheel.now));
      },
      forget: () => this.end(),
    };
  }

  #goOn(state: WebSocketHoldState): void {
    const { user, since, said, peer, encrypted, silence, channels, filters } = state;
    this.user = user;
    this.since = since;
    this.#said = said;
    this.peer = peer;
    this.encrypted = encrypted;
    this.silence = silence;
    if (filters !== null) {
      const set = FilterSet.moved(this.prefix, filters);
      this.line = new FilterLine<PublishedMessage>(this.room, this, set, this.#service);
    }
    for (const name of channels) this.join(name);
    this.goOnShown(state, channels);
  }

  /**
   * Subscribes to a channel, by its full name, or to a pattern, by its key. Returns false if there are as many as one client may have.
   * @param filters in place of those that the channel has
   * @param since what the client says that it has; null for nothing. Without effect where it is subscribed already
   */
  subscribe(key: string, filters: readonly string[] = NO_FILTERS, since: string | null = null): boolean {
    const { counters, log, limits, holds } = this.room;
    if (!holds.has(this)) return true;
    const max = limits.current.connectionSubscriptionMax;
    if (this.channelCount >= max && !this.hasJoined(key)) {
      counters.subscriptionsDropped++;
      // Once: an origin may go on with thousands.
      if (!this.#fullNoted) log.info({ ...clientNames(this), dropped: 1, max }, 'too many channels for one connection');
      this.#fullNoted = true;
      return false;
    }
    if (filters.length > 0) this.#filterLine().filters.set(key, filters);
    else this.line?.filters.set(key, NO_FILTERS);
    if (!this.hasJoined(key)) this.begin(key, since);
    if (log.debugEnabled) log.debug({ ...clientNames(this), mode: 'websocket', channels: [shownKey(key)] }, 'hold');
    return true;
  }

  override part(key: string): void {
    super.part(key);
    this.history?.part(key);
    this.line?.filters.delete(key);
  }

  /** Sets what filters know of the client; null removes it. Returns false, and sets nothing, if it is too much. */
  setMeta(name: string, value: string | null): boolean {
    if (this.ends) return true;
    if (name === 'user') {
      this.user = userName(value ?? this.#claimed, this, this.room);
      if (this.line === null && (value === null || this.user === value)) {
        // Most have no filters, and are faster without them.
        this.#said = value;
        return true;
      }
    }
    return this.#filterLine().filters.setMeta(name, value);
  }

  // ---- for the line of its filters (LineOwner)

  contentOf({ action, payload }: PublishedMessage): Buffer | null {
    return action === 'send' ? payload.body : null;
  }

  onPassed(message: PublishedMessage, content: Buffer): void {
    const { type, payload, action } = message;
    if (action !== 'send' || content === payload.body) {
      this.take(message, payload);
    } else if (type === 'text' ? isUtf8(content) : type === 'binary' || content.length <= MAX_CONTROL_BYTES) {
      this.take(message, new MessagePayload(content, type === 'text', 1, payload.expires));
    } else {
      // RFC 6455 §8.1, §5.5: a client would fail the WebSocket.
      const problem = `filter error: not a valid ${type}`;
      this.room.filterErrors.note(this, message.channel, problem);
      this.onUnfiltered(message, problem);
    }
  }

  onDropped(): void {}

  onUnfiltered(_message: PublishedMessage, problem: string): void {
    if (!this.#debug || this.ends) return;
    this.close(INTERNAL_ERROR, closeReason(problem));
    this.owner.onPublishedClose();
  }

  get takesAll(): boolean {
    return this.history?.isLive === false;
  }

  onNoRoom({ number, action }: PublishedMessage): boolean {
    if (this.history === null || number === 0 || action !== 'send') return false;
    this.history.missed(number);
    return true;
  }

  onLineEmpty(): void {
    this.history?.pump();
  }

  /** Subscriptions have no position. */
  positionOf(): undefined {}

  get positions(): readonly ChannelPosition[] {
    return NO_POSITIONS;
  }

  #filterLine(): FilterLine<PublishedMessage> {
    if (this.line !== null) return this.line;
    const set = new FilterSet(this.prefix);
    for (const key of this.channelNames) set.set(key, NO_FILTERS);
    if (this.#said !== null) set.setMeta('user', this.#said);
    this.line = new FilterLine<PublishedMessage>(this.room, this, set, this.#service);
    return this.line;
  }

  override disconnect(): boolean {
    this.close(POLICY_VIOLATION, 'disconnected');
    this.owner.onPublishedClose();
    return true;
  }

  /** The server closes the WebSockets that are open. */
  override drain(): void {}

  override onTimer(): void {}

  override onFault(thrown: unknown): void {
    this.fail(reportFault(this.room, thrown, { ...clientNames(this) }));
  }

  protected override leave(): void {
    if (!this.room.holds.delete(this)) return;
    this.room.counters.holdsOpen--;
    this.room.wheel.cancel(this);
    this.partAll();
    this.room.observer?.onLeft(this);
    this.line?.end();
  }
}
