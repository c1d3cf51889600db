import { type AtTurnEnd, fault } from '../clock/index.ts';
import type { HttpResponseFormat, HttpStreamFormat, PublishItem } from '../codec/grip/index.ts';
import { reportFault } from '../exchange/index.ts';
import type { Channel, Group, Receiver } from './channel.ts';
import type { HubRoom } from './hub-room.ts';
import { MessageRun, messageOf } from './message-run.ts';
import type { PublishedMessage } from './published-message.ts';
import { PublishedResponse } from './published-response.ts';
import { RateShaper } from './rate-shaper.ts';
import { Barrier, type Format, type Step, StreamClose, StreamHint } from './step.ts';
import { StreamRun } from './stream-run.ts';
import { shownKey } from './subscription-key.ts';

/**
 * Work of one slice of a delivery, after which the event loop continues: writes to clients, a few milliseconds of them. One client may
 * exceed it by the items of one run.
 */
export const SLICE_WORK = 256;

/** As if a publisher had sent it. */
const RESPONSE_HINT: HttpResponseFormat = {
  action: 'hint',
  code: 200,
  reason: '',
  headers: [],
  exposeHeaders: null,
  body: Buffer.alloc(0),
  bodyPatch: null,
  contentFilters: null,
};

/** A walk over the members of a group, and where it ends. */
interface Walk {
  readonly group: Group;
  readonly end: number;
}

/**
 * Delivers what was accepted to the members of its channels, in one order over all channels, in slices. Neighbouring items for the same
 * streams, or the same WebSockets, travel together. What is added in one turn of the event loop is delivered from the end of that turn on.
 */
export class Delivery implements AtTurnEnd {
  /** Bytes that are charged for what waits here. */
  pending = 0;
  readonly #room: HubRoom;
  readonly #onProgress: () => void;
  #first: Step | null = null;
  #last: Step | null = null;
  /** The last stream step, while contents can still be added to it. */
  #openRun: StreamRun | null = null;
  /** The last step for WebSockets, likewise. */
  #openMessages: MessageRun | null = null;
  /** The walk over the members that get the first step; null before it begins. */
  #group: Group | null = null;
  #next = 0;
  #end = 0;
  /** Walks that follow this one for the same step: over the members of patterns. */
  #others: Walk[] = [];
  #otherAt = 0;
  /** Tells the walks of the first step from those of others; 0 where there is one walk, which finds each receiver once. */
  #stamp = 0;
  #scheduled = false;
  #running = false;
  /** The turn in which the walk waits for nobody's credit any more; 0 while it has not waited. */
  #waitsUntil = 0;
  readonly #shaper: RateShaper;

  /** @param onProgress called at the end of a slice that delivered something */
  constructor(room: HubRoom, onProgress: () => void) {
    this.#room = room;
    this.#onProgress = onProgress;
    this.#shaper = new RateShaper(room, onProgress);
  }

  /** Whether everything has been delivered. */
  get idle(): boolean {
    return this.#first === null && this.#shaper.waiting === 0;
  }

  /** Whether so much waits for the rate of its route that publishers have to wait too. */
  get full(): boolean {
    return this.#shaper.full;
  }

  /** Deliveries that wait for the rate of their route. */
  get shaped(): number {
    return this.#shaper.waiting;
  }

  /** The hub drains: rates do not count any more. */
  drain(): void {
    this.runSlice();
    this.#shaper.wake();
  }

  /** Rates may not count any more. */
  wake(): void {
    this.#shaper.wake();
  }

