import type { WheelTimer } from '../clock/index.ts';
import type { MessageContent } from '../codec/grip/index.ts';
import {
  type ByteHolder,
  clientNames,
  ExchangeError,
  hasExpired,
  MessagePayload,
  type WebSocketRequester,
} from '../exchange/index.ts';
import type { HubRoom } from './hub-room.ts';
import type { PublishedMessage } from './published-message.ts';
import { ENTRY_COST } from './queue-budget.ts';
import { Subscriber } from './subscriber.ts';
import { type WaitingMessage, WaitingMessages, waiting, whole } from './waiting-messages.ts';
import type { WebSocketHoldOptions, WebSocketOwner } from './websocket-owner.ts';

/**
 * Messages that may be on their way to a client before it takes the first one. Its connection counts them too, and a client of which it
 * has too many waiting is cut.
 */
const MAX_UNTAKEN = 256;

/**
 * Messages, pieces of them, pings and pongs of an origin that wait for its client and have no bytes, so that they cost the origin no credit. Of
 * those with bytes one window waits.
 * @bound websocket-empty-messages
 */
export const MAX_EMPTY = 1_024;

/**
 * Bytes of what origins have sent and waits for the clients of all WebSockets, each piece costing at least 256.
 * @bound websocket-relayed-total
 */
export const MAX_RELAYED = 134_217_728;

/**
 * Puts all that goes to one client's WebSocket in order: what its origin sends, what timers and replies send, and what is published, which comes
 * between two messages of the origin. It passes no more bytes than the client has granted. What the origin sends waits as long as it must, since
 * the origin has credits of its own; published messages and replies wait in a bounded queue.
 */
export abstract class WebSocketOutlet extends Subscriber implements ByteHolder {
  readonly id: string;
  readonly requestId: string;
  protected readonly room: HubRoom;
  protected readonly requester: WebSocketRequester;
  protected readonly owner: WebSocketOwner;
  /** The WebSocket has ended. */
  protected over = false;
  /** Wheel time in whole milliseconds when something was last passed. */
  #lastSent = 0;
  #credits: number;
  /** Messages that were passed since the client last took something. */
  #untaken = 0;
  /** Pieces of the origin; null while none wait. */
  #pieces: WaitingMessages | null = null;
  /** Published messages, and those that the proxy sends by itself; null while none wait. */
  #items: WaitingMessages | null = null;
  /** The pong for the client's newest ping, while it waits. */
  #pong: WaitingMessage | null = null;
  /**
   * Messages of `sendOwn` that wait. While there are any, their origin gets no credit back for what it had sent; a client gets none for a
   * message or ping until its reply has left. So one window of each is all that leads to messages for a client that takes nothing.
   * @bound websocket-own-messages
   */
  #own = 0;
  /** Bytes that the client may send again, since their replies have passed. */
  #replied = 0;
  /** A message of the origin has begun, and its next piece has to pass before anything else but a ping or pong. */
  #within = false;
  #passing = false;
  #close: { readonly code: number; readonly reason: string } | null = null;
  /** Items that were dropped since the client fell behind. */
  #dropped = 0;

  constructor(room: HubRoom, { id, requestId = '', requester, credits, owner, route }: WebSocketHoldOptions) {
    super(room.channels, route);
    this.room = room;
    this.id = id;
    this.requestId = requestId;
    this.requester = requester;
    this.#credits = credits;
    this.owner = owner;
  }

  /** Passes a piece of a message of the origin. */
  relay(chunk: Buffer, text: boolean, more: boolean): void {
    if (this.ends) {
      this.owner.onRelayed(chunk.length);
    } else if (this.#pieces === null && (this.#items === null || this.#within) && this.covers(chunk.length)) {
      this.#within = more;
      this.spend(chunk.length);
      this.requester.onResponseMessage(chunk, text, more);
      this.owner.onRelayed(chunk.length);
      if (!more) this.#pump();
    } else {
      this.#wait('message', chunk, text, more);
    }
  }

