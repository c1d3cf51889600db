import { createInbox } from '@nats-io/transport-node';
import { attempt, type Guarded } from '../../clock/index.ts';
import { matchesPattern } from '../../codec/grip/index.ts';
import { LEAST_COST } from '../../exchange/index.ts';
import type { KeptItem } from '../../history/index.ts';
import type { Broker, BrokerMessage } from '../broker.ts';
import { copiedItem } from '../item-message.ts';
import { deliveryOf, pullSubject } from '../pull-consumer.ts';
import type { Subjects } from '../subjects.ts';
import type { ItemStream } from './item-stream.ts';

/** Messages and bytes that are asked of the broker at a time. */
const [BATCH, BATCH_BYTES] = [1_000, 1_048_576];

/** Milliseconds without a message after which a read has failed. */
const SILENCE = 5_000;

/** Milliseconds after which a server is asked again that is behind, and how often one that does not know the reader yet, as another server has made it. */
const [BEHIND, UNKNOWN] = [20, 100];

/** Seconds after which the broker forgets a reader that was not deleted. */
const INACTIVE = 30;

/** The status of a batch for which there is nothing. */
const NO_MESSAGES = 404;

const NO_BYTES = Buffer.alloc(0);

/** What to read. */
export interface StreamRange {
  /** Subjects of channels, or of a pattern. No two of them match the same. */
  readonly subjects: readonly string[];
  /** Only items with higher numbers. */
  readonly after: number;
  /** Only items up to this number. */
  readonly upTo: number;
  /** Bytes of items at most, each at least 256. */
  readonly maxBytes: number;
  /**
   * Subject of the message with the number `upTo`. Where several servers have the stream, the one that is asked may be behind. Once it has this message it has everything before it. Null where the stream is on
   * one server.
   */
  readonly fence: string | null;
  /** Whether only the names of channels are wanted: the items have no bytes. */
  readonly namesOnly?: boolean;
}

/** What was read. */
export interface StreamPart {
  readonly items: readonly KeptItem[];
  /** Everything in the range up to this number is there. It is below the end of the range where that is too much. */
  readonly upTo: number;
}

/** Where to read. */
export interface StreamSource {
  readonly broker: Broker;
  readonly stream: ItemStream;
  readonly subjects: Subjects;
}

/** Reads a part of the stream: the items of some channels, in their order. Rejects when the broker fails. */
export async function readStream(source: StreamSource, range: StreamRange): Promise<StreamPart> {
  const { stream } = source;
  const { after, upTo, subjects, fence, namesOnly = false } = range;
  // Subjects of a consumer must not match the same: a pattern may match the fence, too.
  const needsFence = fence !== null && !subjects.some((subject) => matchesPattern(subject, fence));
  const wanted = needsFence ? [...subjects, fence] : subjects;
  const settings = { from: after + 1, subjects: wanted, inactive: INACTIVE, headersOnly: namesOnly };
  const consumer = await stream.addConsumer(settings);
  try {
    if (consumer.num_pending === 0 && fence === null) return { items: [], upTo };
    return await new Reading(source, consumer.name, range).done;
  } finally {
    // If that fails, the broker forgets it later.
    stream.deleteConsumer(consumer.name).catch(() => {});
  }
}

/** One reader, until it has all. */
class Reading implements Guarded {
  readonly done: Promise<StreamPart>;
  readonly #source: StreamSource;
  readonly #range: StreamRange;
  readonly #subject: string;
  readonly #inbox = createInbox();
  readonly #silence: NodeJS.Timeout;
  #behind: NodeJS.Timeout | null = null;
  readonly #items: KeptItem[] = [];
  #bytes = 0;
  /** Batches that were asked for, and messages of the last one. */
  #asked = 0;
  #came = 0;
  /** Times that the server did not know the reader. */
  #unknown = 0;
  #ended = false;
  #finish: (part: StreamPart) => void = () => {};
  #fail: (error: Error) => void = () => {};

  constructor(source: StreamSource, consumer: string, range: StreamRange) {
    this.#source = source;
    this.#range = range;
    this.#subject = pullSubject(source.stream.name, consumer);
    this.#silence = setTimeout(() => this.#end(new Error('the broker does not answer')), SILENCE);
    const subscription = source.broker.subscribe(`${this.#inbox}.*`, (message) => {
      if (!this.#ended) attempt(this, () => this.#onMessage(message));
    });
    this.done = new Promise<StreamPart>((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    }).finally(() => {
      clearTimeout(this.#silence);
      if (this.#behind !== null) clearTimeout(this.#behind);
      subscription.unsubscribe();
    });
    this.#ask();
  }

  onFault(thrown: unknown): void {
    this.#end(thrown instanceof Error ? thrown : new Error(String(thrown)));
  }

  #ask(): void {
    const { broker } = this.#source;
    this.#came = 0;
    // A message that is larger than this would never come.
    const max_bytes = Math.max(BATCH_BYTES, 2 * broker.maxPayload);
    const batch = Buffer.from(JSON.stringify({ batch: BATCH, max_bytes, no_wait: true }));
    this.#asked++;
    if (!broker.publish(this.#subject, batch, { reply: this.#reply })) this.#end(new Error('the broker is away'));
  }

  /** Where the broker says why no more of the last batch comes. */
  get #reply(): string {
    return `${this.#inbox}.${this.#asked}`;
  }

  #onMessage(message: BrokerMessage): void {
    const { headers, reply = '' } = message;
    if (reply === '') {
      // A server may say of a batch that it is complete when the next one was asked for already.
      if (message.subject === this.#reply) this.#onStatus(headers?.code ?? 0, headers?.description ?? '');
      return;
    }
    this.#silence.refresh();
    const delivery = deliveryOf(reply);
    if (delivery === null) {
      this.#end(new Error(`message of a reader without a number: ${reply}`));
      return;
    }
    const { number, time, pending } = delivery;
    const { upTo, maxBytes, fence, namesOnly = false } = this.#range;
    if (number <= upTo && message.subject !== fence) {
      const channel = this.#source.subjects.channelOf(message.subject);
      const bytes = namesOnly ? NO_BYTES : copiedItem(message.data);
      if (channel !== null) {
        this.#bytes += Math.max(LEAST_COST, bytes.length);
        this.#items.push({ number, time, channel, bytes });
      }
    }
    if (number >= upTo || (pending === 0 && fence === null)) this.#end({ items: this.#items, upTo });
    else if (this.#bytes >= maxBytes) this.#end({ items: this.#items, upTo: number });
    else if (++this.#came === BATCH) this.#ask();
  }

  /** The batch was full, or there is no more for now. */
  #onStatus(code: number, description: string): void {
    if (code === 503) {
      if (++this.#unknown === UNKNOWN) this.#end(new Error('the broker has no such reader'));
      else this.#askLater();
    } else if (this.#came > 0) {
      this.#ask();
    } else if (code !== NO_MESSAGES) {
      this.#end(new Error(`the broker ends a batch: ${code} ${description}`));
    } else if (this.#range.fence === null) {
      // What was to come has been deleted.
      this.#end({ items: this.#items, upTo: this.#range.upTo });
    } else {
      this.#askLater();
    }
  }

  #askLater(): void {
    this.#behind = setTimeout(() => attempt(this, () => this.#ask()), BEHIND);
  }

  #end(result: StreamPart | Error): void {
    this.#ended = true;
    if (result instanceof Error) this.#fail(result);
    else this.#finish(result);
  }
}
