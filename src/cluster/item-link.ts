import { type AtTurnEnd, TurnQueue } from '../clock/index.ts';
import { encodeItem, OversizedItemError, PublishError, type PublishItem } from '../codec/grip/index.ts';
import { type ClusterCounters, LineRate, type Log, reportFault } from '../exchange/index.ts';
import { itemCost, type OtherNodes, type Reach } from '../hub/index.ts';
import type { Broker } from './broker.ts';
import { MAX_SUBJECT } from './channel-subject.ts';
import { encodeItemMessage, itemOf } from './item-message.ts';
import type { SpokenProtocol } from './spoken-protocol.ts';
import type { Subjects } from './subjects.ts';

/** Bytes of the idempotency key of an item, escaped, and of a message beside its item. */
const [KEY_SPACE, MESSAGE_SPACE] = [16_384, 512];

/** What an item link needs. */
export interface ItemLinkMeans {
  readonly broker: Broker;
  readonly subjects: Subjects;
  /** Says in which version items are sent. */
  readonly protocol: Pick<SpokenProtocol, 'version'>;
  readonly counters: ClusterCounters;
  readonly log: Log;
  /** Takes the items of other nodes that have come in one turn of the event loop. */
  readonly receive: (items: readonly PublishItem[]) => void;
  /** Whom what is published reaches now. */
  readonly reach: () => Reach;
}

/** Sends the items that are not kept to the other nodes, and takes theirs. */
export class ItemLink implements OtherNodes, AtTurnEnd {
  readonly #means: ItemLinkMeans;
  readonly #turns = new TurnQueue();
  readonly #lines = new LineRate();
  #received: PublishItem[] = [];

  constructor(means: ItemLinkMeans) {
    this.#means = means;
  }

  get reach(): Reach {
    return this.#means.reach();
  }

  refusal(item: PublishItem): PublishError | null {
    const { broker, subjects, counters } = this.#means;
    const { channel } = item;
    if (subjects.item(channel) === null) {
      counters.itemsRefused++;
      const reason = `in a cluster it has to be Unicode, and at most ${MAX_SUBJECT} bytes as a subject of the broker`;
      return new PublishError(`Invalid format: the name of a channel cannot be used: ${reason}`);
    }
    const { maxPayload } = broker;
    // In JSON a character takes six bytes at most, which cost two.
    if (3 * itemCost(item) + KEY_SPACE <= maxPayload) return null;
    if (encodeItem(item).length + MESSAGE_SPACE <= maxPayload) return null;
    counters.itemsTooLarge++;
    return new OversizedItemError(channel, `the broker of the cluster takes ${maxPayload} bytes (max_payload)`);
  }

  get pending(): number {
    return this.#means.broker.pending;
  }

  send(item: PublishItem): void {
    const { broker, subjects, protocol, counters } = this.#means;
    const { channel } = item;
    const subject = subjects.item(channel);
    if (subject === null) {
      this.#drop(channel, 'its channel has a name that is too long for a subject, or not Unicode');
      return;
    }
    const message = encodeItemMessage(item, protocol.version);
    if (message.length > broker.maxPayload) {
      // The broker took more when it was accepted, or it is one of our own.
      this.#drop(channel, 'it is larger than max_payload of the broker');
    } else if (broker.publishSoon(subject, message)) {
      counters.itemsSent++;
    } else {
      this.#drop(channel, 'the broker is away');
    }
  }

  /** An item of another node, as `encodeItem` wrote it, has come. @param bytes lent for the call */
  take(channel: string, bytes: Buffer): void {
    const item = itemOf(channel, bytes);
    if (item === null) {
      this.#means.counters.messagesInvalid++;
      return;
    }
    if (this.#received.length === 0) this.#turns.add(this);
    this.#received.push(item);
  }

  onTurnEnd(): void {
    const items = this.#received;
    this.#received = [];
    this.#means.receive(items);
  }

  onFault(thrown: unknown): void {
    reportFault(this.#means, thrown, { lost: 'items of other nodes' });
  }

  #drop(channel: string, reason: string): void {
    const { counters, log } = this.#means;
    counters.itemsUnsent++;
    this.#lines.write(log, 'warn', { channel, reason, items: counters.itemsUnsent }, 'item not sent to other nodes');
  }
}
