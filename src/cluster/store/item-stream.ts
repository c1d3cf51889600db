import { hash } from 'node:crypto';
import type {
  ConsumerInfo,
  DirectMsgRequest,
  JetStreamManager,
  StreamConfig,
  StreamInfo,
  StreamUpdateConfig,
} from '@nats-io/jetstream';
import { EPOCH_LENGTH, newEpoch } from '../../history/index.ts';
import type { Broker } from '../broker.ts';
import { findStream } from '../find-stream.ts';
import { openStream } from '../open-stream.ts';
import type { PullSettings } from '../pull-consumer.ts';
import { storedMessage } from '../stored-message.ts';
import { differencesOf, raisedLimits, requireStream, type StreamSettings, wantedStream } from '../stream-settings.ts';
import type { Subjects } from '../subjects.ts';
import { makeReader } from './make-reader.ts';

/** Keys of a stream's metadata: what its epoch is made of, a hash of the rules, and the number of its last item when they became these. */
const [EPOCH, RULES, FLOOR] = ['holdfast_epoch', 'holdfast_rules', 'holdfast_floor'];

/** A message of the stream. */
export interface StreamMessage {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** The stream of a cluster at the broker: what it is like, and what can be asked of it. */
export class ItemStream {
  readonly name: string;
  /** Stands for what it has now. */
  epoch = '';
  /** A cursor below it continues only channels that have items from before the cursor. */
  floor = 0;
  /** How it differs from what it must be, as of the last refresh; empty as long as it can be used. */
  unfit = '';
  /** The highest number that was seen. */
  seen = 0;
  /** Servers that have each item. */
  replicas = 1;
  /** Items that the stream keeps of a channel; -1 for any number. */
  perChannel = -1;
  /** Milliseconds for which the broker knows the ids of items. */
  window = 0;
  /** What it has, as of the last refresh. */
  held = { messages: 0, channels: 0, bytes: 0 };
  readonly #manager: JetStreamManager;
  readonly #subjects: Subjects;
  readonly #settings: StreamSettings;
  #rules: string | null = null;

  private constructor(manager: JetStreamManager, subjects: Subjects, settings: StreamSettings) {
    this.name = subjects.name;
    this.#manager = manager;
    this.#subjects = subjects;
    this.#settings = settings;
  }

  /** Finds the stream, or makes it. @throws BrokerError when the broker has no JetStream, does not allow it, or has another stream of this name */
  static async open(broker: Broker, subjects: Subjects, settings: StreamSettings): Promise<ItemStream> {
    return openStream(broker, 'histories of channels', async (manager) => {
      const stream = new ItemStream(manager, subjects, settings);
      await stream.refresh();
      return stream;
    });
  }

  /** Why the broker keeps nothing that nodes can use. */
  get stallReason(): string {
    return this.unfit === '' ? 'most of its servers may be away' : `its stream was changed (${this.unfit})`;
  }

