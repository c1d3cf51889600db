import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import type { Broker } from '../broker.ts';
import { findStream } from '../find-stream.ts';
import { openStream } from '../open-stream.ts';
import { pullConsumer } from '../pull-consumer.ts';
import { storedMessage } from '../stored-message.ts';
import { LIMITED, raisedLimits, requireStream, type WantedStream } from '../stream-settings.ts';
import type { Subjects } from '../subjects.ts';
import { readStreamHead, readStreamRecord, type StreamHead, type StreamRecord } from './stream-record.ts';

/** What the stream of the store is like. */
export interface ResumeStoreSettings {
  /** Servers that have each message; from 1 to 5. */
  readonly replicas: number;
  /** Bytes of all streams, as the broker counts them. The oldest go first. */
  readonly maxBytes: number;
  /** Seconds for which a message stays. */
  readonly maxAge: number;
}

/** Seconds after which the broker forgets a consumer that nobody asks for messages. */
const INACTIVE = 60;

const SECOND = 1e9;

/** Resumable streams at the broker, for all nodes: one JetStream stream, in which each has a subject for its head and one for its log. */
export class ResumeStore {
  readonly name: string;
  readonly #manager: JetStreamManager;
  readonly #subjects: Subjects;
  #settings: ResumeStoreSettings;

  private constructor(manager: JetStreamManager, subjects: Subjects, settings: ResumeStoreSettings) {
    this.name = `${subjects.name}_resume`;
    this.#manager = manager;
    this.#subjects = subjects;
    this.#settings = settings;
  }

  /** Finds the stream, or makes it. @throws BrokerError when the broker has no JetStream, does not allow it, or has another stream of this name */
  static async open(broker: Broker, subjects: Subjects, settings: ResumeStoreSettings): Promise<ResumeStore> {
    return openStream(broker, 'streams that can be resumed at other nodes', async (manager) => {
      const store = new ResumeStore(manager, subjects, settings);
      await store.#prepare();
      return store;
    });
  }

  /** Seconds for which a message stays. */
  get maxAge(): number {
    return this.#settings.maxAge;
  }

  /** Raises the limits, where these are larger. */
  async setLimits(maxBytes: number, maxAge: number): Promise<void> {
    this.#settings = { ...this.#settings, maxBytes, maxAge };
    await this.#prepare();
  }

  /** The head of a stream; null if it is not there. */
  async head(stream: string): Promise<StreamHead | null> {
    const message = await this.#get(this.#subjects.streamHead(stream));
    return message && readStreamHead(message.data);
  }

  /** The last message of a log, and its number; null if there is none. */
  async last(stream: string): Promise<{ readonly number: number; readonly record: StreamRecord | null } | null> {
    const message = await this.#get(this.#subjects.streamLog(stream));
    return message && { number: message.seq, record: readStreamRecord(message.data) };
  }

  /** Makes a consumer of a log. @param from number of the first message that it may get @returns its name, and the messages that it has to get */
  async addConsumer(stream: string, from: number): Promise<{ readonly name: string; readonly pending: number }> {
    // Not several, as for the history: there may be thousands of readers, and each is made again by its own check.
    const settings = pullConsumer({ from, subjects: [this.#subjects.streamLog(stream)], inactive: INACTIVE });
    const { name, num_pending } = await this.#manager.consumers.add(this.name, settings);
    return { name, pending: num_pending };
  }

  async deleteConsumer(name: string): Promise<void> {
    await this.#manager.consumers.delete(this.name, name);
  }

  /** Deletes the messages of a log with lower numbers. */
  async trim(stream: string, number: number): Promise<void> {
    await this.#manager.streams.purge(this.name, { filter: this.#subjects.streamLog(stream), seq: number });
  }

  /** Deletes all of a stream. */
  async remove(stream: string): Promise<void> {
    await this.#manager.streams.purge(this.name, { filter: this.#subjects.streamAll(stream) });
  }

  #get(subject: string): Promise<StoredMsg | null> {
    return storedMessage(this.#manager, this.name, { last_by_subj: subject });
  }

  async #prepare(): Promise<void> {
    const wanted = this.#wanted();
    const { config } = await findStream(this.#manager, wanted, false);
    requireStream(config, wanted);
    const change = raisedLimits(config, wanted);
    if (Object.keys(change).length > 0) await this.#manager.streams.update(this.name, { ...config, ...change });
  }

  #wanted(): WantedStream {
    const { replicas, maxBytes, maxAge } = this.#settings;
    return {
      ...LIMITED,
      name: this.name,
      subjects: [this.#subjects.streams],
      max_msgs_per_subject: -1,
      max_age: maxAge * SECOND,
      max_bytes: maxBytes,
      num_replicas: replicas,
      // No message has an id.
      duplicate_window: SECOND,
    };
  }
}
