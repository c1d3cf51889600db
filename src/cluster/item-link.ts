import { type AtTurnEnd, TurnQueue } from '../clock/index.ts';
import type { PublishItem } from '../codec/grip/index.ts';
import { type ClusterCounters, type FaultReport, LineRate, type Log, reportFault } from '../exchange/index.ts';
import type { OtherNodes, Reach } from '../hub/index.ts';
import type { Broker } from './broker.ts';
import { encodeItemMessage, itemOf } from './item-message.ts';
import type { SpokenProtocol } from './spoken-protocol.ts';
import type { Subjects } from './subjects.ts';

/** Sends the items that are not kept to the other nodes, and takes theirs. */
export class ItemLink implements OtherNodes, AtTurnEnd {
  readonly #broker: Broker;
  readonly #subjects: Subjects;
  readonly #receive: (items: readonly PublishItem[]) => void;
  readonly #report: FaultReport & { readonly counters: ClusterCounters; readonly log: Log };
  readonly #turns = new TurnQueue();
  readonly #lines = new LineRate();
  #received: PublishItem[] = [];
  readonly #alone: Reach;
  readonly #protocol: Pick<SpokenProtocol, 'version'>;

  /**
   * @param receive takes the items of other nodes that have come in one turn of the event loop
   * @param alone whom what is published reaches while the broker is away
   */
  constructor(
    broker: Broker,
    subjects: Subjects,
    receive: (items: readonly PublishItem[]) => void,
    report: FaultReport & { readonly counters: ClusterCounters; readonly log: Log },
    alone: Reach,
    protocol: Pick<SpokenProtocol, 'version'>,
  ) {
    this.#broker = broker;
    this.#subjects = subjects;
    this.#receive = receive;
    this.#report = report;
    this.#alone = alone;
    this.#protocol = protocol;
  }

  get reach(): Reach {
    return this.#broker.up ? 'all' : this.#alone;
  }

  get pending(): number {
    return this.#broker.pending;
  }

  send(item: PublishItem): void {
    const { counters } = this.#report;
    const { channel } = item;
    const subject = this.#subjects.item(channel);
    if (subject === null) {
      this.#drop(channel, 'its channel has a name that is too long for a subject, or not Unicode');
      return;
    }
    const message = encodeItemMessage(item, this.#protocol.version);
    if (message.length > this.#broker.maxPayload) {
      counters.itemsTooLarge++;
      this.#drop(channel, 'it is larger than max_payload of the broker');
    } else if (this.#broker.publish(subject, message)) {
      counters.itemsSent++;
    } else {
      this.#drop(channel, 'the broker is away');
    }
  }

  /** An item of another node, as `encodeItem` wrote it, has come. */
  take(channel: string, bytes: Buffer): void {
    const item = itemOf(channel, bytes);
    if (item === null) {
      this.#report.counters.messagesInvalid++;
      return;
    }
    if (this.#received.length === 0) this.#turns.add(this);
    this.#received.push(item);
  }

  onTurnEnd(): void {
    const items = this.#received;
    this.#received = [];
    this.#receive(items);
  }

  onFault(thrown: unknown): void {
    reportFault(this.#report, thrown, { lost: 'items of other nodes' });
  }

  #drop(channel: string, reason: string): void {
    const { counters, log } = this.#report;
    counters.itemsUnsent++;
    this.#lines.write(log, 'warn', { channel, reason, items: counters.itemsUnsent }, 'item not sent to other nodes');
  }
}
