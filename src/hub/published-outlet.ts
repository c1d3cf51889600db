import type { PublishItem } from '../codec/grip/index.ts';
import { NO_STATUS } from '../codec/websocket/index.ts';
import { clientNames, type JoinedMessages, MessagePayload } from '../exchange/index.ts';
import { cursorMessage, type EnvelopeStyle, envelopeStyle, gapMessage } from './envelope.ts';
import type { FilterLine } from './filter-line.ts';
import type { HistoryStream } from './history-stream.ts';
import type { HubRoom } from './hub-room.ts';
import { haveCursors, toldGaps, unkeptOf } from './kept-channels.ts';
import { type MessageRun, messageRuns } from './message-run.ts';
import type { ShownState } from './moved-hold.ts';
import type { PlaceOptions } from './place-options.ts';
import type { PublishedMessage } from './published-message.ts';
import { SharedRuns } from './shared-runs.ts';
import type { SlowPolicy } from './slow-policy.ts';
import type { Step } from './step.ts';
import { StreamHistory } from './stream-history.ts';
import { whole } from './waiting-messages.ts';
import { WebSocketOutlet } from './websocket-outlet.ts';
import type { WebSocketHoldOptions } from './websocket-owner.ts';

/** Try again later (IANA, WebSocket Close Code Number Registry). */
const TRY_AGAIN_LATER = 1013;

/** Those of clients that come back together. */
const RUNS = new SharedRuns((items) => messageRuns(items, Infinity));

/**
 * Passes what is published to one client's WebSocket, as its route shows it: at once where the client keeps up, or later from the log of its channels. What
 * becomes of a client that is behind is decided here.
 */
export abstract class PublishedOutlet extends WebSocketOutlet implements HistoryStream<MessageRun> {
  override readonly format = 'ws-message';
  /** Put in front of the names of its channels, and not known to the client. */
  protected readonly prefix: string;
  /** The filters that stand between the channels and the client; null for none. */
  protected line: FilterLine<PublishedMessage> | null = null;
  /** Where it is in the log of its channels; null where none of them are kept. */
  protected history: StreamHistory<MessageRun> | null = null;
  /** How what is published is shown to the client; null: as it is. */
  #envelope: EnvelopeStyle | null = null;
  #slow: SlowPolicy;
  /** Whether the client is told of gaps although it gets no envelopes: its origin has said where it is. */
  #knowsGaps = false;
  /** The turn in which it was last given something that was published. */
  #givenAt = -2;

  constructor(room: HubRoom, options: WebSocketHoldOptions) {
    super(room, options);
    const { channelPrefix = '', envelope = false, slow = 'catch_up' } = options;
    this.prefix = channelPrefix;
    if (envelope) this.#envelope = envelopeStyle('', channelPrefix);
    this.#slow = slow;
  }

  // ---- its place in the log

  /** From what another process makes it again; null while it reads the log. */
  protected get shownState(): ShownState | null {
    const place = this.history?.place ?? null;
    if (this.history !== null && place === null) return null;
    return { place, envelope: this.#envelope !== null, slow: this.#slow, knowsGaps: this.#knowsGaps };
  }

  /** Goes on where one of another process has stopped. */
  protected goOnShown({ place, envelope, slow, knowsGaps }: ShownState, keys: readonly string[]): void {
    this.#envelope = envelope ? envelopeStyle('', this.prefix) : null;
    this.#slow = slow;
    this.#knowsGaps = knowsGaps;
    if (place !== null) this.#placeAt({ ...place, keys, since: place.cursor })?.goOn();
  }

  /** Gives it a place in the log, if one of the channels or patterns is kept. */
  #placeAt(options: PlaceOptions): StreamHistory<MessageRun> | null {
    if (!haveCursors(this.room, options.keys)) return null;
    this.history = new StreamHistory<MessageRun>(this.room, this.room.history, this, options);
    return this.history;
  }

  /** Joins a channel or pattern. @param since what the client says that it has; null for nothing */
  protected begin(key: string, since: string | null): void {
    this.join(key);
    if (since !== null) this.#knowsGaps = true;
    if (this.history !== null) {
      this.history.join(key, since);
      return;
    }
    const history = this.#placeAt({ keys: [key], since, prefix: this.prefix, join: 'none' });
    // An origin names one channel after the other: those with the same cursor begin together.
    if (since === null) history?.start();
    else history?.startLater();
  }