  /** Passes a ping or pong of the origin, in its place among the messages. */
  relayControl(kind: 'ping' | 'pong', data: Buffer): void {
    if (this.ends) {
      this.owner.onRelayed(data.length);
      return;
    }
    this.#wait(kind, data, false, false);
  }

  /** Lets a piece of the origin wait for its turn. */
  #wait(kind: WaitingMessage['kind'], chunk: Buffer, text: boolean, more: boolean): void {
    this.#pieces ??= new WaitingMessages();
    // A copy: the bytes may belong to a larger buffer, whose other messages cost their origin no credit any more.
    this.#pieces.add(waiting(kind, Buffer.from(chunk), text, more, 'origin'));
    this.room.relayed.hold(this, chunk.length);
    this.#pump();
    if ((this.#pieces?.empty ?? 0) <= MAX_EMPTY) return;
    const error = new ExchangeError('HF_CLIENT_STALLED', `${MAX_EMPTY} empty messages of the origin waited for it`);
    this.#cut(error);
  }

  /** Too much of origins waits for all clients, and this one has the most. */
  onHeldTooMuch(): void {
    this.#cut(new ExchangeError('HF_CLIENT_STALLED', 'held the most when too much of origins waited for WebSockets'));
  }

  #cut(error: ExchangeError): void {
    this.room.counters.clientsStalled++;
    this.room.log.info({ ...clientNames(this), code: error.code, detail: error.detail }, 'client cut off');
    this.fail(error);
  }

  /** Sends a message that the origin has set a timer for. It waits for credits as long as it must; see `ownWaits`. */
  sendOwn({ type, content }: MessageContent): void {
    if (this.ends) return;
    this.#own++;
    this.queue(whole(type, content, 'timer', null));
  }

  /** Whether a message of `sendOwn` waits: its origin is not to have further ones sent. */
  get ownWaits(): boolean {
    return this.#own > 0;
  }

  /** Replies to a message of the client that cost it this much credit. A reply that its queue has no room for is dropped. */
  reply({ type, content }: MessageContent, credit: number): void {
    if (this.ends || !this.admits(content.length)) {
      this.owner.onReplied(credit);
      return;
    }
    // The bytes may belong to a larger buffer.
    const item = new MessagePayload(Buffer.from(content), type === 'text');
    const message = whole(type, item.body, 'reply', item);
    message.credit = credit;
    this.queue(message);
  }

  /** Sends the pong for a ping. Of several pings only the newest one needs a pong (RFC 6455 §5.5.3), so one waits at most. */
  pong(data: Buffer, credit: number): void {
    if (this.ends) {
      this.owner.onReplied(credit);
      return;
    }
    const bytes = Buffer.from(data);
    const pong = this.#pong;
    if (pong !== null && this.#items !== null) {
      pong.credit += credit;
      this.#items.replace(pong, bytes);
      this.#pump();
      return;
    }
    const message = whole('pong', bytes, 'reply', null);
    message.credit = credit;
    this.#pong = message;
    this.queue(message);
  }

  /** Whether a message of its origin or a published one may begin, and nothing waits in either direction. */
  protected get settled(): boolean {
    const none = this.#own === 0 && this.#replied === 0 && this.#pong === null && this.#dropped === 0;
    return none && this.isUpToDate && !this.ends && !this.#passing && this.#untaken === 0;
  }

  protected get credits(): number {
    return this.#credits;
  }

  /** Goes on as if something had been passed so many milliseconds ago. */
  protected set silence(milliseconds: number) {
    this.#lastSent = Math.floor(this.room.wheel.now - milliseconds);
  }

  /** Milliseconds since something was last passed. */
  get silence(): number {
    return this.room.wheel.now - this.#lastSent;
  }

  /** Has `timer` called in so many milliseconds, or never if it is null. */
  schedule(timer: WheelTimer, milliseconds: number | null): void {
    if (milliseconds === null) this.room.wheel.cancel(timer);
    else this.room.wheel.schedule(timer, milliseconds);
  }

  /** Milliseconds until `timer` is called; null for never. */
  left(timer: WheelTimer): number | null {
    return this.room.wheel.left(timer);
  }

