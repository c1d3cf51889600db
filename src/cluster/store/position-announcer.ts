import type { Subscription } from '@nats-io/transport-node';
import { type Guarded, guarded, type TimerWheel, WheelTimer } from '../../clock/index.ts';
import type { ClusterCounters } from '../../exchange/index.ts';
import type { Broker, BrokerMessage } from '../broker.ts';
import { OLDEST_PROTOCOL, PROTOCOL } from '../item-message.ts';
import { isPositive, jsonObject } from '../json-object.ts';
import { isNodeId, newNodeId } from '../node-id.ts';
import type { Subjects } from '../subjects.ts';

/** Milliseconds between two announcements: from the first to the sum of both, so that nodes do not make theirs all at once. */
const [INTERVAL, SPREAD] = [1_900, 200];

/** Announcements that follow the last one with numbers: they show that one before them got lost. */
const ENDING = 3;

/**
 * Bytes of an announcement. A node that has more to say makes several.
 * @bound cluster-positions
 */
export const MAX_ANNOUNCEMENT = 262_144;

/** Bytes of an announcement besides its numbers, and those that a number takes besides its subject. */
const [FRAME, NUMBER] = [512, 24];

/**
 * Nodes whose announcements are counted. Beyond it all are forgotten, and all channels are looked at: what is lost just then would not be noticed.
 * @bound cluster-announcers
 */
export const MAX_ANNOUNCERS = 1_000;

/** The last number of a channel. */
export type Position = readonly [channel: string, number: number];

/** What announcements need. */
export interface AnnouncerMeans {
  readonly broker: Pick<Broker, 'maxPayload' | 'publish' | 'subscribe'>;
  readonly subjects: Subjects;
  readonly wheel: TimerWheel;
  readonly clusterCounters: ClusterCounters;
  readonly owner: Guarded;
}

/** Hears what nodes have appended. */
export interface PositionListener {
  /** Items with these numbers were appended, by another node or by this one. */
  onPositions(positions: readonly Position[]): void;
  /** An announcement got lost: what it has said is not known. */
  onDoubt(): void;
}

/**
 * Announces the numbers of the last items that this node has appended, and hears what others announce: so an item that was lost between brokers is noticed when no other follows on its channel. Announcements are
 * counted, so the next one shows that one was lost.
 */
export class PositionAnnouncer extends WheelTimer {
  readonly #means: AnnouncerMeans;
  readonly #listener: PositionListener;
  readonly #subject: string;
  readonly #subscription: Subscription;
  readonly #self = newNodeId();
  /** Numbers to announce, by the subject of the channel in the stream. */
  readonly #numbers = new Map<string, number>();
  #bytes = FRAME;
  #made = 0;
  /** Announcements that are still to come. */
  #left = 0;
  /** How many each of the others has made. */
  readonly #announcers = new Map<string, number>();

  constructor(means: AnnouncerMeans, listener: PositionListener) {
    super();
    this.#means = means;
    this.#listener = listener;
    this.#subject = means.subjects.control('positions');
    this.#subscription = means.broker.subscribe(
      this.#subject,
      guarded(means.owner, (message: BrokerMessage) => this.#onMessage(message)),
    );
  }

  /** Bytes of an announcement at most. */
  get maxBytes(): number {
    return Math.min(MAX_ANNOUNCEMENT, Math.floor(this.#means.broker.maxPayload / 2));
  }

  /** An item was appended. @param kept subject of its channel in the stream */
  note(kept: string, number: number): void {
    const known = this.#numbers.get(kept);
    if (known === undefined) {
      const bytes = NUMBER + kept.length;
      if (this.#bytes + bytes > this.maxBytes) this.#announce();
      this.#bytes += bytes;
    }
    this.#numbers.set(kept, Math.max(known ?? 0, number));
    this.#left = 1 + ENDING;
    if (!this.waiting) this.#schedule();
  }

  /** The broker was away: what was announced meanwhile does not matter, since everything is read again. */
  restart(): void {
    this.#announcers.clear();
  }

  stop(): void {
    this.#means.wheel.cancel(this);
    this.#subscription.unsubscribe();
  }

  override onTimer(): void {
    this.#left--;
    this.#announce();
    if (this.#left > 0) this.#schedule();
  }

  override onFault(thrown: unknown): void {
    this.#means.owner.onFault(thrown);
  }

  #schedule(): void {
    this.#means.wheel.schedule(this, INTERVAL + Math.random() * SPREAD);
  }

  #announce(): void {
    const last = [...this.#numbers].flat();
    const announcement = {
      protocol: PROTOCOL,
      oldest: OLDEST_PROTOCOL,
      from: this.#self,
      count: ++this.#made,
      last,
    };
    this.#numbers.clear();
    this.#bytes = FRAME;
    // While the broker is away the others do not hear it. They miss it in the count of the next one.
    this.#means.broker.publish(this.#subject, Buffer.from(JSON.stringify(announcement)));
    // Its own ones come back to it as they come to others.
    this.#read(last);
  }

  #onMessage({ data }: BrokerMessage): void {
    const announcement = data.length > MAX_ANNOUNCEMENT ? null : announcementOf(data);
    if (announcement === null) {
      this.#means.clusterCounters.messagesInvalid++;
      return;
    }
    const { from, count, last } = announcement;
    const before = this.#announcers.get(from);
    if (before === undefined && this.#announcers.size >= MAX_ANNOUNCERS) {
      this.#announcers.clear();
      this.#listener.onDoubt();
    }
    this.#announcers.set(from, count);
    if (before !== undefined && count > before + 1) this.#listener.onDoubt();
    this.#read(last);
  }

  #read(last: readonly unknown[]): void {
    const positions: Position[] = [];
    for (let index = 0; index < last.length; index += 2) {
      const channel = this.#means.subjects.channelOf(last[index] as string);
      if (channel !== null) positions.push([channel, last[index + 1] as number]);
    }
    if (positions.length > 0) this.#listener.onPositions(positions);
  }
}

interface Announcement {
  readonly from: string;
  readonly count: number;
  /** Subjects and numbers, one after the other. */
  readonly last: readonly unknown[];
}

/** The announcement in a message; null for one that is not understood. */
function announcementOf(message: Uint8Array): Announcement | null {
  const { protocol, oldest, from, count, last } = jsonObject(message) ?? {};
  if (typeof protocol !== 'number' || protocol < OLDEST_PROTOCOL) return null;
  if (typeof oldest !== 'number' || oldest > PROTOCOL) return null;
  if (!isNodeId(from) || !isPositive(count) || !Array.isArray(last) || last.length % 2 !== 0) return null;
  const isOurs = last.every((value, index) => (index % 2 === 0 ? typeof value === 'string' : isPositive(value)));
  return isOurs ? { from, count, last } : null;
}
