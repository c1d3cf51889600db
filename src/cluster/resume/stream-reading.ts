import { attempt, fault, type Guarded } from '../../clock/index.ts';
import type { BrokerMessage } from '../broker.ts';
import { deliveryOf } from '../pull-consumer.ts';
import type { ResumeStore } from './resume-store.ts';
import { readStreamRecord, type StreamRecord } from './stream-record.ts';

/** Messages that the broker is asked for at a time. */
export const BATCH = 64;

/**
 * Bytes that the broker is asked for at a time, for one client.
 * @bound cluster-stream-batch
 */
export const BATCH_BYTES = 65_536;

/** Milliseconds for which the broker waits for messages when it is asked. */
export const WAIT = 20_000;

/** Milliseconds beyond that after which the broker is taken to have forgotten the consumer. */
const SLACK = 5_000;

/** Takes what is read. */
export interface RecordTaker extends Guarded {
  /** Whether more may come. */
  readonly isHungry: boolean;
  /** @param record null for one that no node of this version has written */
  onRecord(record: StreamRecord | null): void;
  /** All that is there at present has come. */
  onCaughtUp(): void;
}

/** What readings share. */
export interface ReadingRoom {
  readonly store: ResumeStore;
  /** Milliseconds of the timer wheel. */
  readonly now: number;
  /** Messages of a consumer come to a reading. */
  watch(reading: StreamReading, consumer: string): void;
  unwatch(consumer: string): void;
  /** Asks the broker for messages of a consumer. @param batch its number, with which the broker says why no more come @returns whether that is possible now */
  pull(consumer: string, batch: number): boolean;
}

/** Reads the log of one stream from the broker, batch by batch, and then what comes. When the broker has forgotten it, it begins again where it was. */
export class StreamReading implements Guarded {
  /** Number of the last message. */
  number = 0;
  /** All that was there has come. */
  caughtUp = false;
  readonly #room: ReadingRoom;
  readonly #taker: RecordTaker;
  readonly #stream: string;
  #consumer: string | null = null;
  #making = 0;
  /** Batches that were asked for. */
  #batches = 0;
  /** Whether a batch was asked for, its messages that have not come, and when something came last. */
  #pulling = false;
  #left = 0;
  #heard = 0;
  #stopped = false;

  constructor(room: ReadingRoom, taker: RecordTaker, stream: string) {
    this.#room = room;
    this.#taker = taker;
    this.#stream = stream;
  }

  /** Begins, or begins again. */
  begin(): void {
    if (this.#stopped) return;
    this.#forget();
    this.caughtUp = false;
    this.#heard = this.#room.now;
    const making = ++this.#making;
    this.#room.store.addConsumer(this.#stream, this.number + 1).then(
      ({ name, pending }) => {
        if (making !== this.#making || this.#stopped) {
          this.#room.store.deleteConsumer(name).catch(() => {});
          return;
        }
        this.#consumer = name;
        this.#room.watch(this, name);
        attempt(this.#taker, () => this.#onMade(pending));
      },
      () => {
        // It is tried again, by `check`.
      },
    );
  }

  /** Asks for more, if more may come. */
  pull(): void {
    if (this.#stopped || this.#consumer === null || this.#pulling || !this.#taker.isHungry) return;
    this.#pulling = this.#room.pull(this.#consumer, ++this.#batches);
    this.#left = BATCH;
    this.#heard = this.#room.now;
  }

  /** A message that was asked for, or why no more come. @param batch which batch ends; 0 for a message that was asked for */
  onMessage({ headers, reply = '', data }: BrokerMessage, batch: number): void {
    this.#heard = this.#room.now;
    const code = headers?.code ?? 0;
    if (code > 0) {
      // A server also says that a batch ends when all of it has come: by then the next one may have been asked for.
      if (batch !== this.#batches) return;
      const empty = this.#left === BATCH;
      this.#pulling = false;
      if (code === 503 || (code === 409 && /deleted|leadership/i.test(headers?.description ?? ''))) this.#forget();
      // A question that the broker refuses is not repeated at once.
      else if (code === 408 || !empty) this.pull();
      return;
    }
    const { number = 0, pending } = deliveryOf(reply) ?? {};
    if (number <= this.number) return;
    this.number = number;
    this.caughtUp = pending === 0;
    if (--this.#left === 0) this.#pulling = false;
    this.#taker.onRecord(readStreamRecord(data));
    this.pull();
  }

  /** Is called once a second. */
  check(): void {
    const silent = this.#room.now - this.#heard;
    if (this.#pulling ? silent >= WAIT + SLACK : this.#consumer === null && silent >= SLACK) this.begin();
    else this.pull();
  }

  stop(): void {
    this.#stopped = true;
    const name = this.#consumer;
    this.#forget();
    // If that fails, the broker forgets it later.
    if (name !== null) this.#room.store.deleteConsumer(name).catch(() => {});
  }

  /** @param pending messages that the consumer is to bring */
  #onMade(pending: number): void {
    this.pull();
    if (pending > 0) return;
    this.caughtUp = true;
    this.#taker.onCaughtUp();
  }

  onFault(thrown: unknown): void {
    fault(this.#taker, thrown);
  }

  #forget(): void {
    if (this.#consumer !== null) this.#room.unwatch(this.#consumer);
    this.#consumer = null;
    this.#pulling = false;
  }
}
