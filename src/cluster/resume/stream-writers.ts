import { attempt, TurnQueue } from '../../clock/index.ts';
import { LEAST_COST, LineRate, OUTAGE_LINES, reportFault } from '../../exchange/index.ts';
import type { ResumableStream } from '../../resume/index.ts';
import type { BrokerMessage } from '../broker.ts';
import { ReplyInbox } from '../reply-inbox.ts';
import { streamAckOf } from '../stream-ack.ts';
import type { Subjects } from '../subjects.ts';
import type { StreamMeans } from './stream-means.ts';
import { type SentRecord, StreamWriter, type WriterRoom } from './stream-writer.ts';

/**
 * Bytes of all streams of a process that were published and the broker has not acknowledged.
 * @bound cluster-streams-window
 */
export const STREAMS_WINDOW = 8_388_608;

/** Writes the streams of this process to the broker. */
export class StreamWriters implements WriterRoom {
  readonly subjects: Subjects;
  readonly turns = new TurnQueue();
  readonly #means: StreamMeans;
  readonly #writers = new Map<string, StreamWriter>();
  readonly #inbox: ReplyInbox;
  /** By the tokens of their acknowledgements. */
  readonly #sent = new Map<number, SentRecord>();
  #tokens = 0;
  #bytes = 0;
  /** Writers for which there was no room. */
  #waiting = new Set<StreamWriter>();
  readonly #lines = new LineRate();
  readonly #refusals = new LineRate(OUTAGE_LINES);

  constructor(means: StreamMeans) {
    this.#means = means;
    this.subjects = means.subjects;
    this.#inbox = new ReplyInbox(means.broker, this, (message) => this.#onAck(message));
  }

  get maxPayload(): number {
    return this.#means.broker.maxPayload;
  }

  get now(): number {
    return this.#means.wheel.now;
  }

  /** Bytes that the broker has not acknowledged. */
  get bytes(): number {
    return this.#bytes;
  }

  begin(stream: ResumableStream): StreamWriter {
    const writer = new StreamWriter(this, stream);
    this.#writers.set(stream.id, writer);
    this.#means.counters.streamsShared++;
    writer.onChange();
    return writer;
  }

  /** Whether other nodes can continue a stream, or will hear of its end. */
  isShared(stream: string): boolean {
    return this.#writers.get(stream)?.lost === false;
  }

  /** Is called now and then. */
  check(): void {
    const headAge = (this.#means.store.maxAge * 1_000) / 3;
    for (const writer of this.#writers.values()) attempt(writer, () => writer.check(headAge));
  }

  /** The broker is there again. */
  again(): void {
    for (const writer of this.#writers.values()) attempt(writer, () => writer.again());
  }

  stop(): void {
    for (const writer of this.#writers.values()) attempt(writer, () => writer.stop());
    this.#writers.clear();
    this.#inbox.close();
  }

  onFault(thrown: unknown): void {
    reportFault(this.#means, thrown);
  }

  // ---- for the writers (WriterRoom)

  send(writer: StreamWriter, subject: string, data: Buffer, what: SentRecord['what']): SentRecord | null {
    const cost = Math.max(LEAST_COST, data.length);
    if (this.#bytes + cost > STREAMS_WINDOW) {
      this.#waiting.add(writer);
      return null;
    }
    const token = ++this.#tokens;
    if (!this.#means.broker.publish(subject, data, { reply: this.#inbox.subject(token) })) return null;
    const sent = { writer, token, what, cost, at: this.now, stored: false };
    this.#sent.set(token, sent);
    this.#bytes += cost;
    return sent;
  }

  forget({ token, cost }: SentRecord): void {
    if (this.#sent.delete(token)) this.#bytes -= cost;
  }

  publish(subject: string, data: Buffer): void {
    this.#means.broker.publish(subject, data);
  }

  trim(stream: string, number: number): void {
    this.#means.store.trim(stream, number).catch((error) => this.#onUndone(error));
  }

  onLost({ stream }: StreamWriter, reason: string): void {
    const { counters, log } = this.#means;
    counters.streamsUnshared++;
    const fields = { stream: stream.id.slice(0, 8), reason, streams: counters.streamsUnshared };
    this.#lines.write(log, 'warn', fields, 'stream cannot be resumed at other nodes');
  }

  onGone({ stream, begun }: StreamWriter): void {
    this.#writers.delete(stream.id);
    if (begun) this.#means.store.remove(stream.id).catch((error) => this.#onUndone(error));
  }

  #onAck(message: BrokerMessage): void {
    const sent = this.#sent.get(Number(this.#inbox.tokenOf(message)));
    if (sent === undefined) return;
    this.forget(sent);
    const { number, refusedBy: reason } = streamAckOf(message.data);
    const { writer } = sent;
    if (reason === null) {
      attempt(writer, stored, sent, number);
    } else {
      this.#refusals.write(this.#means.log, 'warn', { reason }, 'broker does not keep a part of a stream yet');
      writer.onRefused();
    }
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const each of waiting) attempt(each, write);
  }

  /** Parts that are not needed stay at the broker until they are too old. */
  #onUndone(error: unknown): void {
    this.#means.log.debug({ reason: String(error) }, 'parts of a stream stay at the broker until they are too old');
  }
}

function write(writer: StreamWriter): void {
  writer.write();
}

function stored(writer: StreamWriter, sent: SentRecord, number: number): void {
  writer.onStored(sent, number);
}