  /**
   * Asks what the stream is like, and corrects its settings. It gets another epoch when it was made again, or has lost items, as after the broker was restored from a backup.
   */
  async refresh(): Promise<StreamInfo> {
    let info = await this.#find();
    const wanted = wantedStream(this.#subjects, this.#settings);
    this.unfit = differencesOf(info.config, wanted).join('; ');
    requireStream(info.config, wanted);
    const change: Partial<StreamUpdateConfig> = raisedLimits(info.config, wanted);
    const metadata = { ...info.config.metadata };
    const isOf = this.#epochOf(info);
    // Another node may have given it another value already.
    const isBehind = isOf === this.epoch && info.state.last_seq < this.seen;
    if (metadata[EPOCH] === undefined || (isBehind && (await this.#hasLost()))) {
      change.metadata = { ...metadata, [EPOCH]: newEpoch() };
    }
    if (this.#rules !== null && metadata[RULES] !== this.#rules) {
      change.metadata = {
        ...(change.metadata ?? metadata),
        [RULES]: this.#rules,
        [FLOOR]: String(info.state.last_seq),
      };
    }
    // While less was kept of a channel, some items may have gone.
    else if (change.max_msgs_per_subject !== undefined) {
      change.metadata = { ...(change.metadata ?? metadata), [FLOOR]: String(info.state.last_seq) };
    }
    if (Object.keys(change).length > 0) {
      await this.#manager.streams.update(this.name, { ...info.config, ...change });
      info = await this.#manager.streams.info(this.name);
    }
    this.#take(info);
    return info;
  }

  /** Tells which rules are in force. @param text stands for all of them */
  async setRules(text: string): Promise<void> {
    this.#rules = hash('sha256', text).slice(0, 16);
    await this.refresh();
  }

  /** What the stream is like now. An operator, or another node, may have changed its limits since the last refresh. */
  async info(): Promise<StreamInfo> {
    const info = await this.#manager.streams.info(this.name);
    this.#takeLimits(info.config);
    return info;
  }

  /** How many items each subject has that this one matches. */
  async countsOf(subject: string): Promise<Readonly<Record<string, number>>> {
    const { state } = await this.#manager.streams.info(this.name, { subjects_filter: subject });
    return state.subjects ?? {};
  }

  /** One message, as the leader of the stream has it; null for none. */
  async get(query: Parameters<typeof storedMessage>[2]): Promise<StreamMessage | null> {
    const found = await storedMessage(this.#manager, this.name, query);
    return found && { seq: found.seq, subject: found.subject, data: found.data, time: found.time.getTime() };
  }

  /** The number of the first message of a subject above a number; 0 for none. Any of the servers answers, which may be behind. */
  async numberAfter(number: number, subject: string): Promise<number> {
    const query = { seq: number + 1, next_by_subj: subject } as unknown as DirectMsgRequest;
    return (await this.#manager.direct.getMessage(this.name, query))?.seq ?? 0;
  }

  /** Deletes the items of a subject. @param before only those with lower numbers */
  async purge(subject: string, before?: number): Promise<void> {
    await this.#manager.streams.purge(
      this.name,
      before === undefined ? { filter: subject } : { filter: subject, seq: before },
    );
  }

  addConsumer(settings: PullSettings): Promise<ConsumerInfo> {
    return makeReader(this.#manager.consumers, this.name, settings);
  }

  async deleteConsumer(name: string): Promise<void> {
    await this.#manager.consumers.delete(this.name, name);
  }

  /** Whether the stream has lost items. A server that was stopped, or has just begun to lead, may report less than there is. But it takes a message only when it knows of all. */
  async #hasLost(): Promise<boolean> {
    const { seen } = this;
    const { seq } = await this.#manager.jetstream().publish(this.#subjects.mark('last'));
    return seq <= seen;
  }

  #find(): Promise<StreamInfo> {
    const metadata = { [EPOCH]: newEpoch() };
    return findStream(this.#manager, { ...wantedStream(this.#subjects, this.#settings), metadata }, this.epoch !== '');
  }

  #take(info: StreamInfo): void {
    const epoch = this.#epochOf(info);
    if (epoch !== this.epoch) this.seen = 0;
    this.epoch = epoch;
    this.#takeLimits(info.config);
    this.replicas = info.config.num_replicas;
    this.window = info.config.duplicate_window / 1e6;
    this.seen = Math.max(this.seen, info.state.last_seq);
    const { messages, num_subjects = 0, bytes } = info.state;
    this.held = { messages, channels: num_subjects, bytes };
  }

  #takeLimits({ metadata, max_msgs_per_subject }: StreamConfig): void {
    this.floor = Number(metadata?.[FLOOR] ?? 0);
    this.perChannel = max_msgs_per_subject;
  }

  #epochOf({ created, config }: StreamInfo): string {
    return hash('sha256', `${created} ${config.metadata?.[EPOCH] ?? ''}`).slice(0, EPOCH_LENGTH);
  }
}
