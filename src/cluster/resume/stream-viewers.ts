import { attempt } from '../../clock/index.ts';
import {
  LineRate,
  NO_RESPONDER,
  type Requester,
  type RequestHead,
  type Responder,
  reportFault,
  respond,
} from '../../exchange/index.ts';
import { parseEventId } from '../../resume/index.ts';
import type { BrokerMessage } from '../broker.ts';
import { newNodeId } from '../node-id.ts';
import { deliveryOf, pullSubject } from '../pull-consumer.ts';
import { ReplyInbox } from '../reply-inbox.ts';
import type { ResumeStore } from './resume-store.ts';
import type { StreamMeans } from './stream-means.ts';
import type { StreamQuestions } from './stream-questions.ts';
import { BATCH, BATCH_BYTES, type StreamReading, WAIT } from './stream-reading.ts';
import { StreamViewer, type ViewerRoom } from './stream-viewer.ts';

/**
 * Clients of a process that read streams of other nodes.
 * @bound cluster-stream-viewers
 */
export const MAX_VIEWERS = 4_096;

/** Milliseconds after which the broker counts as away for more than a moment. */
const ALONE = 5_000;

const PULL = Buffer.from(JSON.stringify({ batch: BATCH, max_bytes: BATCH_BYTES, expires: WAIT * 1e6 }));

/** Responds to clients with the streams of other nodes. */
export class StreamViewers implements ViewerRoom {
  readonly store: ResumeStore;
  readonly #means: StreamMeans;
  readonly #questions: StreamQuestions;
  readonly #inbox: ReplyInbox;
  /** The beginning of the names of its viewers. */
  readonly #self = newNodeId();
  /** With their names, which no other viewer of any node has. */
  readonly #viewers = new Map<StreamViewer, string>();
  /** By the names of their consumers. */
  readonly #readings = new Map<string, StreamReading>();
  readonly #lines = new LineRate();
  #tokens = 0;
  #stopped = false;
  /** When the broker went away. */
  #away = Number.POSITIVE_INFINITY;

  constructor(means: StreamMeans, questions: StreamQuestions) {
    this.store = means.store;
    this.#means = means;
    this.#questions = questions;
    this.#inbox = new ReplyInbox(means.broker, this, (message) => this.#onMessage(message));
  }

  get now(): number {
    return this.#means.wheel.now;
  }

  get isAlone(): boolean {
    return this.now - this.#away >= ALONE;
  }

  get size(): number {
    return this.#viewers.size;
  }

  /** Responds as `ResumableStreams.service` does, for streams that other processes have, or had. */
  readonly service = (request: RequestHead, requester: Requester): Responder => {
    const { counters, log } = this.#means;
    const event = parseEventId(request.target.slice(1));
    const isFull = this.#viewers.size >= MAX_VIEWERS;
    if (event === null || isFull || this.#stopped || this.isAlone) {
      if (isFull) {
        counters.streamViewersRefused++;
        this.#lines.write(log, 'warn', { clients: MAX_VIEWERS }, 'too many clients read streams of other nodes');
      }
      respond(requester, { head: { status: 404, reason: '', headers: [], bodyLength: 0 }, body: Buffer.alloc(0) });
      return NO_RESPONDER;
    }
    const viewer = new StreamViewer(this, event, request, requester);
    this.#viewers.set(viewer, `${this.#self}-${++this.#tokens}`);
    viewer.start();
    return viewer;
  };

  /** Is called once a second. */
  check(): void {
    for (const viewer of this.#viewers.keys()) attempt(viewer, () => viewer.check());
  }

  onDown(): void {
    this.#away = this.now;
  }

  /** The broker is there again. */
  onUp(): void {
    this.#away = Number.POSITIVE_INFINITY;
    for (const viewer of this.#viewers.keys()) attempt(viewer, () => viewer.again());
  }

  /** All clients are cut off. */
  stop(): void {
    this.#stopped = true;
    for (const viewer of this.#viewers.keys()) attempt(viewer, () => viewer.fail('the node stops'));
    this.#inbox.close();
  }

  onFault(thrown: unknown): void {
    reportFault(this.#means, thrown);
  }

  // ---- for the viewers (ViewerRoom)

  ask(viewer: StreamViewer, stream: string, position: number): void {
    this.#questions.ask(viewer, stream, this.#viewers.get(viewer) as string, position);
  }

  watch(reading: StreamReading, consumer: string): void {
    this.#readings.set(consumer, reading);
  }

  unwatch(consumer: string): void {
    this.#readings.delete(consumer);
  }

  pull(consumer: string, batch: number): boolean {
    return this.#means.broker.publish(pullSubject(this.store.name, consumer), PULL, {
      reply: this.#inbox.subject(`${consumer}_${batch}`),
    });
  }

  onInvalid(): void {
    this.#means.counters.messagesInvalid++;
  }

  onStarted(): void {
    this.#means.counters.streamsViewed++;
  }

  onLeft(viewer: StreamViewer): void {
    this.#viewers.delete(viewer);
  }

  onViewerFault(_viewer: StreamViewer, thrown: unknown): void {
    reportFault(this.#means, thrown);
  }

  /** A message of a consumer has its subject in the store. What else the broker says comes to the inbox. */
  #onMessage(message: BrokerMessage): void {
    const [named, batch = '0'] = this.#inbox.tokenOf(message)?.split('_') ?? [];
    const reading = this.#readings.get(named ?? deliveryOf(message.reply ?? '')?.consumer ?? '');
    if (reading !== undefined) attempt(reading, take, message, Number(batch));
  }
}

function take(reading: StreamReading, message: BrokerMessage, batch: number): void {
  reading.onMessage(message, batch);
}
