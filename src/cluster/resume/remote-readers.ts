import type { Subscription } from '@nats-io/transport-node';
import { type Guarded, guarded } from '../../clock/index.ts';
import { reportFault } from '../../exchange/index.ts';
import type { ResumableStream, ResumableStreams, StreamReader } from '../../resume/index.ts';
import type { BrokerMessage } from '../broker.ts';
import type { StreamMeans } from './stream-means.ts';
import { LIVE, questionSubject } from './stream-questions.ts';

/** Milliseconds after which a client of another node that was not heard of has left. */
const SILENCE = 15_000;

/**
 * Clients of other nodes that count as readers of the streams of a process.
 * @bound cluster-stream-readers
 */
export const MAX_REMOTE_READERS = 10_000;

/** A number of a process, the id of a stream, and a position or -1. */
const QUESTION = /^([\w-]{1,40}) ([\w-]{30}) (-1|\d{1,16})$/;

const [YES, NO] = [Buffer.from([LIVE]), Buffer.from('-')];

/** A client of another node. It reads from the broker; here it counts as one who reads the stream. */
class RemoteReader implements StreamReader {
  position: number;
  heard: number;
  readonly stream: ResumableStream;

  constructor(stream: ResumableStream, position: number, heard: number) {
    this.stream = stream;
    this.position = position;
    this.heard = heard;
  }

  send(): void {}

  /** What it needs is at the broker. */
  fail(): void {}

  onFault(): void {}
}

/** Answers other nodes about the streams of this process, and counts their clients as readers: the origin waits for the one that has read most, and is not cut while one reads. */
export class RemoteReaders implements Guarded {
  readonly #means: StreamMeans;
  readonly #streams: ResumableStreams;
  readonly #isShared: (stream: string) => boolean;
  readonly #subscription: Subscription;
  readonly #readers = new Map<string, RemoteReader>();

  /** @param isShared whether other nodes can continue a stream, or will hear of its end */
  constructor(means: StreamMeans, streams: ResumableStreams, isShared: (stream: string) => boolean) {
    this.#means = means;
    this.#streams = streams;
    this.#isShared = isShared;
    const onMessage = guarded(this, (message: BrokerMessage) => this.#onMessage(message));
    this.#subscription = means.broker.subscribe(questionSubject(means, streams.place), onMessage);
  }

  get size(): number {
    return this.#readers.size;
  }

  /** Is called now and then. */
  check(): void {
    const { now } = this.#means.wheel;
    for (const [viewer, reader] of this.#readers) {
      if (now - reader.heard >= SILENCE) this.#leave(viewer, reader);
    }
  }

  /** The broker is there again: those that could not be heard are waited for. */
  onUp(): void {
    for (const reader of this.#readers.values()) reader.heard = this.#means.wheel.now;
  }

  stop(): void {
    this.#subscription.unsubscribe();
    for (const [viewer, reader] of this.#readers) this.#leave(viewer, reader);
  }

  onFault(thrown: unknown): void {
    reportFault(this.#means, thrown);
  }

  #onMessage({ data, reply = '' }: BrokerMessage): void {
    const [, viewer, id = '', position] = QUESTION.exec(Buffer.from(data).toString('latin1')) ?? [];
    if (viewer === undefined || data.length > 100) {
      this.#means.counters.messagesInvalid++;
      return;
    }
    const stream = this.#streams.get(id);
    const live = stream !== undefined && this.#isShared(id);
    if (stream !== undefined && live) this.#hear(viewer, stream, Number(position));
    if (reply !== '') this.#means.broker.publish(reply, live ? YES : NO);
  }

  #hear(viewer: string, stream: ResumableStream, position: number): void {
    const reader = this.#readers.get(viewer);
    if (position < 0) {
      if (reader?.stream === stream) this.#leave(viewer, reader);
      return;
    }
    // Nobody has read more than there is.
    const read = Math.min(position, stream.log.end);
    const { now } = this.#means.wheel;
    if (reader?.stream === stream) {
      reader.heard = now;
      reader.position = Math.max(reader.position, read);
      stream.onTaken();
    } else if (reader === undefined && this.#readers.size < MAX_REMOTE_READERS) {
      const joined = new RemoteReader(stream, read, now);
      this.#readers.set(viewer, joined);
      stream.join(joined);
    }
  }

  #leave(viewer: string, reader: RemoteReader): void {
    this.#readers.delete(viewer);
    reader.stream.onLeft(reader);
  }
}
