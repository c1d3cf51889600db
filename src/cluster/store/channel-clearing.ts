import type { Subscription } from '@nats-io/transport-node';
import { type Guarded, guarded } from '../../clock/index.ts';
import type { ClusterCounters } from '../../exchange/index.ts';
import type { Broker, BrokerMessage } from '../broker.ts';
import { streamAckOf } from '../stream-ack.ts';
import type { Subjects } from '../subjects.ts';
import type { ItemStream } from './item-stream.ts';
import { clearedNumber, streamedMessage } from './streamed-message.ts';

/** What the clearing of channels needs. */
export interface ClearingMeans {
  readonly broker: Broker;
  readonly subjects: Subjects;
  readonly stream: ItemStream;
  readonly clusterCounters: ClusterCounters;
  readonly owner: Guarded;
}

/** Deletes items of channels, and hears which ones other nodes delete. */
export class ChannelClearing {
  readonly #means: ClearingMeans;
  readonly #onCleared: (channel: string, upTo: number) => void;
  readonly #subscription: Subscription;

  /** @param onCleared is called when a node deletes the items of a channel up to a number */
  constructor(means: ClearingMeans, onCleared: (channel: string, upTo: number) => void) {
    const { broker, subjects, owner } = means;
    this.#means = means;
    this.#onCleared = onCleared;
    this.#subscription = broker.subscribe(
      subjects.clearedFed,
      guarded(owner, (message: BrokerMessage) => this.#onMessage(message)),
    );
  }

  /** Deletes the items of a channel up to a number. Rejects when the broker fails, or does not keep the note for the other nodes: then nothing is deleted. */
  async clear(channel: string, upTo: number): Promise<void> {
    const { broker, subjects, stream } = this.#means;
    const [subject, cleared] = [subjects.kept(channel), subjects.cleared(channel)];
    // The broker takes a purge up to nothing for a purge of all.
    if (subject === null || cleared === null || upTo < 1) return;
    this.#onCleared(channel, upTo);
    // The others are told first: otherwise one of them could take the rest for the whole.
    const { data } = await broker.connection.request(cleared, Buffer.from(String(upTo)));
    const { refusedBy } = streamAckOf(data);
    if (refusedBy !== null) throw new Error(`other nodes cannot be told what is deleted: ${refusedBy}`);
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
