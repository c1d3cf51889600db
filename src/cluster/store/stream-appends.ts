import { hash } from 'node:crypto';
import { headers } from '@nats-io/transport-node';
import { fault, type Guarded, type TimerWheel, WheelTimer } from '../../clock/index.ts';
import { type ClusterCounters, LEAST_COST, LineRate, type Log, OUTAGE_LINES } from '../../exchange/index.ts';
import type { HistoryCounters, SharedItem } from '../../history/index.ts';
import type { Broker, BrokerMessage } from '../broker.ts';
import { calledWithin } from '../called-within.ts';
import { messageOfItem } from '../item-message.ts';
import { newNodeId } from '../node-id.ts';
import { ReplyInbox } from '../reply-inbox.ts';
import type { SpokenProtocol } from '../spoken-protocol.ts';
import { streamAckOf } from '../stream-ack.ts';
import type { Subjects } from '../subjects.ts';

/** Milliseconds within which the broker has to acknowledge an item. After that it is sent again. */
const ACK = 5_000;

/** Milliseconds after which an item is sent again that the broker has refused. */
const RETRY = 500;

/** Milliseconds without an acknowledgement after which a broker that is there is taken to keep nothing: most of its servers may be away. */
export const STALL = 3_000;

/** Milliseconds after which an item is given up, at most. It is less than half the time for which the broker knows the ids of items, so none is kept twice. */
export const GIVE_UP = 60_000;

/** Milliseconds for which a node that stops waits for the broker. */
const STOP = 5_000;

/** Bytes of the headers of a message, and what the broker adds to it. */
const HEADERS = 512;

/** One append, whose numbers come one by one. */
interface Append {
  readonly numbers: number[];
  /** Numbers that have not come. */
  left: number;
  readonly cost: number;
  readonly stored: (numbers: readonly number[]) => void;
}

/** An item that the broker has not acknowledged. */
interface Sending {
  readonly subject: string;
  readonly data: Buffer;
  /** By this id the broker knows an item that is sent again. */
  readonly id: string;
  readonly channel: string;
  readonly append: Append;
  readonly index: number;
  /** Wheel times: when it was sent first, when it is sent again, and when it is given up. */
  began: number;
  due: number;
  readonly ends: number;
}

/** What appends need. */
export interface AppendsMeans {
  readonly broker: Broker;
  readonly subjects: Subjects;
  /** Says in which version items are sent. */
  readonly protocol: Pick<SpokenProtocol, 'version'>;
  readonly wheel: TimerWheel;
  readonly log: Log;
  /** Milliseconds for which the broker knows the ids of items. */
  readonly window: () => number;
  readonly counters: HistoryCounters;
  readonly clusterCounters: ClusterCounters;
  readonly owner: Guarded;
}

/** Hears what becomes of appends. */
export interface AppendsWatcher {
  /** Numbers have come: `settle` passes them on. */
  onAcked(): void;
  /** The broker has refused an item. */
  onRefused(): void;
  /** The broker keeps an item. @param subject its subject in the stream */
  onKept(subject: string, number: number): void;
  /** The broker is there, and keeps nothing. */
  onStalled(): void;
}

/** Publishes items to the stream, one right after the other, and waits for their numbers. */
export class StreamAppends extends WheelTimer {
  /** Bytes of items without a number, each at least 256. */
  cost = 0;
  /** The highest number that has come. */
  last = 0;
  /** Why the broker does not keep what waits; null as long as it does. */
  refusedBy: string | null = null;
  readonly #means: AppendsMeans;
  readonly #watcher: AppendsWatcher;
  readonly #inbox: ReplyInbox;
  readonly #headers = headers();
  readonly #lines = new LineRate();
  readonly #refusals = new LineRate(OUTAGE_LINES);
  /** The beginning of the ids of items that have none. */
  readonly #self = newNodeId();
  #appends: Append[] = [];
  /** By the token of their inbox, the oldest first. */
  readonly #sending = new Map<number, Sending>();
  #sent = 0;
  #stopped: (() => void) | null = null;
  /** Wheel time at which the broker last kept something, as far as is known. */
  #keptAt = 0;

  constructor(means: AppendsMeans, watcher: AppendsWatcher) {
    super();
    this.#means = means;
    this.#watcher = watcher;
    this.#inbox = new ReplyInbox(means.broker, means.owner, (message) => this.#onAck(message));
  }

  get idle(): boolean {
    return this.#appends.length === 0;
  }

  append(items: readonly SharedItem[], stored: (numbers: readonly number[]) => void): void {
    const cost = items.reduce((sum, { bytes }) => sum + Math.max(LEAST_COST, bytes.length), 0);
    const append: Append = { numbers: new Array(items.length).fill(0), left: items.length, cost, stored };
    this.#appends.push(append);
    this.cost += cost;
    for (const [index, item] of items.entries()) this.#take(append, index, item);
    if (append.left === 0) this.#watcher.onAcked();
  }

  /** Appends from now on are not settled before the result is called. */
  hold(): () => void {
    const append: Append = { numbers: [], left: 1, cost: 0, stored: () => {} };
    this.#appends.push(append);
    return () => {
      append.left = 0;
      this.#watcher.onAcked();
    };
  }

