import {
  type ClientNames,
  clientNames,
  type ExchangeError,
  Payload,
  type Requester,
  type Responder,
  type ResponseHead,
  reportFault,
  type Suspended,
} from '../exchange/index.ts';
import { Backlog, type BacklogOwner } from './backlog.ts';
import type { FilterService } from './filter-service.ts';
import type { HubRoom } from './hub-room.ts';
import type { KeptPayload } from './kept-payload.ts';
import type { HeldState, HoldParts } from './moved-hold.ts';
import type { GoneLink } from './next-link.ts';
import { Subscriber } from './subscriber.ts';
import { SuspendedReceiver } from './suspended-receiver.ts';

const EMPTY = Buffer.alloc(0);

/**
 * A client that is held: the responder of its exchange from the hand-over on. It passes the client no more bytes than were granted, and
 * has one object and no buffer as long as the client keeps up.
 */
export abstract class Held extends Subscriber implements Responder, BacklogOwner {
  /** Those of the request, for the log. */
  readonly id: string;
  readonly requestId: string;
  protected readonly room: HubRoom;
  protected readonly requester: Requester;
  /** Bytes that the client takes before it grants more. 0 while there is a backlog, which then has them. */
  credits: number;
  /** Wheel time in whole milliseconds when bytes were last passed: a small integer, which is noted without an allocation. */
  protected lastSent = 0;
  /** The exchange has ended: nothing may be passed to the requester any more. */
  protected over = false;
  /** Told when the client is no longer held. */
  gone: GoneLink | null = null;
  /** It goes on in another process, and tells nobody of its end here. */
  protected moved = false;
  #backlog: Backlog | null = null;
  /** It waits to join channels: what is published meanwhile waits too. */
  protected joining = false;
  /** Items that were dropped since the client fell behind. */
  #dropped = 0;

  constructor(room: HubRoom, names: ClientNames, requester: Requester, credits: number, route = '') {
    super(room.channels, route);
    this.room = room;
    this.id = names.id;
    this.requestId = names.requestId ?? '';
    this.requester = requester;
    this.credits = credits;
  }

  get sendsToMany(): boolean {
    return true;
  }

  /**
   * Begins to wait for the items of channels.
   * @param moved whether it did so in another process already
   */
  enter(names: readonly string[], moved = false): void {
    // First, so that `leave` undoes also what a defect has left half done.
    this.room.holds.add(this);
    if (!moved) this.room.counters.holdsStarted++;
    this.room.counters.holdsOpen++;
    for (const name of names) this.join(name);
  }

  /** What is published waits from now on, within bounds, until `endJoin`. */
  beginJoin(): void {
    this.joining = true;
  }

  endJoin(): void {
    this.joining = false;
  }

  /** The request was complete before its response became a hold: what still comes of its body is taken and forgotten. */
  onRequestData(chunk: Buffer, more: boolean): void {
    if (more && !this.over) this.requester.onRequestCredit(chunk.length);
  }

  onRequestError(_error: ExchangeError): void {
    this.over = true;
    this.leave();
    this.#dropBacklog();
    this.#reportDropped('slow client left');
  }