  // ---- what is published

  /** Has the origin asked. */
  refresh(): void {
    if (!this.ends) this.owner.onRefresh();
  }

  /** A connection that takes everything grants credit at the end of the next turn: what exceeds it before would count as that of a slow client. */
  awaitsCredit(step: Step): boolean {
    const run = step as MessageRun;
    // What is published while it reads the log waits there.
    if (this.history?.isLive === false && run.isKept) return false;
    const bytes = this.#envelope === null ? run.bytes : this.#joinedOf(run).length;
    return !this.covers(bytes, run.count) && this.isUpToDate && this.room.turns.number <= this.#givenAt + 1;
  }

  override receive(step: Step): number {
    const run = step as MessageRun;
    this.#givenAt = this.room.turns.number;
    if (this.history === null || !run.isKept) return this.#pass(run);
    const next = this.history.next(run);
    return next === null ? 1 : this.#pass(next);
  }

  #pass(run: MessageRun): number {
    if (run.count > 1 && this.line === null) {
      const joined = this.#joinedOf(run);
      if (this.#isReadyFor(joined)) return this.#passJoined(run, joined);
    }
    let work = 0;
    for (const message of run.items) work += this.#receive(message);
    return work;
  }

  #receive(message: PublishedMessage): number {
    if (this.#isLeft(message)) return 1;
    if (this.line === null) return message.plain ? this.take(message, message.payload) : 1;
    this.line.give(message);
    return 1 + (message.payload.body.length >>> 12);
  }

