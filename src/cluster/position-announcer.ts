import type { Subscription } from '@nats-io/transport-node';
import { type Guarded, guarded, type TimerWheel, WheelTimer } from '../clock/index.ts';
import type { ClusterCounters } from '../exchange/index.ts';
import type { Broker, BrokerMessage } from './broker.ts';
import { OLDEST_PROTOCOL, PROTOCOL } from './item-message.ts';
import { isPositive, jsonObject } from './json-object.ts';
import { isNodeId, newNodeId } from './node-id.ts';
import type { Subjects } from './subjects.ts';

/** Milliseconds between two tellings: from the first to the sum of both, so that nodes do not tell all at once. */
const [INTERVAL, SPREAD] = [1_900, 200];

/** Tellings that follow the last one with numbers: they show that one before them got lost. */
const ENDING = 3;

/**
 * Bytes of a telling. A node that has more to tell makes several.
 * @bound cluster-positions
 */
export const MAX_TELLING = 262_144;

/** Bytes of a telling besides its numbers, and those that a number takes besides its subject. */
const [FRAME, NUMBER] = [512, 24];

/** Nodes whose tellings are counted. Beyond it all are forgotten. */
const MAX_TELLERS = 1_000;

/** The last number of a channel. */
export type Position = readonly [channel: string, number: number];

/** What the news need, and who hears of them. */
export interface NewsMeans {
  readonly broker: Pick<Broker, 'maxPayload' | 'publish' | 'subscribe'>;
  readonly subjects: Subjects;
  readonly wheel: TimerWheel;
  readonly clusterCounters: ClusterCounters;
  readonly owner: Guarded;
}

/** Hears what other nodes have appended. */
export interface NewsReader {
  /** Items with these numbers were appended, by another node or by this one. */
  onPositions(positions: readonly Position[]): void;
  /** News got lost: what they have told is not known. */
  onDoubt(): void;
}

/**
 * Tells other nodes the numbers of the last items that this node has appended, and hears theirs: an item that was lost between brokers is noticed by that when no other follows on its channel. Tellings are counted, so
 * those that are lost are noticed by the next one.
 */
export class PositionNews extends WheelTimer {
  readonly #means: NewsMeans;
  readonly #reader: NewsReader;
  readonly #subject: string;
  readonly #subscription: Subscription;
  readonly #self = newNodeId();
  /** Numbers to tell, by the subject of the channel in the stream. */
  readonly #numbers = new Map<string, number>();
  #bytes = FRAME;
  #told = 0;
  /** Tellings that are still to come. */
  #left = 0;
  /** How often each of the others has told something. */
  readonly #tellers = new Map<string, number>();

  constructor(means: NewsMeans, reader: NewsReader) {
    super();
    this.#means = means;
    this.#reader = reader;
    this.#subject = means.subjects.control('positions');
    this.#subscription = means.broker.subscribe(
      this.#subject,
      guarded(means.owner, (message: BrokerMessage) => this.#onMessage(message)),
    );
  }

  /** Bytes of a telling at most. */
  get maxBytes(): number {
    return Math.min(MAX_TELLING, Math.floor(this.#means.broker.maxPayload / 2));
  }

  /** An item was appended. @param kept subject of its channel in the stream */
  note(kept: string, number: number): void {
    const known = this.#numbers.get(kept);
    if (known === undefined) {
      const bytes = NUMBER + kept.length;
      if (this.#bytes + bytes > this.maxBytes) this.#tell();
      this.#bytes += bytes;
    }
    this.#numbers.set(kept, Math.max(known ?? 0, number));
    this.#left = 1 + ENDING;
    if (!this.waiting) this.#schedule();
  }

  /** The broker was away: what was told meanwhile does not matter, since everything is read again. */
  restart(): void {
    this.#tellers.clear();
  }

  stop(): void {
    this.#means.wheel.cancel(this);
    this.#subscription.unsubscribe();
  }

  override onTimer(): void {
    this.#left--;
    this.#tell();
    if (this.#left > 0) this.#schedule();
  }

  override onFault(thrown: unknown): void {
    this.#means.owner.onFault(thrown);
  }

  #schedule(): void {
    this.#means.wheel.schedule(this, INTERVAL + Math.random() * SPREAD);
  }

  #tell(): void {
    const last = [...this.#numbers].flat();
    const telling = {
      protocol: PROTOCOL,
      oldest: OLDEST_PROTOCOL,
      from: this.#self,
      count: ++this.#told,
      last,
    };
    this.#numbers.clear();
    this.#bytes = FRAME;
    // While the broker is away the others do not hear it. They miss it in the count of the next one.
    this.#means.broker.publish(this.#subject, Buffer.from(JSON.stringify(telling)));
    // Its own ones come back to it as they come to others.
    this.#read(last);
  }

  #onMessage({ data }: BrokerMessage): void {
    const telling = data.length > MAX_TELLING ? null : tellingOf(data);
    if (telling === null) {
      this.#means.clusterCounters.messagesInvalid++;
      return;
    }
    const { from, count, last } = telling;
    const before = this.#tellers.get(from);
    if (this.#tellers.size >= MAX_TELLERS) this.#tellers.clear();
    this.#tellers.set(from, count);
    if (before !== undefined && count > before + 1) this.#reader.onDoubt();
    this.#read(last);
  }

  #read(last: readonly unknown[]): void {
    const positions: Position[] = [];
    for (let index = 0; index < last.length; index += 2) {
      const channel = this.#means.subjects.channelOf(last[index] as string);
      if (channel !== null) positions.push([channel, last[index + 1] as number]);
    }
    if (positions.length > 0) this.#reader.onPositions(positions);
  }
}

interface Telling {
  readonly from: string;
  readonly count: number;
  /** Subjects and numbers, one after the other. */
  readonly last: readonly unknown[];
}

/** What a message tells; null for one that is not understood. */
function tellingOf(message: Uint8Array): Telling | null {
  const { protocol, oldest, from, count, last } = jsonObject(message) ?? {};
  if (typeof protocol !== 'number' || protocol < OLDEST_PROTOCOL) return null;
  if (typeof oldest !== 'number' || oldest > PROTOCOL) return null;
  if (!isNodeId(from) || !isPositive(count) || !Array.isArray(last) || last.length % 2 !== 0) return null;
  const isOurs = last.every((value, index) => (index % 2 === 0 ? typeof value === 'string' : isPositive(value)));
  return isOurs ? { from, count, last } : null;
}