  /** Whether nothing waits for the client. */
  get idle(): boolean {
    return this.#pieces === null && this.#items === null;
  }

  /** Ends the WebSocket after what waits. Nothing is published to it any more. */
  close(code: number, reason: string): void {
    if (this.ends) return;
    this.#close = { code, reason };
    this.leave();
    this.#pump();
  }

  /** The client accepts this many more bytes. */
  credit(bytes: number): void {
    this.#credits += bytes;
    this.#untaken = 0;
    this.#pump();
    if (this.idle) this.#reportDropped('slow client has caught up');
  }

  /** The WebSocket has ended. Nothing is passed any more. Harmless when it has ended before. */
  end(): void {
    if (this.over) return;
    this.over = true;
    this.leave();
    for (let item = this.#items?.first ?? null; item !== null; item = item.next) this.#release(item);
    this.#items = null;
    if (this.#pieces !== null) this.room.relayed.releaseAll(this);
    this.#pieces = null;
    this.#pong = null;
    this.#own = 0;
    this.#reportDropped('slow client left');
  }

  /** Ends the WebSocket and has its owner cut the client off. Harmless when it has ended before. */
  protected fail(error: ExchangeError): void {
    if (this.over) return;
    this.end();
    this.owner.onHoldFailed(error);
  }

  /** The client takes more, and nothing waits for it. */
  protected abstract onTakesMore(): void;

  /** It is over, or ends after what waits: nothing is published to the client any more. */
  protected abstract leave(): void;

  protected get ends(): boolean {
    return this.over || this.#close !== null;
  }

  /** Whether a published message comes next: nothing waits, and the origin is not within a message. */
  protected get isUpToDate(): boolean {
    return this.#items === null && !this.#within && this.#pieces === null;
  }

  /** Whether the client takes more, and nothing waits for it. */
  protected get takesMore(): boolean {
    return this.isUpToDate && this.#credits > 0 && this.#untaken < MAX_UNTAKEN && !this.#passing;
  }

  /** Whether so many bytes, in so many messages, can be passed now. */
  protected covers(bytes: number, messages = 1): boolean {
    return bytes <= this.#credits && this.#untaken + messages <= MAX_UNTAKEN && !this.#passing;
  }

  /** Notes that bytes are passed. To be called before the requester is, which may grant more at once. */
  protected spend(bytes: number, messages = 1): void {
    this.#credits -= bytes;
    this.#lastSent = Math.floor(this.room.wheel.now);
    // What has no bytes costs no credit, so none comes back for it.
    if (bytes > 0) this.#untaken += messages;
  }

  /** Whether the client's queue has room for so many bytes more. Otherwise they are dropped, which is counted and logged. */
  protected admits(length: number): boolean {
    if (this.hasRoom(length)) return true;
    this.noteDropped();
    return false;
  }

  /** Whether the client's queue has room for so many bytes more. */
  protected hasRoom(length: number): boolean {
    const { budget, limits } = this.room;
    const { queueItems, queueBytes } = limits.current;
    const items = this.#items?.length ?? 0;
    const bytes = this.#items?.bytes ?? 0;
    const excess = Math.max(0, items + 1 - queueItems);
    // What waits here for compression does not make the client a slow one: only bytes bound that.
    const fits =
      (excess === 0 || this.requester.keepsUp === true) &&
      bytes + length + excess * ENTRY_COST - this.#credits <= queueBytes;
    return fits && budget.admits(length, bytes);
  }

  /** An item is dropped for this client. */
  protected noteDropped(): void {
    const { counters, log } = this.room;
    const [items, bytes] = [this.#items?.length ?? 0, this.#items?.bytes ?? 0];
    if (this.#dropped++ === 0) log.warn({ ...clientNames(this), items, bytes }, 'slow client: items dropped');
    counters.itemsDropped++;
  }

  /** Lets nothing wait any more that is in the log. Returns what has waited, in its order. */
  protected unqueueKept(): readonly PublishedMessage[] {
    const removed = this.#items?.removeKept() ?? [];
    if (this.#items?.length === 0) this.#items = null;
    for (const message of removed) this.#release(message);
    return removed.map(({ kept }) => kept as PublishedMessage);
  }

  protected queue(message: WaitingMessage): void {
    if (message.item !== null) this.room.budget.take(message.item);
    this.#items ??= new WaitingMessages();
    this.#items.add(message);
    this.#pump();
  }

  /** Passes what waits, as the credits allow. Published messages come between two messages of the origin. */
  #pump(): void {
    if (this.#passing) return;
    this.#passing = true;
    try {
      while (!this.over && this.#passNext());
    } finally {
      this.#passing = false;
    }
    this.#returnCredit();
    const close = this.#close;
    if (close === null && !this.over && this.takesMore) this.onTakesMore();
    // The rest of a message that the origin has begun does not come any more.
    if (close === null || this.over || !(this.idle || (this.#within && this.#pieces === null))) return;
    this.end();
    this.requester.onResponseClose(close.code, close.reason);
  }

  /** Lets the client send again, once nothing is being passed: it may do so at once, and then gets its reply at once. */
  #returnCredit(): void {
    const credit = this.#replied;
    this.#replied = 0;
    if (credit > 0 && !this.over) this.owner.onReplied(credit);
  }

  #passNext(): boolean {
    const piecesFirst = this.#within && (this.#items?.first?.passed ?? 0) === 0;
    const queue = piecesFirst ? this.#pieces : (this.#items ?? this.#pieces);
    const first = queue?.first ?? null;
    if (queue === null || first === null) return false;
    if (isExpired(first)) {
      this.room.counters.itemsExpired++;
      this.#shift(queue, first);
      return true;
    }
    const left = first.chunk.length - first.passed;
    const length = Math.min(left, this.#credits);
    if (this.#untaken >= MAX_UNTAKEN || length < Math.min(left, 1)) return false;
    // A ping is never divided.
    if (first.kind !== 'message' && length < left) return false;
    this.spend(length);
    const whole = length === left;
    const at = first.passed;
    first.passed += length;
    if (whole) {
      this.#shift(queue, first);
      if (first === this.#pong) this.#pong = null;
      if (first.from === 'publisher') {
        this.room.counters.itemsDelivered++;
        if (this.record !== null) this.record.items++;
      }
    }
    this.#pass(first, at, length, whole);
    return true;
  }

  /** Removes the first message of a queue. */
  #shift(queue: WaitingMessages, first: WaitingMessage): void {
    queue.shift();
    if (queue.length === 0) {
      if (queue === this.#items) this.#items = null;
      else this.#pieces = null;
    }
    this.#release(first);
  }

  #pass(message: WaitingMessage, at: number, length: number, whole: boolean): void {
    const { kind, chunk, text, from, item } = message;
    const requester = this.requester;
    if (kind === 'ping') requester.onResponsePing(chunk);
    else if (kind === 'pong') requester.onResponsePong(chunk);
    else if (item !== null && at === 0 && whole) requester.onResponseShared(item);
    else {
      const more = message.more || !whole;
      if (from === 'origin') this.#within = more;
      requester.onResponseMessage(chunk.subarray(at, at + length), text, more);
    }
    if (from === 'origin') this.owner.onRelayed(length);
    else if (whole && from === 'timer' && !this.over && --this.#own === 0) this.owner.onOwnPassed();
    if (whole) this.#replied += message.credit;
  }

  #release({ item, from, chunk }: WaitingMessage): void {
    if (item !== null) this.room.budget.release(item);
    else if (from === 'origin') this.room.relayed.release(this, chunk.length);
  }

  #reportDropped(message: string): void {
    if (this.#dropped === 0) return;
    this.room.log.info({ ...clientNames(this), dropped: this.#dropped }, message);
    this.#dropped = 0;
  }
}

/** Whether a published message of which nothing has passed is of no use any more. */
function isExpired({ item, passed }: WaitingMessage): boolean {
  return item !== null && passed === 0 && hasExpired(item.expires);
}