  /** Whether the client gets a message from the log, later: one before it is there. */
  #isLeft({ number, action }: PublishedMessage): boolean {
    return number > 0 && action === 'send' && this.history?.leaves(number) === true;
  }

  /** What clients without filters get of a run. */
  #joinedOf(run: MessageRun): JoinedMessages {
    return this.#envelope === null ? run.joined : run.joinedFor(this.#style(this.#envelope));
  }

  /** The epoch may have changed. */
  #style(style: EnvelopeStyle): EnvelopeStyle {
    const epoch = this.history?.epoch ?? '';
    if (style.epoch === epoch) return style;
    this.#envelope = envelopeStyle(epoch, style.prefix);
    return this.#envelope;
  }

  /** Whether the client gets the messages of a run at once: nothing waits for it, and its credits cover all. */
  #isReadyFor({ length, messages }: JoinedMessages): boolean {
    return !this.ends && this.isUpToDate && this.covers(length, messages.length);
  }

  #passJoined({ channel, items }: MessageRun, joined: JoinedMessages): number {
    const count = joined.messages.length;
    if (count === 0) return 1;
    if (this.session !== null) {
      for (const { plain, id } of items) if (plain && id !== null) this.session.onItem(channel, id);
    }
    this.spend(joined.length, count);
    this.room.counters.itemsDelivered += count;
    if (this.record !== null) this.record.items += count;
    this.requester.onResponseJoined(joined);
    return 1 + (joined.length >>> 14);
  }

  /** @param content what filters have left of the message */
  protected take(message: PublishedMessage, content: MessagePayload): number {
    const { channel, id, action, type, code, reason, number } = message;
    if (action === 'refresh') {
      this.refresh();
      return 4;
    }
    if (action === 'close') {
      this.#closeBy(code, reason);
      return 2;
    }
    if (this.ends || this.#isLeft(message)) return 1;
    const payload = this.#shown(message, content);
    const { length } = payload.body;
    const now = this.isUpToDate && this.covers(length);
    if (!now && !this.#mayWait(message, length)) return 1;
    if (this.session !== null && id !== null) this.session.onItem(channel, id);
    if (now) {
      this.spend(length);
      this.room.counters.itemsDelivered++;
      if (this.record !== null) this.record.items++;
      if (type === 'ping') this.requester.onResponsePing(payload.body);
      else if (type === 'pong') this.requester.onResponsePong(payload.body);
      else this.requester.onResponseShared(payload);
    } else {
      const waiting = whole(message.isMessage && payload.text ? 'text' : type, payload.body, 'publisher', payload);
      if (number > 0 && this.history !== null && !message.fromLog) waiting.kept = message;
      this.queue(waiting);
    }
    return 1 + (length >>> 14);
  }

  /** A message as the client gets it. */
  #shown(message: PublishedMessage, content: MessagePayload): MessagePayload {
    if (this.#envelope === null || !message.isMessage) return content;
    const style = this.#style(this.#envelope);
    return content === message.payload ? message.envelopedFor(style) : message.enveloped(style, content);
  }

  // ---- a client that is behind

  /** Whether a message may wait for the client. Otherwise what becomes of it is as the route says. */
  #mayWait({ number, fromLog }: PublishedMessage, length: number): boolean {
    // What is read from the log comes when nothing else waits.
    if (fromLog || this.hasRoom(length)) return true;
    const history = number > 0 ? this.history : null;
    if (this.#slow === 'close') this.#closeSlow(number);
    else if (this.#slow === 'drop' || history === null) this.noteDropped();
    else this.#leaveToLog(history, number);
    return false;
  }

  /** What waits is in the log, and so is this message: the client gets it from there. */
  #leaveToLog(history: StreamHistory<MessageRun>, number: number): void {
    for (const waiting of this.unqueueKept()) history.drop(waiting.number);
    history.missed(number);
  }

  /** @param number of the message that there is no room for; 0 where it is not kept */
  #closeSlow(number: number): void {
    const { counters, log } = this.room;
    const first = this.unqueueKept()[0]?.number ?? number;
    const cursor = (first === 0 ? this.cursor : this.history?.cursorAt(first - 1)) ?? '';
    counters.slowClientsClosed++;
    log.info({ ...clientNames(this), ...(cursor !== '' && { cursor }) }, 'slow client: WebSocket closed');
    this.close(TRY_AGAIN_LATER, cursor);
    this.owner.onPublishedClose();
  }

  override get cursor(): string | null {
    const history = this.history;
    return history === null || history.epoch === '' ? null : history.cursorAt(history.position);
  }

  /** A publisher closes the WebSocket. A client that is behind is told where it is. */
  #closeBy(code: number, reason: string): void {
    // RFC 6455 §5.5.1: a close without a code has no reason.
    const isBehind = this.history?.isLive === false && code !== NO_STATUS && reason === '';
    this.close(code, isBehind ? (this.cursor ?? '') : reason);
    this.owner.onPublishedClose();
  }

  // ---- for its place in the log (HistoryStream)

  get ready(): boolean {
    return this.takesMore && this.isIdle;
  }

  get isIdle(): boolean {
    return this.line?.idle !== false;
  }

  get ended(): boolean {
    return this.ends;
  }

  runsOf(items: readonly PublishItem[], cap: number): readonly MessageRun[] {
    return cap === Infinity ? RUNS.of(items) : messageRuns(items, cap);
  }

  give(run: MessageRun): void {
    this.#pass(run);
  }

  tellGap(channels: readonly string[], cursor: string | null): void {
    if (this.#envelope !== null || this.#knowsGaps) this.#tell(gapMessage(channels, cursor));
  }

  tellCursor(cursor: string): void {
    if (this.#envelope !== null) this.#tell(cursorMessage(cursor));
  }

  #tell(content: Buffer): void {
    if (this.ends) return;
    const payload = new MessagePayload(content, true);
    this.queue(whole('text', content, 'hub', payload));
  }

  protected override onTakesMore(): void {
    this.history?.pump();
  }

  onLost(channel: string): void {
    this.history?.onLost(channel);
  }

  onBroken(channel: string, from: number): void {
    this.history?.onBroken(channel, from);
  }

  override onMissed(): void {
    this.history?.recover();
    const lost = toldGaps(this.room, unkeptOf(this.room, this.channelNames), this.prefix);
    if (lost.length > 0) this.tellGap(lost, this.cursor);
  }

  /** Without a place in the log it recovers by itself: subscriptions have no position. */
  override recover(): void {
    this.history?.recover();
  }
}