  /** Reports the appends whose items have their numbers, in their order. */
  settle(): void {
    let done = 0;
    for (; done < this.#appends.length; done++) {
      const { left, numbers, cost, stored } = this.#appends[done] as Append;
      if (left > 0) break;
      this.cost -= cost;
      try {
        stored(numbers);
      } catch (thrown) {
        fault(this.#means.owner, thrown);
      }
    }
    if (done > 0) this.#appends = this.#appends.slice(done);
    if (this.idle) this.#stopped?.();
  }

  /** The broker has kept something just now. */
  kept(): void {
    this.#keptAt = this.#means.wheel.now;
  }

  /** The broker is back: what it has not acknowledged is sent again. */
  again(): void {
    this.kept();
    for (const [token, sending] of this.#sending) this.#send(token, sending);
  }

  /** Resolves when everything has its number, after 5 s at the latest, and at once where the broker is away. */
  async stop(): Promise<void> {
    if (!this.idle && this.#means.broker.up) {
      await calledWithin(STOP, (done) => {
        this.#stopped = done;
      });
    }
    this.#inbox.close();
    this.#means.wheel.cancel(this);
    const { size: items } = this.#sending;
    if (items === 0) return;
    this.#means.clusterCounters.itemsUnsent += items;
    this.#means.log.warn({ items }, 'items are lost: the broker has not said that it keeps them');
  }

  override onTimer(): void {
    const { wheel, broker } = this.#means;
    const [oldest] = this.#sending.values();
    const since = Math.max(oldest?.began ?? wheel.now, this.#keptAt);
    if (broker.up && wheel.now - since >= STALL) this.#watcher.onStalled();
    for (const [token, sending] of this.#sending) {
      if (sending.ends <= wheel.now) this.#giveUp(token, sending);
      else if (sending.due <= wheel.now) this.#send(token, sending);
    }
    if (this.#sending.size > 0) wheel.schedule(this, RETRY);
  }

  override onFault(thrown: unknown): void {
    this.#means.owner.onFault(thrown);
  }

  #take(append: Append, index: number, { channel, id, bytes }: SharedItem): void {
    const { subjects, protocol, wheel, window } = this.#means;
    const subject = subjects.kept(channel);
    if (subject === null || !this.#fits(bytes.length)) {
      append.left--;
      this.#loseLarge(channel, bytes.length);
      return;
    }
    const token = ++this.#sent;
    const sending: Sending = {
      subject,
      data: messageOfItem(bytes, protocol.version),
      id: id === null ? `${this.#self}.${token}` : hash('sha256', `${channel}\0${id}`, 'base64url').slice(0, 22),
      channel,
      append,
      index,
      began: wheel.now,
      due: 0,
      ends: wheel.now + Math.min(GIVE_UP, window() / 2),
    };
    this.#sending.set(token, sending);
    this.#send(token, sending);
    if (!this.waiting) wheel.schedule(this, RETRY);
  }

  #send(token: number, sending: Sending): void {
    const { broker, wheel } = this.#means;
    const { length } = sending.data;
    // The server that is used now may take less than the one before it.
    if (!this.#fits(length - 1)) {
      this.#loseLarge(sending.channel, length - 1);
      this.#finish(token, sending, 0);
      return;
    }
    sending.due = wheel.now + ACK;
    this.#headers.set('Nats-Msg-Id', sending.id);
    broker.publish(sending.subject, sending.data, { reply: this.#inbox.subject(token), headers: this.#headers });
  }

  #onAck(message: BrokerMessage): void {
    const token = Number(this.#inbox.tokenOf(message));
    const sending = this.#sending.get(token);
    if (sending === undefined) return;
    const { number, isDuplicate, refusedBy } = streamAckOf(message.data);
    this.refusedBy = refusedBy;
    if (refusedBy !== null) {
      sending.due = this.#means.wheel.now + RETRY;
      const fields = { channel: sending.channel, error: refusedBy };
      this.#refusals.write(this.#means.log, 'warn', fields, 'broker does not keep an item yet');
      this.#watcher.onRefused();
      return;
    }
    this.kept();
    if (!isDuplicate) this.#means.counters.itemsAppended++;
    this.last = Math.max(this.last, number);
    this.#watcher.onKept(sending.subject, number);
    this.#finish(token, sending, number);
  }

  #giveUp(token: number, sending: Sending): void {
    this.#means.clusterCounters.itemsUnsent++;
    this.#warn({ channel: sending.channel }, 'item is lost: the broker has not kept it in time');
    this.#finish(token, sending, 0);
  }

  #finish(token: number, { append, index }: Sending, number: number): void {
    this.#sending.delete(token);
    if (this.#sending.size === 0) this.refusedBy = null;
    append.numbers[index] = number;
    if (--append.left === 0) this.#watcher.onAcked();
  }

  /** Whether the broker takes a message with an item of so many bytes. */
  #fits(bytes: number): boolean {
    return bytes + HEADERS <= this.#means.broker.maxPayload;
  }

  #loseLarge(channel: string, bytes: number): void {
    const { broker, clusterCounters } = this.#means;
    clusterCounters.itemsUnsent++;
    this.#warn({ channel, bytes, max: broker.maxPayload }, 'item is too large for the broker');
  }

  #warn(fields: Record<string, unknown>, message: string): void {
    this.#lines.write(this.#means.log, 'warn', fields, message);
  }
}
