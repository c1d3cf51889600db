import type { Subscription } from '@nats-io/transport-node';
import { type Guarded, guarded } from '../clock/index.ts';
import type { ClusterCounters } from '../exchange/index.ts';
import type { Broker, BrokerMessage } from './broker.ts';
import type { ItemStream } from './item-stream.ts';
import { clearedNumber, streamedMessage } from './streamed-message.ts';
import type { Subjects } from './subjects.ts';

/** What it needs. */
export interface ClearingMeans {
  readonly broker: Broker;
  readonly subjects: Subjects;
  readonly stream: ItemStream;
  readonly clusterCounters: ClusterCounters;
  readonly owner: Guarded;
}

/** Lets the items of channels go, and hears which ones other nodes have let go. */
export class ChannelClearing {
  readonly #means: ClearingMeans;
  readonly #onCleared: (channel: string, upTo: number) => void;
  readonly #subscription: Subscription;

  /** @param onCleared is called when the items of a channel up to a number are let go */
  constructor(means: ClearingMeans, onCleared: (channel: string, upTo: number) => void) {
    const { broker, subjects, owner } = means;
    this.#means = means;
    this.#onCleared = onCleared;
    this.#subscription = broker.subscribe(
      subjects.clearedFed,
      guarded(owner, (message: BrokerMessage) => this.#onMessage(message)),
    );
  }

  /** Lets the items of a channel go up to a number. Rejects when the broker fails. */
  async clear(channel: string, upTo: number): Promise<void> {
    const { broker, subjects, stream } = this.#means;
    const [subject, cleared] = [subjects.kept(channel), subjects.cleared(channel)];
    // To purge what comes before the first message would be to purge all.
    if (subject === null || cleared === null || upTo < 1) return;
    this.#onCleared(channel, upTo);
    // First the others are told: none of them may give what is gone as all that there was.
    await broker.connection.request(cleared, Buffer.from(String(upTo)));
    await stream.purge(subject, upTo + 1);
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }

  #onMessage(message: BrokerMessage): void {
    const { subjects, clusterCounters } = this.#means;
    const channel = subjects.readCleared(message.subject);
    const cleared = clearedNumber(message.data, streamedMessage(message)?.number ?? 0);
    if (channel === null || cleared === null) clusterCounters.messagesInvalid++;
    else this.#onCleared(channel, cleared);
  }
}