  onResponseCredit(bytes: number): void {
    if (this.#backlog === null) this.credits += bytes;
    else this.#backlog.credit(bytes);
    this.#settle();
  }

  override dismiss(): void {
    // It may have ended since its turn was given out.
    if (this.room.holds.has(this)) this.drain();
  }

  /** Ends the waiting: no item, no timer and no recovery reaches the hold any more. Harmless when it has ended. */
  protected leave(): void {
    if (!this.room.holds.delete(this)) return;
    this.room.counters.holdsOpen--;
    this.room.wheel.cancel(this);
    this.partAll();
    this.room.observer?.onLeft(this);
    if (!this.moved) this.gone?.send();
  }

  // ---- the move to another process

  /** What every hold is made from again; null where it, or something that it has, cannot move at present. */
  protected heldState(service: FilterService | null): Omit<HeldState, 'kind'> | null {
    const { room, id, requestId, route, user, since, peer, encrypted, credits, channelNames } = this;
    if (this.over || this.joining || this.behind || this.#dropped > 0 || !room.holds.has(this)) return null;
    const gone = this.gone?.state ?? null;
    const session = this.session?.state ?? null;
    const asks = service?.state ?? null;
    if ((this.gone !== null && gone === null) || (this.session !== null && session === null)) return null;
    if (service !== null && asks === null) return null;
    const names = { id, requestId, route, user, since };
    const own = { ...names, peer, encrypted, credits, channels: channelNames, left: room.wheel.left(this) };
    return { ...own, silence: room.wheel.now - this.lastSent, gone, session, asks };
  }

  /** Lets what is published wait, and the timer, until the one or the other. */
  protected suspendWith<State extends HeldState>(state: State, resume: () => void): Suspended<State> {
    const { wheel } = this.room;
    const stand = new SuspendedReceiver(this.room, this);
    this.standIn(stand);
    wheel.cancel(this);
    return {
      state,
      resume: () => {
        this.standIn(this);
        if (!this.room.holds.has(this)) return;
        if (state.left !== null) wheel.schedule(this, state.left);
        resume();
        stand.release(Math.floor(wheel.now));
      },
      forget: () => {
        this.moved = true;
        this.over = true;
        this.leave();
      },
    };
  }

  /** Goes on where a hold of another process has stopped. */
  protected goOnAs(state: HeldState, { gone, session }: HoldParts): void {
    const { channels, user, since, peer, encrypted, silence, left } = state;
    const { wheel } = this.room;
    this.since = since;
    this.gone = gone;
    this.session = session;
    this.user = user;
    this.peer = peer;
    this.encrypted = encrypted;
    this.lastSent = Math.floor(wheel.now - silence);
    this.requester.handOver(this);
    this.enter(channels, true);
    if (left !== null) wheel.schedule(this, left);
  }

  /** Whether bytes wait for the client to take others. */
  protected get behind(): boolean {
    return this.#backlog !== null;
  }

  /**
   * Passes the head. A status that cannot be final becomes 502, as for any response that makes no sense (RFC 9110 §15: 1xx is interim, and
   * there is nothing below). GRIP lets publishers choose any from 0 to 999.
   * @param channel whose item it is from
   */
  protected sendHead(head: ResponseHead, channel?: string): void {
    const { status } = head;
    if (status >= 200) {
      this.requester.onResponse(head);
      return;
    }
    const { counters, log } = this.room;
    counters.responsesInvalid++;
    log.info({ ...clientNames(this), channel, status }, 'a status below 200 cannot be final: the client gets 502');
    this.requester.onResponse({ ...head, status: 502, reason: '' });
  }

  /** Passes bytes that are for this client alone: now, or as the credits allow, however many there are. */
  protected send(bytes: Buffer): void {
    if (bytes.length <= this.credits) {
      this.spend(bytes.length);
      this.requester.onResponseData(bytes, true);
      return;
    }
    this.#give(new Payload(bytes, 0));
  }

  /** Passes published items: now, or as the credits allow, however many wait. */
  protected sendPayload(item: Payload): void {
    const { length } = item.body;
    if (length > this.credits) {
      this.#give(item);
      return;
    }
    this.room.counters.itemsDelivered += item.items;
    if (this.record !== null) this.record.items += item.items;
    this.spend(length);
    this.requester.onResponsePayload(item);
  }

  /** Whether the credits cover a published item, or the queue has room for what they do not cover. */
  protected hasRoom({ body: { length } }: Payload): boolean {
    if (length <= this.credits) return true;
    const { queueItems, queueBytes } = this.room.limits.current;
    const bytes = this.#backlog?.itemBytes ?? 0;
    // There are no credits while bytes wait.
    const fits = (this.#backlog?.items ?? 0) < queueItems && bytes + length - this.credits <= queueBytes;
    return fits && this.room.budget.admits(length, bytes);
  }

  /** Passes a published item. Drops it, and returns false, where there is no room for it. */
  protected sendOrDrop(item: Payload): boolean {
    if (this.hasRoom(item)) {
      this.sendPayload(item);
      return true;
    }
    const { counters, log } = this.room;
    const [items, bytes] = [this.#backlog?.items ?? 0, this.#backlog?.itemBytes ?? 0];
    if (this.#dropped === 0) log.warn({ ...clientNames(this), items, bytes }, 'slow client: items dropped');
    this.#dropped += item.items;
    counters.itemsDropped += item.items;
    return false;
  }

  /** Lets nothing wait any more that is in the log. Returns what has waited, in its order. */
  protected unqueueKept(): readonly KeptPayload[] {
    const taken = this.#backlog?.takeKept() ?? [];
    if (taken.length > 0) this.#settle();
    return taken;
  }

  /** Ends the response with `last`, after what waits. */
  protected finish(last: Buffer = EMPTY): void {
    if (this.#backlog === null && last.length <= this.credits) {
      this.over = true;
      this.requester.onResponseData(last, false);
    } else {
      this.#needBacklog().give(last, true);
    }
    this.#settle();
  }

  /** Lets nothing pass until `letPass`: what comes waits in the client's queue. */
  protected holdBack(): void {
    this.#needBacklog().hold();
  }

  protected letPass(): void {
    this.#backlog?.release();
    this.#settle();
  }

  /** Notes that bytes are passed. To be called before the requester is, which may grant more at once. */
  protected spend(bytes: number): void {
    this.credits -= bytes;
    this.lastSent = Math.floor(this.room.wheel.now);
  }

  onBacklogPass(more: boolean): void {
    this.lastSent = Math.floor(this.room.wheel.now);
    if (!more) this.over = true;
  }

  override onFault(thrown: unknown): void {
    const error = reportFault(this.room, thrown, { ...clientNames(this) });
    const ended = this.over;
    this.over = true;
    this.leave();
    this.#dropBacklog();
    if (!ended) this.requester.onResponseError(error);
  }

  #give(payload: Payload): void {
    this.#needBacklog().givePayload(payload);
    this.#settle();
  }

  #needBacklog(): Backlog {
    if (this.#backlog === null) {
      this.#backlog = new Backlog(this.requester, this.credits, this.room, this);
      this.credits = 0;
    }
    return this.#backlog;
  }

  /** Takes the credits back and frees the backlog when nothing waits any more. */
  #settle(): void {
    const backlog = this.#backlog;
    if (backlog !== null) {
      if (this.joining || backlog.waiting > 0 || (backlog.complete && !backlog.done)) return;
      this.#backlog = null;
      this.credits = backlog.credits;
    }
    this.#reportDropped('slow client has caught up');
  }

  #dropBacklog(): void {
    this.#backlog?.drop();
    this.#backlog = null;
  }

  #reportDropped(message: string): void {
    if (this.#dropped === 0) return;
    this.room.log.info({ ...clientNames(this), dropped: this.#dropped }, message);
    this.#dropped = 0;
  }
}