  /** Calls `reached` after all that waits here, and before what is added later. What waits for rates may come after it. */
  barrier(reached: () => void): void {
    this.#openRun = null;
    this.#openMessages = null;
    if (this.#first === null) reached();
    else this.#append(new Barrier(reached));
  }

  /** Adds items after those that wait. */
  add(items: readonly PublishItem[]): void {
    const { observer, channels } = this.#room;
    for (const item of items) {
      if (observer !== null) {
        const known = channels.get(item.channel) ?? null;
        const patterns = channels.matching(item.channel);
        if (known !== null || patterns.length > 0) observer.onItem(item, known, patterns);
      }
      const { channel, id, prevId, noSeq, httpResponse } = item;
      if (httpResponse !== null) {
        const published = noSeq
          ? new PublishedResponse(channel, httpResponse, null, null, item.meta)
          : new PublishedResponse(channel, httpResponse, id, prevId, item.meta);
        published.number = item.number ?? 0;
        published.size = item.size ?? httpResponse.body.length;
        published.expires = item.extras?.expires ?? 0;
        this.#append(published);
      }
      if (item.httpStream !== null) this.#addStream(channel, item, item.httpStream);
      const message = messageOf(item);
      if (message !== null) this.#addMessage(message);
    }
    if (this.#first !== null) this.#schedule();
  }

  /** Has the clients of a channel updated, or of a pattern with this key, after the items that wait. */
  hint(channel: string): void {
    const known = this.#room.channels.find(channel);
    if ((known?.groupOf('http-response')?.size ?? 0) > 0) {
      this.#appendUnpublished(new PublishedResponse(channel, RESPONSE_HINT));
    }
    if ((known?.groupOf('http-stream')?.size ?? 0) > 0) {
      this.#appendUnpublished(new StreamHint(channel));
      this.#openRun = null;
    }
    if (this.#first !== null) this.#schedule();
  }

  onTurnEnd(): void {
    this.#scheduled = false;
    this.runSlice();
  }

  /** Delivers up to the work of one slice now. */
  runSlice(): void {
    // Not within a slice, which continues by itself.
    if (this.#running) return;
    this.#running = true;
    const { pending } = this;
    try {
      this.#deliverSlice();
    } catch (thrown) {
      // Here and not by the turn queue: a drain calls this too.
      this.onFault(thrown);
    }
    this.#running = false;
    if (this.#first !== null) this.#schedule();
    if (this.pending < pending) this.#onProgress();
  }

  #deliverSlice(): void {
    const now = Math.floor(this.#room.wheel.now);
    let work = 0;
    while (work < SLICE_WORK) {
      const step = this.#first;
      if (step === null) break;
      if (step instanceof Barrier) {
        this.#finish(step);
        step.reached();
        continue;
      }
      if (this.#group === null && !this.#begin(step)) {
        work++;
        this.#finish(step);
        continue;
      }
      const group = this.#group as Group;
      work = this.#walk(step, group, work, now);
      if (this.#next < this.#end) break;
      group.endWalk();
      if (this.#nextWalk()) continue;
      this.#group = null;
      this.#finish(step);
    }
  }

  /** Whether the walk waits for the credit of `receiver`: as long as one may wait, and for all of one step together no longer. */
  #waitsFor(receiver: Receiver, step: Step): boolean {
    if (receiver.awaitsCredit?.(step) !== true) return false;
    const { number } = this.#room.turns;
    if (this.#waitsUntil === 0) this.#waitsUntil = number + 2;
    return number < this.#waitsUntil;
  }

  /** A defect of the delivery itself: continues after the step that failed. */
  onFault(thrown: unknown): void {
    reportFault(this.#room, thrown, { channel: this.#first?.channel, lost: 'a published item' });
    this.#group?.endWalk();
    while (this.#nextWalk()) this.#group?.endWalk();
    this.#group = null;
    if (this.#first !== null) this.#finish(this.#first);
  }

  #addStream(channel: string, item: PublishItem, { action, content }: HttpStreamFormat): void {
    if (action !== 'send') {
      const step = action === 'close' ? new StreamClose(channel, item.meta) : new StreamHint(channel);
      step.expires = item.extras?.expires ?? 0;
      this.#append(step);
      this.#openRun = null;
      return;
    }
    // An item without content still moves the clients of its channel on to its id.
    if (content.length === 0 && item.id === null) return;
    const run = this.#openRun;
    if (run !== null && run.channel === channel) {
      const { cost } = run;
      if (run.add(item, content)) {
        this.pending += run.cost - cost;
        return;
      }
    }
    // A run ends where another channel's begins: a client that waits on both gets the items in the order of publishing.
    this.#openRun = new StreamRun(item, content);
    this.#append(this.#openRun);
  }

  #addMessage(message: PublishedMessage): void {
    const run = this.#openMessages;
    if (run !== null && run.channel === message.channel) {
      const { cost } = run;
      if (run.add(message)) {
        this.pending += run.cost - cost;
        return;
      }
    }
    // As with streams, the run of another channel ends here. So does one before a close, which comes after its messages.
    this.#openMessages = new MessageRun(message);
    this.#append(this.#openMessages);
  }

  #appendUnpublished(step: Step): void {
    step.unpublished = true;
    this.#append(step);
  }

  #append(step: Step): void {
    this.pending += step.cost;
    step.acceptedAt = performance.now();
    if (this.#last === null) this.#first = step;
    else this.#last.next = step;
    this.#last = step;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#room.turns.add(this);
  }

  /** Begins the walk over the members that get `step`. Returns false if there are none. */
  #begin(step: Step): boolean {
    this.#room.moment++;
    if (step === this.#openRun) this.#openRun = null;
    else if (step === this.#openMessages) this.#openMessages = null;
    const { channel, format, kind, unpublished } = step;
    const { log, channels, counters } = this.#room;
    if (step.isExpired) {
      counters.itemsExpired++;
      if (log.debugEnabled) log.debug({ channel: shownKey(channel), format: kind }, 'published too late');
      return false;
    }
    // What the hub makes by itself is for those alone who are subscribed to the channel, or to the pattern with this key.
    const group = (unpublished ? channels.find(channel) : channels.get(channel))?.groupOf(format) ?? null;
    let receivers = group?.size ?? 0;
    if (channels.havePatterns && !unpublished) receivers += this.#beginOthers(channels.matching(channel), format);
    if (log.debugEnabled) log.debug({ channel: shownKey(channel), format: kind, receivers }, 'published');
    this.#waitsUntil = 0;
    const own = group === null || group.size === 0 ? null : group;
    const walks = this.#others.length + (own === null ? 0 : 1);
    this.#stamp = walks > 1 ? this.#room.moment : 0;
    if (own === null) return this.#nextWalk();
    this.#group = own;
    this.#next = 0;
    this.#end = own.beginWalk();
    return true;
  }

  /** Begins walks over the members of patterns that take the format. Returns how many there are. */
  #beginOthers(patterns: readonly Channel[], format: Format): number {
    let receivers = 0;
    for (const pattern of patterns) {
      const group = pattern.groupOf(format);
      if (group === null || group.size === 0) continue;
      receivers += group.size;
      this.#others.push({ group, end: group.beginWalk() });
    }
    return receivers;
  }

  /** Goes on with the next of the other walks. Returns false if there is none. */
  #nextWalk(): boolean {
    if (this.#others.length === 0) return false;
    const walk = this.#others[this.#otherAt++];
    if (walk === undefined) {
      this.#others = [];
      this.#otherAt = 0;
      return false;
    }
    this.#group = walk.group;
    this.#next = 0;
    this.#end = walk.end;
    return true;
  }

  /** Continues the walk until the slice is full. Returns the work of the slice so far. */
  #walk(step: Step, group: Group, done: number, now: number): number {
    const { members } = group;
    const end = this.#end;
    const credited = step instanceof MessageRun;
    const stamp = this.#stamp;
    // Where deliveries may have to wait for the rate of their route.
    const shaper = this.#shaper.needed ? this.#shaper : null;
    let work = done;
    let next = this.#next;
    while (next < end && work < SLICE_WORK) {
      const member = members[next++];
      if (member === undefined || member.position < 0) continue;
      // It has had the step in an earlier walk, by its channel or by a more exact pattern.
      if (stamp !== 0 && member.receiver.stamp === stamp) continue;
      if (credited && this.#waitsFor(member.receiver, step)) {
        this.#next = next - 1;
        return SLICE_WORK;
      }
      if (stamp !== 0) member.receiver.stamp = stamp;
      try {
        work += shaper === null ? member.receiver.receive(step, now) : shaper.offer(member, step, now);
      } catch (thrown) {
        fault(member.receiver, thrown);
      }
    }
    this.#next = next;
    return work;
  }

  #finish(step: Step): void {
    this.pending -= step.cost;
    if (step.waiting === 0 && !(step instanceof Barrier))
      this.#room.latency.observe(performance.now() - step.acceptedAt);
    this.#first = step.next;
    // A hold may keep the step for as long as a minute: not what follows it, too.
    step.next = null;
    if (this.#first === null) this.#last = null;
  }
}
