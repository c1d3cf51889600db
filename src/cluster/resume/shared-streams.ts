import type { TimerWheel } from '../../clock/index.ts';
import { type Guarded, Ticker } from '../../clock/index.ts';
import { type ClusterCounters, type Log, reportFault, type Service } from '../../exchange/index.ts';
import type { ResumableStreams } from '../../resume/index.ts';
import type { Broker, BrokerWatcher } from '../broker.ts';
import { Subjects } from '../subjects.ts';
import { RemoteReaders } from './remote-readers.ts';
import { ResumeStore, type ResumeStoreSettings } from './resume-store.ts';
import type { StreamMeans } from './stream-means.ts';
import { StreamQuestions } from './stream-questions.ts';
import { StreamViewers } from './stream-viewers.ts';
import { StreamWriters } from './stream-writers.ts';

/** Milliseconds between two checks of what no event tells. */
const CHECK = 1_000;

/** What shared streams are made of. */
export interface SharedStreamsOptions extends ResumeStoreSettings {
  readonly broker: Broker;
  readonly prefix: string;
  /** The streams of this process. */
  readonly streams: ResumableStreams;
  readonly wheel: TimerWheel;
  readonly log: Log;
  readonly counters: ClusterCounters;
}

/**
 * The resumable streams of a process, and those of all other nodes. One process reads a stream from its origin and writes it to the broker, too. A client that comes back to another process gets it from there.
 */
export class SharedStreams implements BrokerWatcher, Guarded {
  /** Responds as `ResumableStreams.service` does, for streams that other processes have, or had. */
  readonly service: Service;
  readonly #means: StreamMeans;
  readonly #streams: ResumableStreams;
  readonly #writers: StreamWriters;
  readonly #readers: RemoteReaders;
  readonly #questions: StreamQuestions;
  readonly #viewers: StreamViewers;
  readonly #ticker: Ticker;
  #stopped = false;

  private constructor(means: StreamMeans, streams: ResumableStreams) {
    this.#means = means;
    this.#streams = streams;
    this.#writers = new StreamWriters(means);
    this.#readers = new RemoteReaders(means, streams, (id) => this.#writers.isShared(id));
    this.#questions = new StreamQuestions(means);
    this.#viewers = new StreamViewers(means, this.#questions);
    this.service = this.#viewers.service;
    streams.mirror = (stream) => this.#writers.begin(stream);
    means.broker.watch(this);
    this.#ticker = new Ticker(CHECK, this, () => this.#check());
  }

  /** Shares the streams that begin from now on. @throws BrokerError when the broker has no JetStream, or another stream of this name */
  static async start({ broker, prefix, streams, wheel, log, counters, ...settings }: SharedStreamsOptions) {
    const subjects = new Subjects(prefix);
    const store = await ResumeStore.open(broker, subjects, settings);
    return new SharedStreams({ broker, subjects, store, wheel, log, counters }, streams);
  }

  /** Raises the limits of the store, where these are larger. @param maxAge seconds */
  async setLimits(maxBytes: number, maxAge: number): Promise<void> {
    await this.#means.store.setLimits(maxBytes, maxAge);
  }

  /** Clients of other nodes are told that streams which have not ended are cut off. What was written stays. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#ticker.stop();
    this.#streams.mirror = null;
    this.#viewers.stop();
    this.#readers.stop();
    this.#writers.stop();
    this.#questions.stop();
  }

  onUp(): void {
    if (this.#stopped) return;
    this.#readers.onUp();
    this.#questions.onUp();
    this.#writers.again();
    this.#viewers.onUp();
  }

  onDown(): void {
    this.#viewers.onDown();
  }

  onFault(thrown: unknown): void {
    reportFault(this.#means, thrown);
  }

  #check(): void {
    const { broker } = this.#means;
    this.#viewers.check();
    if (!broker.up) return;
    this.#questions.check();
    this.#writers.check();
    this.#readers.check();
  }
}
