import { WheelTimer } from '../clock/index.ts';
import { type ExchangeError, internalError, Payload, type Requester, type Responder } from '../exchange/index.ts';
import type { HubOptions } from './hub-options.ts';
import { SendQueue } from './send-queue.ts';

/** The place that all holds of one hub share. */
export interface HubRoom extends HubOptions {
  /** Every client that is held, those included whose request is being replayed. */
  readonly holds: Set<Held>;
}

/** A subscription as its hold sees it. */
interface Membership {
  readonly channel: { readonly name: string };
  cancel(): void;
}

/** The body of no bytes. */
export const EMPTY = Buffer.alloc(0);
const NO_CHANNELS: readonly Membership[] = [];

/**
 * A client that is held: answers its exchange from the hand-over on, and passes it no more bytes than it granted. It has one
 * object and no buffer as long as the client keeps up.
 */
export abstract class Held extends WheelTimer implements Responder {
  /** The request's id, for the log. */
  readonly id: string;
  protected readonly room: HubRoom;
  protected readonly requester: Requester;
  /** Bytes that the client takes before it grants more. There are none left while something waits in `queue`. */
  credits: number;
  /** Wheel time in whole milliseconds when bytes were last passed: a small integer, which is noted without an allocation. */
  protected lastSent = 0;
  protected queue: SendQueue | null = null;
  protected memberships: readonly Membership[] = NO_CHANNELS;
  /** Whether the exchange has ended: nothing may be passed to the requester any more. */
  protected over = false;
  #draining = false;

  constructor(room: HubRoom, id: string, requester: Requester, credits: number) {
    super();
    this.room = room;
    this.id = id;
    this.requester = requester;
    this.credits = credits;
  }

  /** The hub drains: says goodbye to the client. */
  abstract drain(): void;

  /** Items may have been lost on their way to the hub: asks the origin anew where that is possible. */
  abstract recover(): void;

  /** Begins to wait for the items of channels. */
  enter(memberships: readonly Membership[]): void {
    this.memberships = memberships;
    this.room.holds.add(this);
    this.room.counters.holdsStarted++;
    this.room.counters.holdsOpen++;
  }

  /** The request was complete before its answer became a hold: what still comes of its body is taken and forgotten. */
  onRequestData(chunk: Buffer, more: boolean): void {
    if (more && !this.over) this.requester.onRequestCredit(chunk.length);
  }

  onRequestError(_error: ExchangeError): void {
    this.over = true;
    this.leave();
    const { queue } = this;
    this.queue = null;
    if (queue !== null) this.#reportDropped(queue, 'slow client left');
  }

  onResponseCredit(bytes: number): void {
    this.credits += bytes;
    if (this.queue !== null) this.#drainQueue();
  }

  /** Ends the waiting: no item, no timer and no recovery reaches the hold any more. Harmless when it has ended. */
  protected leave(): void {
    if (!this.room.holds.delete(this)) return;
    this.room.counters.holdsOpen--;
    this.room.wheel.cancel(this);
    for (const membership of this.memberships) membership.cancel();
    this.memberships = NO_CHANNELS;
  }

  /** Passes bytes that are for this client alone: now, or as the credits allow, however many there are. */
  protected send(bytes: Buffer): void {
    if (bytes.length <= this.credits) {
      this.spend(bytes.length);
      this.requester.onResponseData(bytes, true);
    } else {
      this.#enqueue(new Payload(bytes, 0));
    }
  }

  /** Passes a published item: now, or as the credits allow; drops it if the queue has no room for what they do not cover. */
  protected sendOrDrop(item: Payload): void {
    const { length } = item.body;
    const { limits, counters, log } = this.room;
    if (length <= this.credits) {
      counters.itemsDelivered += item.items;
      this.spend(length);
      this.requester.onResponsePayload(item);
      return;
    }
    this.queue ??= new SendQueue();
    const { queue } = this;
    if (queue.items < limits.queueItems && queue.bytes + length - this.credits <= limits.queueBytes) {
      this.#enqueue(item);
      return;
    }
    if (queue.dropped === 0) {
      log.warn({ id: this.id, items: queue.items, bytes: queue.bytes }, 'slow client: items are dropped for it');
    }
    queue.dropped += item.items;
    counters.itemsDropped += item.items;
  }

  /** Ends the response with `last`, after what waits. */
  protected finish(last: Buffer = EMPTY): void {
    if (this.queue === null && last.length <= this.credits) {
      this.over = true;
      this.requester.onResponseData(last, false);
      return;
    }
    this.queue ??= new SendQueue();
    this.queue.ending = true;
    if (last.length > 0) this.queue.push(new Payload(last, 0));
    this.#drainQueue();
  }

  /** Notes that bytes are passed. To be called before the requester is, which may grant more at once. */
  protected spend(bytes: number): void {
    this.credits -= bytes;
    this.lastSent = Math.floor(this.room.wheel.now);
  }

  #enqueue(payload: Payload): void {
    this.queue ??= new SendQueue();
    this.queue.push(payload);
    this.#drainQueue();
  }

  #drainQueue(): void {
    // Credits may be granted from within the call that takes bytes: the loop that made the call goes on with them.
    if (this.#draining) return;
    this.#draining = true;
    for (let { queue } = this; queue !== null; queue = this.queue) {
      if (queue.empty) {
        this.queue = null;
        this.#reportDropped(queue, 'slow client has caught up');
        if (queue.ending) this.finish();
      } else if (this.credits > 0) {
        this.#passNext(queue);
      } else {
        break;
      }
    }
    this.#draining = false;
  }

  #passNext(queue: SendQueue): void {
    const { items } = queue;
    const piece = queue.take(this.credits);
    this.room.counters.itemsDelivered += items - queue.items;
    if (piece instanceof Payload) {
      this.spend(piece.body.length);
      this.requester.onResponsePayload(piece);
    } else {
      this.spend(piece.length);
      this.requester.onResponseData(piece, true);
    }
  }

  #reportDropped(queue: SendQueue, message: string): void {
    if (queue.dropped > 0) this.room.log.info({ id: this.id, dropped: queue.dropped }, message);
  }

  override onFault(thrown: unknown): void {
    const { counters, log } = this.room;
    const error = internalError(thrown);
    counters.faults++;
    log.error({ id: this.id, code: error.code, detail: error.detail }, 'internal error');
    if (this.over) return;
    this.over = true;
    this.leave();
    this.queue = null;
    this.requester.onResponseError(error);
  }
}
